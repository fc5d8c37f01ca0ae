//! Pieces of SQL that name the columns of both tables.

use crate::partition::{CopiedTable, Identifier, unused};
use crate::sql::quote::{name, qualified};

/// Label of the block of each function, which qualifies its variables.
pub(super) const LABEL: &str = "pgpartition";

/// Writes the pieces for one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a CopiedTable);

impl<'a> Text<'a> {
    pub(super) fn source(self) -> String {
        qualified(&self.0.source)
    }

    pub(super) fn copy(self) -> String {
        qualified(&self.0.copy)
    }

    pub(super) fn full_key(self) -> Vec<&'a Identifier> {
        self.0.full_key().collect()
    }

    pub(super) fn row_key(self) -> Vec<&'a Identifier> {
        self.0.key.iter().collect()
    }

    fn columns(self) -> Vec<&'a Identifier> {
        self.0.columns.iter().collect()
    }

    /// `s."id", s."org_id", s."at"`: all columns.
    pub(super) fn columns_of(self, alias: &str) -> String {
        of(alias, &self.columns()).join(", ")
    }

    /// `INSERT INTO copy (columns) OVERRIDING SYSTEM VALUE`, which a query follows.
    pub(super) fn insert(self) -> String {
        let columns: Vec<_> = self.0.columns.iter().map(name).collect();
        format!("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE", self.copy(), columns.join(", "))
    }

    /// `ON CONFLICT` of an insert that makes an existing row equal.
    ///
    /// The key is set as well: two values can be equal and not the same, such as 1.0 and 1.00.
    pub(super) fn on_conflict(self) -> String {
        let set: Vec<_> = self
            .0
            .columns
            .iter()
            .filter(|column| !self.0.always_identity.contains(column))
            .map(name)
            .map(|column| format!("{column} = EXCLUDED.{column}"))
            .collect();
        if set.is_empty() {
            return self.unless_present();
        }
        format!("ON CONFLICT ({}) DO UPDATE SET {}", self.conflict_key(), set.join(", "))
    }

    /// `ON CONFLICT` of an insert that leaves an existing row as it is.
    pub(super) fn unless_present(self) -> String {
        format!("ON CONFLICT ({}) DO NOTHING", self.conflict_key())
    }

    fn conflict_key(self) -> String {
        let key: Vec<_> = self.0.full_key().map(name).collect();
        key.join(", ")
    }

    /// `s."id" = OLD."id" AND s."org_id" = OLD."org_id"`: rows of the same full key.
    pub(super) fn same_key(self, left: &str, right: &str) -> String {
        let key = self.full_key();
        let pairs = of(left, &key).into_iter().zip(of(right, &key));
        pairs.map(|(left, right)| format!("{left} = {right}")).collect::<Vec<_>>().join(" AND ")
    }

    /// `NOT EXISTS (…)`: the source has no row of this full key.
    pub(super) fn is_not_in_source(self, alias: &str) -> String {
        format!(
            "NOT EXISTS (SELECT FROM {} AS s WHERE {})",
            self.source(),
            self.same_key("s", alias)
        )
    }

    /// `NOT EXISTS (…)`: the source has no row that an update could make this row of the copy equal to.
    pub(super) fn has_no_source(self, alias: &str) -> String {
        let always: String = self
            .0
            .always_identity
            .iter()
            .map(|column| format!(" AND s.{0} = {alias}.{0}", name(column)))
            .collect();
        let (source, key) = (self.source(), self.same_key("s", alias));
        format!("NOT EXISTS (SELECT FROM {source} AS s WHERE {key}{always})")
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

    /// A name for whole rows that no column has: a column would take its place.
    pub(super) fn row_alias(self, wished: &str) -> String {
        let Ok(wished) = Identifier::new(wished) else { return wished.to_owned() };
        name(&unused(&wished, |taken| self.0.columns.contains(taken)))
    }
}

/// Columns with an alias before them. An alias is a word that needs no quotes, or has them.
pub(super) fn of(alias: &str, columns: &[&Identifier]) -> Vec<String> {
    columns.iter().map(|column| format!("{alias}.{}", name(column))).collect()
}
