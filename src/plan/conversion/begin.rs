//! Creation of the copy.

use super::Phase;
use super::note::ConversionNote;
use crate::plan::draft::Draft;
use crate::plan::preconditions::{Context, Method};
use crate::plan::step::CreateCopy;
use crate::plan::{Cause, Note, Step};

/// Creates the copy. Its partitions are planned in the next run, because their markers contain the OID of the copy.
pub(in crate::plan) fn create_copy(context: &Context<'_>, draft: &mut Draft) {
    let Phase::Begin { table, is_copied } = &context.phase else { return };
    let method = match &context.method {
        Method::Range(_) => crate::partition::Method::Range,
        Method::Hash(_) => crate::partition::Method::Hash,
    };
    // A foreign key to the table itself is not created on the copy.
    let references = context.references().into_iter().filter(|name| *name != table.source);
    let step = Step::CreateCopy(Box::new(CreateCopy {
        table: table.clone(),
        source: context.relation.oid,
        method,
        references: references.collect(),
    }));
    let rows = draft.state.plain.as_ref().and_then(|plain| plain.estimated_rows);
    let note =
        if *is_copied { ConversionNote::Follows { rows } } else { ConversionNote::AttachFollows };
    draft.note(Note::Conversion(note));
    draft.step(step, Cause::ConversionRequested);
}
