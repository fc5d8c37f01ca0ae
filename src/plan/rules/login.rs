//! Reports a login that can do more than the operator needs.

use super::{Draft, Moment, Note};
use crate::desired::DesiredTable;

pub(super) fn report(_: &DesiredTable, _: &Moment, draft: &mut Draft) {
    let server = &draft.world.server;
    if server.superuser {
        draft.notes.push(Note::Superuser { role: server.role.clone() });
    }
}
