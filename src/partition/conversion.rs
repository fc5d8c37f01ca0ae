//! A conversion by copy: the two tables, and the names of what keeps them equal.

use serde::{Deserialize, Serialize};

use super::naming::fit;
use super::{Canonical, Identifier, ManagedTable, QualifiedName, encode_fields, encode_variants};

/// A plain table and its partitioned copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopiedTable {
    /// Identity of the table. Functions and triggers are named after it.
    pub managed: ManagedTable,
    /// The plain table.
    pub source: QualifiedName,
    /// The partitioned table.
    pub copy: QualifiedName,
    /// Columns of the row key: the source has a valid, immediate unique index on them, and none allows NULL.
    pub key: Vec<Identifier>,
    /// Columns of the partition key, in order.
    pub partition_columns: Vec<Identifier>,
    /// Columns that both tables have, in the order of the source, without generated ones.
    pub columns: Vec<Identifier>,
    /// Those of `columns` that are `GENERATED ALWAYS AS IDENTITY`: an `UPDATE` cannot set them.
    pub always_identity: Vec<Identifier>,
    /// Owner of both tables and of all functions.
    pub owner: Identifier,
}

impl CopiedTable {
    /// Returns the key of the copy: the row key, then the partition columns that it lacks. In this order one index
    /// pages through either table.
    pub fn full_key(&self) -> impl Iterator<Item = &Identifier> {
        let missing = self.partition_columns.iter().filter(|column| !self.key.contains(column));
        self.key.iter().chain(missing)
    }

    /// Returns a digest of everything that the triggers and functions of this level are made from.
    #[must_use]
    pub fn sync_digest(&self, level: SyncLevel) -> String {
        let mut text = Canonical::new("sync", 1);
        text.with(self).with(&level).digest(16)
    }

    /// Returns the names of the sync triggers that only other levels have.
    pub fn other_levels(&self, level: SyncLevel) -> impl Iterator<Item = Identifier> {
        let wanted = SyncTrigger::of_level(level);
        let others = SyncTrigger::ALL.into_iter().filter(|trigger| !wanted.contains(trigger));
        others.map(|trigger| trigger.name(&self.managed))
    }

    /// Returns the name that a function for this table has, next to the tables.
    #[must_use]
    pub fn function(&self, function: ConversionFunction) -> QualifiedName {
        self.managed.sibling(function.name(&self.managed))
    }
}

/// How the triggers see the rows that a statement wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncLevel {
    /// One by one.
    Row,
    /// All that a statement wrote, in transition tables: for tables that are written in bulk.
    Statement,
}

/// A trigger that writes to the copy what the application writes to the source. Its function has the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncTrigger {
    /// Every write at level Row, inserted rows at level Statement.
    Write,
    /// `TRUNCATE`.
    Truncate,
    /// Updated rows, at level Statement.
    Update,
    /// Deleted rows, at level Statement.
    Delete,
    /// Rows whose key changed, one by one, at level Statement.
    Move,
}

impl SyncTrigger {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Write, Self::Truncate, Self::Update, Self::Delete, Self::Move];

    /// Returns those of a level.
    #[must_use]
    pub fn of_level(level: SyncLevel) -> &'static [Self] {
        match level {
            SyncLevel::Row => &[Self::Write, Self::Truncate],
            SyncLevel::Statement => &Self::ALL,
        }
    }

    /// Returns the name of the trigger and of its function.
    #[must_use]
    pub fn name(self, table: &ManagedTable) -> Identifier {
        let suffix = match self {
            Self::Write => "",
            Self::Truncate => "_truncate",
            Self::Update => "_update",
            Self::Delete => "_delete",
            Self::Move => "_move",
        };
        named("sync_to_partitioned_", table, suffix)
    }
}

/// A function of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversionFunction {
    /// The function of a sync trigger.
    Sync(SyncTrigger),
    /// Rejects writes to the copy by anything but the sync.
    CopyGuard,
}

impl ConversionFunction {
    /// Returns its name.
    #[must_use]
    pub fn name(self, table: &ManagedTable) -> Identifier {
        match self {
            Self::Sync(trigger) => trigger.name(table),
            Self::CopyGuard => named("", table, "_partitioned_read_only"),
        }
    }
}

/// Returns the name of the copy until the cutover.
#[must_use]
pub fn copy_name(table: &ManagedTable) -> Identifier {
    named("", table, "_partitioned")
}

/// Returns the name that the twin of an index of the plain table has, as long as the plain table has the name of the table.
#[must_use]
pub fn twin_name(table: &ManagedTable, index: &Identifier) -> Identifier {
    let of_table = format!("{}_", table.name().name.as_str());
    let rest = index.as_str().strip_prefix(&of_table).unwrap_or(index.as_str());
    fit(&format!("{}_{rest}", copy_name(table).as_str()), "")
}

/// Returns the name of the trigger that rejects writes to the copy until the cutover.
#[must_use]
pub fn copy_guard() -> Identifier {
    Identifier::composed("read_only_until_cutover".to_owned())
}

/// Returns the digest of a PL/pgSQL function, by which a change of it is noticed: of the SHA-256 of its body (`prosrc`) in
/// hexadecimal digits, its settings (`proconfig`), and whether it runs as its owner (`prosecdef`).
#[must_use]
pub fn function_digest(body_hash: &str, settings: &[String], is_definer: bool) -> String {
    let mut text = Canonical::new("function", 2);
    text.with(body_hash).list(settings.iter()).with(&is_definer).digest(16)
}

encode_fields! {
    CopiedTable {
        managed, source, copy, key, partition_columns, columns, always_identity, owner
    }
}

encode_variants! {
    SyncLevel {
        Row = "row" {}
        Statement = "statement" {}
    }
}

fn named(prefix: &str, table: &ManagedTable, suffix: &str) -> Identifier {
    fit(&format!("{prefix}{}", table.name().name.as_str()), suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> ManagedTable {
        let [schema, name] = ["s", name].map(|text| Identifier::new(text).expect("a name"));
        ManagedTable::new(QualifiedName { schema, name })
    }

    #[test]
    fn names_are_golden_and_fit() {
        let long = "ö".repeat(31);
        for (name, trigger, copy) in [
            ("orders", "sync_to_partitioned_orders_truncate", "orders_partitioned"),
            (
                &long,
                "sync_to_partitioned_öööööööööööö_20079dbd_truncate",
                "ööööööööööööööööööööö_f94d2ab1_partitioned",
            ),
        ] {
            let table = table(name);
            assert_eq!(SyncTrigger::Truncate.name(&table).as_str(), trigger);
            assert_eq!(copy_name(&table).as_str(), copy);
        }
    }

    #[test]
    fn digest_of_a_function_is_golden_and_covers_all_of_it() {
        let settings = ["search_path=pg_catalog, pg_temp".to_owned()];
        let digest = function_digest("BEGIN END", &settings, true);
        assert_eq!(digest, "aa4d380fc0370138");
        for other in [
            function_digest("BEGIN  END", &settings, true),
            function_digest("BEGIN END", &[], true),
            function_digest("BEGIN END", &settings, false),
        ] {
            assert_ne!(digest, other);
        }
    }
}
