//! Questions beyond the catalog, and their answers, which are part of a snapshot.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::parse::{qualified, qualified_all};
use super::{
    Attachment, CopyDifferences, CopyFacts, InvalidSnapshot, ObservedTable, OldestRow, PlainTable,
    RawOldestRow, RoutingFacts, SyncState,
};
use crate::partition::{
    CopiedTable, Edge, Identifier, KeyType, QualifiedName, RangeBounds, SyncLevel,
};

/// Fact that a plan depends on and the catalog does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Time by which the database clock is ahead of the operator's clock.
    ClockSkew,
    /// Number of rows in the default partition, in all and in each bin of 15 minutes.
    DefaultRows(Within),
    /// Which tables have rows whose foreign keys reference rows of this partition.
    ReferencesTo(QualifiedName),
    /// Deparsed form of these conditions of partial indexes.
    Conditions(Vec<String>),
    /// Facts for the conversion of a plain table.
    PlainTable,
    /// Which row of a plain table has the least value in this column. It is asked once it is known that the column has a
    /// type with periods.
    OldestRow(Identifier),
    /// Facts about the relation as the copy of a plain table.
    Copy,
    /// Whether the triggers and functions of a conversion are those that an installation would create for this table and
    /// level. It is asked once it is known what belongs to the copy.
    Sync(Box<CopiedTable>, SyncLevel),
    /// Routing of the table, with these roles. It is asked after the facts about the copy.
    Routing(BTreeSet<Identifier>),
    /// Facts for a conversion of this table by `Attach`. It is asked after the facts about the copy, or after the
    /// plain table is a partition.
    Attachment(Box<CopiedTable>),
}

/// The answer to a [`Question`], as `inspect -o json` prints it. That Postgres did not answer is an answer as
/// well: a plan from the saved snapshot is then the same as from the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Answer {
    /// To [`Question::ClockSkew`].
    ClockSkew {
        /// The operator's clock when the snapshot was taken.
        read_at: String,
    },
    /// To [`Question::DefaultRows`].
    DefaultRows {
        /// Range in which the rows were counted by bins of 15 minutes.
        within: RawWithin,
        /// The rows, or `None` if Postgres did not count them.
        rows: Option<CountedRows>,
    },
    /// To [`Question::ReferencesTo`].
    ReferencesTo {
        /// Schema of the partition.
        schema: String,
        /// Name of the partition.
        partition: String,
        /// Schemas and names of the tables, or `None` if Postgres did not look.
        by: Option<Vec<(String, String)>>,
        /// Error of Postgres, unless a privilege is missing or the time was too short.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// To [`Question::Conditions`].
    Conditions(Vec<DeparsedCondition>),
    /// To [`Question::PlainTable`]; `None` if the table was dropped meanwhile.
    PlainTable(Option<Box<PlainTable>>),
    /// To [`Question::OldestRow`].
    OldestRow {
        /// Name of the column.
        column: Identifier,
        /// The least value in the column.
        oldest: RawOldestRow,
    },
    /// To [`Question::Copy`]; `None` if the plain table was dropped meanwhile.
    Copy(Option<Box<CopyFacts>>),
    /// To [`Question::Sync`].
    Sync {
        /// Digest of the table and the level.
        of: String,
        /// Comparison of the triggers and functions with the installation.
        state: SyncState,
        /// Differences of the copy from its source.
        #[serde(default)]
        differences: CopyDifferences,
    },
    /// To [`Question::Routing`].
    Routing {
        /// The roles that were asked about.
        roles: BTreeSet<Identifier>,
        /// Routing of the table, or `None` if the plain table was dropped meanwhile.
        facts: Option<Box<RoutingFacts>>,
    },
    /// To [`Question::Attachment`].
    Attachment(Box<Attachment>),
}

/// The rows of a default partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRows {
    /// Number of rows; if there are too many to count quickly, the number that was counted.
    pub count: u64,
    /// Bins of 15 minutes with rows: the first value of each, and the number of rows.
    #[serde(alias = "stretches")]
    pub bins: Vec<(String, u64)>,
}

/// A condition of a partial index, in two spellings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeparsedCondition {
    /// The condition as the spec has it.
    pub condition: String,
    /// The condition as Postgres deparses it, or `None` if Postgres did not say.
    pub deparsed: Option<String>,
}

/// Range of the default partition in which rows are counted by bins of 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Within {
    /// Nowhere: they are counted as a whole.
    Nowhere,
    /// In a stretch of the key's axis.
    Range(RangeBounds),
    /// Everywhere.
    Everywhere,
}

/// [`Within`] as a snapshot has it: bounds as Postgres writes values of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum RawWithin {
    /// Nowhere.
    Nowhere,
    /// In a range.
    Range {
        /// Lower bound.
        from: String,
        /// Upper bound.
        to: String,
    },
    /// Everywhere.
    Everywhere,
}

/// Maximum number of bins in one answer. If there are more, the oldest are left out.
pub const MAX_BINS: usize = 10_000;

/// Rows in the default partition whose keys lie in a stretch of a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRows {
    /// Bin of 15 minutes.
    pub range: RangeBounds,
    /// Number of rows.
    pub rows: u64,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClockSkew => {
                f.write_str("how far the database clock is ahead of the operator's clock")
            }
            Self::DefaultRows(_) => f.write_str("which rows the default partition has"),
            Self::ReferencesTo(partition) => {
                write!(f, "whether foreign keys reference rows of {}", partition.display())
            }
            Self::Conditions(conditions) => {
                let conditions: Vec<_> = conditions.iter().map(|c| format!("{c:?}")).collect();
                write!(f, "how Postgres deparses {}", conditions.join(", "))
            }
            Self::PlainTable => f.write_str("what the conversion of a plain table depends on"),
            Self::OldestRow(column) => {
                write!(f, "which row of the plain table is the oldest by {}", column.display())
            }
            Self::Copy => f.write_str("how far the conversion of the table is"),
            Self::Sync(..) => f.write_str("whether the sync triggers are what was installed"),
            Self::Routing(_) => f.write_str("which roles read the copy in place of the table"),
            Self::Attachment(_) => {
                f.write_str("whether the plain table can be attached or detached")
            }
        }
    }
}

impl Within {
    /// Returns whether an answer about this place is one about the other place, too.
    fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Everywhere, _) | (_, Self::Nowhere) => true,
            (Self::Range(of), Self::Range(other)) => {
                of.from() <= other.from() && other.to() <= of.to()
            }
            (Self::Nowhere | Self::Range(_), Self::Range(_) | Self::Everywhere) => false,
        }
    }

    /// Returns the place as a snapshot has it.
    #[must_use]
    pub fn to_raw(self, key: KeyType) -> RawWithin {
        match self {
            Self::Nowhere => RawWithin::Nowhere,
            Self::Range(range) => {
                RawWithin::Range { from: key.literal(range.from()), to: key.literal(range.to()) }
            }
            Self::Everywhere => RawWithin::Everywhere,
        }
    }

    fn from_raw(raw: RawWithin, key: Option<KeyType>) -> Result<Self, InvalidSnapshot> {
        let (from, to) = match raw {
            RawWithin::Nowhere => return Ok(Self::Nowhere),
            RawWithin::Everywhere => return Ok(Self::Everywhere),
            RawWithin::Range { from, to } => (from, to),
        };
        let range = key.and_then(|key| RangeBounds::new(edge(key, &from)?, edge(key, &to)?));
        range.map(Self::Range).ok_or(InvalidSnapshot::Word(from))
    }
}

/// Reads what [`KeyType::literal`] wrote.
fn edge(key: KeyType, text: &str) -> Option<Edge> {
    match text {
        "MINVALUE" => Some(Edge::MinValue),
        "MAXVALUE" => Some(Edge::MaxValue),
        value => key.parse(value),
    }
}

impl ObservedTable {
    /// Returns whether the snapshot has the answer to a question, even if it is that Postgres did not answer.
    #[must_use]
    pub fn is_answered(&self, question: &Question) -> bool {
        match question {
            Question::ClockSkew
            | Question::ReferencesTo(_)
            | Question::PlainTable
            | Question::OldestRow(_)
            | Question::Copy
            | Question::Routing(_) => self.answered.contains(question),
            Question::Sync(table, level) => {
                let judged = self.copy.as_ref().and_then(|facts| facts.judged.as_ref());
                judged.is_some_and(|judged| judged.of == table.sync_digest(*level))
            }
            Question::Attachment(table) => {
                let digest = table.sync_digest(SyncLevel::Row);
                self.attachment.as_ref().is_some_and(|attachment| attachment.of == digest)
            }
            Question::DefaultRows(within) => self.answered.iter().any(
                |answered| matches!(answered, Question::DefaultRows(of) if of.covers(*within)),
            ),
            Question::Conditions(conditions) => {
                conditions.iter().all(|condition| self.conditions.contains_key(condition))
            }
        }
    }

    /// Adds what an answer means.
    pub(super) fn add_answer(&mut self, answer: Answer) -> Result<(), InvalidSnapshot> {
        let question = match answer {
            Answer::ClockSkew { read_at } => {
                self.set_clock_offset(read_at)?;
                Question::ClockSkew
            }
            Answer::DefaultRows { within, rows } => {
                let key = self.range_key().map(|key| key.key_type);
                // If there are several counts, the last one applies: rows outside of its range are unknown.
                self.answered.retain(|answered| !matches!(answered, Question::DefaultRows(_)));
                self.set_default_rows(rows, key);
                Question::DefaultRows(Within::from_raw(within, key)?)
            }
            Answer::ReferencesTo { schema, partition, by, error } => {
                let name = qualified(schema, partition)?;
                let by = by.map(qualified_all).transpose()?;
                if let Some(partition) = self.partition_mut(&name) {
                    (partition.rows_referenced_by, partition.references_error) = (by, error);
                }
                Question::ReferencesTo(name)
            }
            Answer::Conditions(deparsed) => {
                let conditions = deparsed.iter().map(|known| known.condition.clone()).collect();
                let known = deparsed.into_iter().map(|known| (known.condition, known.deparsed));
                self.conditions.extend(known);
                Question::Conditions(conditions)
            }
            Answer::PlainTable(plain) => {
                self.relation = self.relation.take().filter(|_| plain.is_some());
                self.plain = plain;
                Question::PlainTable
            }
            Answer::OldestRow { column, oldest } => {
                let key = self.plain_table().and_then(|plain| plain.key_type(&column));
                let found = key.map(|key| OldestRow::from_raw(oldest, key)).transpose()?;
                self.oldest_row = found.map(Box::new);
                Question::OldestRow(column)
            }
            Answer::Copy(facts) => {
                self.relation = self.relation.take().filter(|_| facts.is_some());
                self.copy = facts;
                Question::Copy
            }
            Answer::Sync { of, state, differences } => {
                if let Some(facts) = &mut self.copy {
                    facts.judge(of, state, differences);
                }
                return Ok(());
            }
            Answer::Routing { roles, facts } => self.set_routing(roles, facts),
            Answer::Attachment(attachment) => {
                self.attachment = Some(attachment);
                return Ok(());
            }
        };
        self.answered.insert(question);
        Ok(())
    }

    fn set_clock_offset(&mut self, read_at: String) -> Result<(), InvalidSnapshot> {
        let read_at: Timestamp = read_at.parse().map_err(|_| InvalidSnapshot::Clock(read_at))?;
        self.server.clock_offset = Some(self.server.clock.duration_since(read_at));
        Ok(())
    }
}
