//! A conversion by copy: functions and triggers that keep the copy equal, and the messages that copy and compare.
//!
//! Rows are written by functions of the tables' owner with `SECURITY DEFINER` only: Postgres lets no code that runs
//! inside one change the role. [`work`] has those that copy and compare; the others are those of triggers. In their text,
//! each column has an alias before it, each variable the label of the block, and [`text`] chooses both so that no column
//! can take their place.

mod attach;
mod bound;
mod compare;
mod copy;
mod create;
mod function;
mod functions;
mod guard;
mod leaves;
mod page;
mod record;
mod reverse;
mod source;
mod swap;
mod sync;
mod text;
mod verify;
mod work;

pub use attach::{attach_source, detach_source};
pub(super) use create::analyze;
pub use create::{create_copy, drop_copy, follow, validate_copy};

pub use function::Function;
pub use leaves::record_partition;
pub use page::{Comparison, Page, compare_page, copy_page};
pub use record::{CONVERSIONS, delete_record, note_sync, record_serving, record_swap, record_sync};
pub use source::{drop_source, end_sync};
pub use swap::{begin_swap, swap};
pub use sync::{expected_sync, install_sync, remove_sync, sync_functions};
pub use verify::{begin_verify, verify_page};
