//! A conversion by copy: the two tables, and the names of what keeps them equal.

use serde::{Deserialize, Serialize};

use super::naming::fit;
use super::{
    Canonical, Identifier, ManagedTable, QualifiedName, Side, encode_fields, encode_variants,
};

/// A plain table and its partitioned copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopiedTable {
    /// Identity of the table. Functions and triggers are named after it.
    pub managed: ManagedTable,
    /// The plain table, under the name that it has now.
    pub source: QualifiedName,
    /// The partitioned table, under the name that it has now.
    pub copy: QualifiedName,
    /// Columns of the row key: the source has a valid, immediate unique index on them, and none allows NULL.
    pub key: Vec<Identifier>,
    /// Columns of the partition key, in order.
    pub partition_columns: Vec<Identifier>,
    /// Columns that both tables have, in the order of the source, without generated ones.
    pub columns: Vec<Identifier>,
    /// Columns that are `GENERATED ALWAYS AS IDENTITY`: an `UPDATE` cannot set them.
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

    /// Returns the table that has the name applications use.
    #[must_use]
    pub fn serving(&self) -> Side {
        if self.source == *self.managed.name() { Side::Source } else { Side::Partitioned }
    }

    /// Returns the name that one of the two tables has.
    #[must_use]
    pub fn name_of(&self, side: Side) -> &QualifiedName {
        match side {
            Side::Source => &self.source,
            Side::Partitioned => &self.copy,
        }
    }

    /// Returns the two tables under the names that a swap gives to them.
    #[must_use]
    pub fn swapped(&self) -> Self {
        let managed = &self.managed;
        let name = managed.name().clone();
        let (source, copy) = match self.serving() {
            Side::Source => (managed.sibling(source_name(managed)), name),
            Side::Partitioned => (name, managed.sibling(copy_name(managed))),
        };
        Self { source, copy, ..self.clone() }
    }

    /// Returns the triggers that keep the passive table equal. Those of a partitioned table run for each row.
    #[must_use]
    pub fn sync_triggers(&self, level: SyncLevel) -> &'static [SyncTrigger] {
        SyncTrigger::for_level(self.sync_level(level))
    }

    /// Returns the level at which the triggers run if this one is asked for.
    #[must_use]
    pub fn sync_level(&self, asked: SyncLevel) -> SyncLevel {
        match self.serving() {
            Side::Source => asked,
            Side::Partitioned => SyncLevel::Row,
        }
    }

    /// Returns a digest of everything that the triggers and functions of this level are made from.
    #[must_use]
    pub fn sync_digest(&self, level: SyncLevel) -> String {
        let mut text = Canonical::new("sync", 1);
        text.with(self).with(&level).digest(16)
    }

    /// Returns the names of the sync triggers that only other levels have.
    pub fn other_levels(&self, level: SyncLevel) -> impl Iterator<Item = Identifier> {
        let wanted = self.sync_triggers(level);
        let others = SyncTrigger::ALL.into_iter().filter(|trigger| !wanted.contains(trigger));
        others.map(|trigger| trigger.name(&self.managed, self.serving()))
    }

    /// Returns the name that a function for this table has, next to the tables.
    #[must_use]
    pub fn function(&self, function: ConversionFunction) -> QualifiedName {
        self.managed.sibling(function.name(&self.managed, self.serving()))
    }
}

/// Whether triggers fire for each row or for each statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncLevel {
    /// One by one.
    Row,
    /// All that a statement wrote, in transition tables: for tables that are written in bulk.
    Statement,
}

/// A trigger that writes to the passive table what the application writes to the serving one. Its function has the same
/// name.
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
    pub fn for_level(level: SyncLevel) -> &'static [Self] {
        match level {
            SyncLevel::Row => &[Self::Write, Self::Truncate],
            SyncLevel::Statement => &Self::ALL,
        }
    }

    /// Returns the name of the trigger and of its function, while this table serves.
    #[must_use]
    pub fn name(self, table: &ManagedTable, serving: Side) -> Identifier {
        let suffix = match self {
            Self::Write => "",
            Self::Truncate => "_truncate",
            Self::Update => "_update",
            Self::Delete => "_delete",
            Self::Move => "_move",
        };
        let prefix = match serving {
            Side::Source => "sync_to_partitioned_",
            Side::Partitioned => "sync_to_source_",
        };
        named(prefix, table, suffix)
    }
}

/// A function of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversionFunction {
    /// The function of a sync trigger.
    Sync(SyncTrigger),
    /// Rejects writes to the passive table by anything but the sync.
    Guard,
}

impl ConversionFunction {
    /// Returns its name while this table serves.
    #[must_use]
    pub fn name(self, table: &ManagedTable, serving: Side) -> Identifier {
        match (self, serving) {
            (Self::Sync(trigger), _) => trigger.name(table, serving),
            (Self::Guard, Side::Source) => named("", table, "_partitioned_read_only"),
            (Self::Guard, Side::Partitioned) => named("", table, "_source_read_only"),
        }
    }
}

/// Returns the name of the copy until the cutover.
#[must_use]
pub fn copy_name(table: &ManagedTable) -> Identifier {
    named("", table, "_partitioned")
}

/// Returns the name of the plain table after the cutover.
#[must_use]
pub fn source_name(table: &ManagedTable) -> Identifier {
    named("", table, "_source")
}

/// Returns the name of the equivalent of an index of the plain table, before the cutover.
#[must_use]
pub fn equivalent_name(table: &ManagedTable, index: &Identifier) -> Identifier {
    let of_table = format!("{}_", table.name().name.as_str());
    let rest = index.as_str().strip_prefix(&of_table).unwrap_or(index.as_str());
    fit(&format!("{}_{rest}", copy_name(table).as_str()), "")
}

/// Returns the name of the trigger that rejects writes to the passive table while this one serves.
#[must_use]
pub fn guard_name(serving: Side) -> Identifier {
    let name = match serving {
        Side::Source => "read_only_until_cutover",
        Side::Partitioned => "read_only_since_cutover",
    };
    Identifier::composed(name.to_owned())
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
            assert_eq!(SyncTrigger::Truncate.name(&table, Side::Source).as_str(), trigger);
            assert_eq!(copy_name(&table).as_str(), copy);
        }
    }

    #[test]
    fn swap_exchanges_the_names_and_back() {
        let managed = table("orders");
        let name = |text: &str| Identifier::new(text).expect("a name");
        let before = CopiedTable {
            source: managed.name().clone(),
            copy: managed.sibling(copy_name(&managed)),
            managed: managed.clone(),
            key: vec![name("id")],
            partition_columns: vec![name("org")],
            columns: vec![name("id"), name("org")],
            always_identity: Vec::new(),
            owner: name("keeper"),
        };
        let after = before.swapped();
        assert_eq!((before.serving(), after.serving()), (Side::Source, Side::Partitioned));
        assert_eq!((after.source.name.as_str(), &after.copy), ("orders_source", managed.name()));
        assert_eq!(after.swapped(), before);
        let [forward, reverse] = [&before, &after].map(|table| table.sync_digest(SyncLevel::Row));
        assert_ne!(forward, reverse);
        let trigger = SyncTrigger::Write.name(&managed, after.serving());
        assert_eq!(trigger.as_str(), "sync_to_source_orders");
        assert_eq!(
            after.function(ConversionFunction::Guard).name.as_str(),
            "orders_source_read_only"
        );
        assert_eq!(after.sync_triggers(SyncLevel::Statement).len(), 2);
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
