//! Reports a login that can do more than the operator needs.

use super::{Context, Draft, Note};

pub(super) fn report(_: &Context<'_>, draft: &mut Draft) {
    let server = &draft.state.server;
    if server.superuser {
        draft.note(Note::Superuser { role: server.role.clone() });
    }
}
