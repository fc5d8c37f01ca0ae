//! Fragments of SQL that name the columns of both tables.

use crate::partition::{CopiedTable, Identifier, Side};
use crate::sql::quote::{literal, name, qualified};

/// Label of the block of each function, which qualifies variables.
pub(super) const LABEL: &str = "pgpartition";

/// Formats the fragments for one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a CopiedTable);

impl<'a> Text<'a> {
    pub(super) fn source(self) -> String {
        qualified(&self.0.source)
    }

    pub(super) fn copy(self) -> String {
        qualified(&self.0.copy)
    }

    /// The table that applications write to.
    pub(super) fn serving(self) -> String {
        qualified(self.0.name_of(self.0.serving()))
    }

    /// The table that only the triggers write to.
    pub(super) fn passive(self) -> String {
        qualified(self.0.name_of(self.0.serving().other()))
    }

    /// Columns of the unique index by which an insert finds the row that it conflicts with: those of the passive table.
    pub(super) fn arbiter(self) -> Vec<&'a Identifier> {
        match self.0.serving() {
            Side::Source => self.full_key(),
            Side::Partitioned => self.row_key(),
        }
    }

    pub(super) fn full_key(self) -> Vec<&'a Identifier> {
        self.0.full_key().collect()
    }

    pub(super) fn row_key(self) -> Vec<&'a Identifier> {
        self.0.key.iter().collect()
    }

    /// The partition columns that the row key lacks.
    pub(super) fn beside_key(self) -> Vec<&'a Identifier> {
        self.full_key().into_iter().filter(|column| !self.0.key.contains(column)).collect()
    }

    fn columns(self) -> Vec<&'a Identifier> {
        self.0.columns.iter().collect()
    }

    /// Columns that an update can set.
    fn settable(self) -> impl Iterator<Item = &'a Identifier> {
        self.0.columns.iter().filter(move |column| !self.0.always_identity.contains(column))
    }

    /// `"org_id" = t."org_id", "at" = t."at"`: all columns that an update can set.
    pub(super) fn set_from(self, alias: &str) -> String {
        let set = self.settable().map(name).map(|column| format!("{column} = {alias}.{column}"));
        set.collect::<Vec<_>>().join(", ")
    }

    /// `s."id", s."org_id", s."at"`: all columns.
    pub(super) fn columns_of(self, alias: &str) -> String {
        of(alias, &self.columns()).join(", ")
    }

    /// `INSERT INTO passive (columns) OVERRIDING SYSTEM VALUE`, which a query follows.
    pub(super) fn insert(self) -> String {
        self.insert_as("")
    }

    /// The same with an alias for the table, such as ` AS s`.
    pub(super) fn insert_as(self, alias: &str) -> String {
        let columns: Vec<_> = self.0.columns.iter().map(name).collect();
        let (passive, columns) = (self.passive(), columns.join(", "));
        format!("INSERT INTO {passive}{alias} ({columns}) OVERRIDING SYSTEM VALUE")
    }

    /// `ON CONFLICT` of an insert that makes an existing row equal.
    ///
    /// The key is set as well: two values can be equal and not the same, such as 1.0 and 1.00.
    pub(super) fn on_conflict(self) -> String {
        let set = self.set_from("EXCLUDED");
        if set.is_empty() {
            return self.unless_present();
        }
        format!("ON CONFLICT ({}) DO UPDATE SET {set}", self.conflict_key())
    }

    /// `ON CONFLICT` of an insert that leaves an existing row as it is.
    pub(super) fn unless_present(self) -> String {
        format!("ON CONFLICT ({}) DO NOTHING", self.conflict_key())
    }

    fn conflict_key(self) -> String {
        let key: Vec<_> = self.arbiter().into_iter().map(name).collect();
        key.join(", ")
    }

    /// `s."id" = OLD."id" AND s."org_id" = OLD."org_id"`: rows of the same full key.
    pub(super) fn same_key(self, left: &str, right: &str) -> String {
        same(&self.full_key(), left, right)
    }

    /// `s."id" = OLD."id"`: rows of the same row key.
    pub(super) fn same_row_key(self, left: &str, right: &str) -> String {
        same(&self.row_key(), left, right)
    }

    /// `NOT EXISTS (…)`: the serving table has no row of this full key.
    pub(super) fn is_not_served(self, alias: &str) -> String {
        let (serving, key) = (self.serving(), self.same_key("s", alias));
        format!("NOT EXISTS (SELECT FROM {serving} AS s WHERE {key})")
    }

    /// `NOT EXISTS (…)`: the serving table has no row that an update could make this row of the passive one equal to.
    pub(super) fn has_no_original(self, alias: &str) -> String {
        let always: String = self
            .0
            .always_identity
            .iter()
            .map(|column| format!(" AND s.{0} = {alias}.{0}", name(column)))
            .collect();
        let (key, always) = match self.0.serving() {
            Side::Source => (self.same_key("s", alias), always),
            // A row that moved to another partition is the same row. Foreign keys that reference it would cascade.
            Side::Partitioned if always.is_empty() => (self.same_row_key("s", alias), always),
            Side::Partitioned => {
                let referenced = self.is_referenced();
                (self.same_row_key("s", alias), format!(" AND ({referenced} OR true{always})"))
            }
        };
        let serving = self.serving();
        format!("NOT EXISTS (SELECT FROM {serving} AS s WHERE {key}{always})")
    }

    /// `EXISTS (…)`: foreign keys reference the passive table.
    pub(super) fn is_referenced(self) -> String {
        format!(
            "EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = {}::regclass AND starts_with(g.tgname, \
             'RI_ConstraintTrigger_a'))",
            literal(&self.passive())
        )
    }

    /// Names of variables for a key: `upto_1`, `upto_2`.
    pub(super) fn variables(key: &[&Identifier], stem: &str) -> Vec<String> {
        (1..=key.len()).map(|number| format!("{stem}_{number}")).collect()
    }

    /// Declares a variable for each column of a key. `from` is the variable that holds the key as texts, if one does.
    pub(super) fn declare(self, key: &[&Identifier], stem: &str, from: Option<&str>) -> String {
        let source = self.source();
        let columns = key.iter().zip(Self::variables(key, stem)).enumerate();
        columns
            .map(|(at, (column, variable))| {
                let value =
                    from.map_or_else(String::new, |p| format!(" := {LABEL}.{p}[{}]", at + 1));
                format!("  {variable} {source}.{}%TYPE{value};\n", name(column))
            })
            .collect()
    }

    /// `pgpartition.upto_1, pgpartition.upto_2`
    pub(super) fn values(key: &[&Identifier], stem: &str) -> String {
        let variables = Self::variables(key, stem);
        variables.iter().map(|v| format!("{LABEL}.{v}")).collect::<Vec<_>>().join(", ")
    }

    /// `ARRAY[pgpartition.upto_1::text, …]`
    pub(super) fn texts(key: &[&Identifier], stem: &str) -> String {
        let variables = Self::variables(key, stem);
        let texts: Vec<_> = variables.iter().map(|v| format!("{LABEL}.{v}::text")).collect();
        format!("ARRAY[{}]", texts.join(", "))
    }

    /// `ORDER BY s."id", s."part"`; `direction` follows each column.
    pub(super) fn order(key: &[&Identifier], alias: &str, direction: &str) -> String {
        let columns: Vec<_> =
            of(alias, key).into_iter().map(|column| format!("{column}{direction}")).collect();
        format!("ORDER BY {}", columns.join(", "))
    }

    /// `(s."id", s."part") > (pgpartition.after_1, pgpartition.after_2)`
    pub(super) fn compared(key: &[&Identifier], alias: &str, operator: &str, stem: &str) -> String {
        format!("({}) {operator} ({})", of(alias, key).join(", "), Self::values(key, stem))
    }
}

/// `s."id" = OLD."id" AND s."org_id" = OLD."org_id"`
pub(super) fn same(columns: &[&Identifier], left: &str, right: &str) -> String {
    let pairs = of(left, columns).into_iter().zip(of(right, columns));
    pairs.map(|(left, right)| format!("{left} = {right}")).collect::<Vec<_>>().join(" AND ")
}

/// Columns with an alias before them. An alias is a word that needs no quotes, or has them.
pub(super) fn of(alias: &str, columns: &[&Identifier]) -> Vec<String> {
    columns.iter().map(|column| format!("{alias}.{}", name(column))).collect()
}
