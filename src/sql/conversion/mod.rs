//! SQL of conversions: functions and triggers that keep the copy equal, and messages that copy and compare.
//!
//! Only `SECURITY DEFINER` functions of the table owner write rows: Postgres does not let code that runs inside one change the
//! role. [`work`] has the blocks that copy and compare; the other functions are those of triggers. In their text, an alias
//! qualifies each column and a block label each variable; [`text`] chooses both so that no column can shadow them.

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
