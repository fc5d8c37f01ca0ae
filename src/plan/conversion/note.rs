//! Notes of the preflight of a conversion.

use super::leaves::FirstBound;
use super::loss::FoundLoss;
use super::subject::Subject;
use super::text::some_of;
use crate::desired::Loss;
use crate::partition::{Identifier, QualifiedName, escape_control};

/// Number of partitions above which a note is given.
const MIN_NOTED_LEAVES: usize = 200;

/// Information for a user before a conversion begins.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum ConversionNote {
    /// Size of the table: a copy needs the same space again.
    Size {
        /// The plain table.
        table: QualifiedName,
        /// Estimated number of rows, or `None` if the table was never analyzed.
        rows: Option<u64>,
        /// Size with indexes and TOAST, in bytes.
        bytes: u64,
        /// Whether the rows are copied; otherwise, the table is attached unchanged.
        is_copied: bool,
    },
    /// A loss that has to be acknowledged before the plain table is dropped.
    LostAtDrop {
        /// Loss to acknowledge, as spelled in the spec.
        loss: Loss,
        /// Description of the loss, without a final period.
        cause: String,
    },
    /// Steps that follow the creation of the copy.
    Follows {
        /// Estimated number of rows to copy, or `None` if the table was never analyzed.
        rows: Option<u64>,
    },
    /// Steps that follow the creation of the partitioned table, with `Attach`.
    AttachFollows,
    /// Objects that continue to read the plain table and prevent its drop.
    Bound {
        /// The objects, as Postgres describes them.
        objects: Vec<String>,
        /// Whether the plain table is kept next to the partitioned one; otherwise, it becomes a partition.
        is_kept: bool,
    },
    /// Indexes that the table got after the cutover and that its source lacks.
    SourceLacksIndexes {
        /// Name of the plain table.
        source: QualifiedName,
        /// Names of the indexes of the partitioned table.
        indexes: Vec<Identifier>,
    },
    /// The copy gets many partitions.
    ManyPartitions {
        /// Number of partitions, including the default partition.
        leaves: usize,
        /// End of the message: how to get fewer partitions.
        fewer: String,
    },
    /// Rows before `startAt` go to the default partition.
    BeginsWithStartAt,
    /// Acknowledgments that match no loss.
    NothingToAcknowledge {
        /// Entries of `spec.conversion.acknowledge` without a match.
        losses: Vec<Loss>,
    },
}

/// Returns the notes, except those about losses.
pub(super) fn notes(subject: &Subject<'_>, found: &[FoundLoss]) -> Vec<ConversionNote> {
    let plain = subject.plain;
    let size = ConversionNote::Size {
        table: subject.table.clone(),
        rows: plain.estimated_rows,
        bytes: plain.bytes,
        is_copied: !subject.is_attached(),
    };
    let bound = (!plain.bound.is_empty()).then(|| ConversionNote::Bound {
        objects: plain.bound.clone(),
        is_kept: !subject.is_attached(),
    });
    let is_found = |loss: &&Loss| found.iter().any(|found| found.loss == **loss);
    let unmatched: Vec<_> =
        subject.conversion.acknowledged.iter().filter(|loss| !is_found(loss)).cloned().collect();
    let unmatched = (!unmatched.is_empty())
        .then_some(ConversionNote::NothingToAcknowledge { losses: unmatched });
    let leaves = subject.leaves.as_ref();
    let many = leaves.and_then(|leaves| {
        let count = leaves.count.filter(|count| *count > MIN_NOTED_LEAVES)?;
        let fewer = leaves.advise_fewer();
        Some(ConversionNote::ManyPartitions { leaves: count, fewer })
    });
    let begins_with_start_at = leaves
        .is_some_and(|leaves| matches!(leaves.first_bound, FirstBound::StartAt))
        .then_some(ConversionNote::BeginsWithStartAt);
    [Some(size), many, begins_with_start_at, bound, unmatched].into_iter().flatten().collect()
}

impl ConversionNote {
    /// Returns whether the note is also shown after the conversion has begun.
    pub(super) fn applies_after_begin(&self) -> bool {
        match self {
            Self::LostAtDrop { .. }
            | Self::Bound { .. }
            | Self::SourceLacksIndexes { .. }
            | Self::NothingToAcknowledge { .. } => true,
            Self::Size { .. }
            | Self::Follows { .. }
            | Self::AttachFollows
            | Self::ManyPartitions { .. }
            | Self::BeginsWithStartAt => false,
        }
    }

    /// Returns the text of the note.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::Follows { rows } => follows(*rows),
            Self::AttachFollows => ATTACH_FOLLOWS.to_owned(),
            Self::Size { table, rows, bytes, is_copied } => {
                let rows =
                    rows.map_or("an unknown number of".to_owned(), |rows| format!("~{rows}"));
                let needs = if *is_copied {
                    "the server must have about as much free space for the partitioned table"
                } else {
                    "no row is copied; the server must have space for two more unique indexes on the table"
                };
                format!(
                    "table {} has {rows} rows and {} with its indexes: {needs}",
                    table.display(),
                    size(*bytes)
                )
            }
            Self::LostAtDrop { loss, cause } => format!(
                "{cause}: add {:?} to spec.conversion.acknowledge before the plain table is dropped",
                loss.to_string()
            ),
            Self::Bound { objects, is_kept } => {
                let objects = some_of(objects.iter().map(|object| escape_control(object)));
                let reads = if *is_kept {
                    "the cutover does not change what these objects read, and the plain table cannot be dropped while they \
                     depend on it"
                } else {
                    "these objects read only the plain table, the oldest partition, after the cutover"
                };
                format!("{reads}: {objects}; recreate them on the partitioned table after the cutover")
            }
            Self::SourceLacksIndexes { source, indexes } => format!(
                "source table {} lacks indexes of the partitioned table, which applications would miss after a rollback: {}; \
                 create them on it with CREATE INDEX CONCURRENTLY",
                source.display(),
                some_of(indexes.iter().map(Identifier::display))
            ),
            Self::ManyPartitions { leaves, fewer } => format!(
                "the partitioned table gets {leaves} partitions: planning a statement that does not name the partition \
                 columns takes longer with each{fewer}"
            ),
            Self::BeginsWithStartAt => {
                "the partitions begin with the period of spec.partitionBy.range.startAt: rows before it go to the default \
                 partition"
                    .to_owned()
            }
            Self::NothingToAcknowledge { losses } => {
                format!(
                    "spec.conversion.acknowledge has entries that match no loss: {}; remove them",
                    some_of(losses.iter().map(|loss| escape_control(&loss.to_string())))
                )
            }
        }
    }
}

fn follows(rows: Option<u64>) -> String {
    let rows = rows.map_or("all".to_owned(), |rows| format!("~{rows}"));
    format!(
        "then: create the partitions, install the sync triggers, copy {rows} rows, build the \
             indexes, analyze, compare both tables"
    )
}

const ATTACH_FOLLOWS: &str = "then: build the unique indexes that the plain table needs; at the cutover create the \
    partitions, check the rows of the plain table, attach it";

/// Formats a number of bytes in whole units, rounded up.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes.div_ceil(1024);
    let mut unit = 0;
    while amount >= 10_240 && unit + 1 < units.len() {
        amount = amount.div_ceil(1024);
        unit += 1;
    }
    format!("{amount} {}", units.get(unit).unwrap_or(&"TiB"))
}
