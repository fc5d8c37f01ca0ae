//! Reports a login that can do more than the operator needs.

use super::{Draft, Ground, Note};

pub(super) fn report(_: &Ground<'_>, draft: &mut Draft) {
    let server = &draft.world.server;
    if server.superuser {
        draft.notes.push(Note::Superuser { role: server.role.clone() });
    }
}
