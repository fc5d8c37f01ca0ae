//! Trigger functions of a conversion.

use crate::partition::{ConversionFunction, CopiedTable, QualifiedName, digest, function_digest};
use crate::sql::Sql;
use crate::sql::quote::{literal, qualified};

/// Search path of every function: no object of a user can shadow an object that the text names.
pub(super) const SEARCH_PATH: Setting =
    Setting { name: "search_path", value: "pg_catalog, pg_temp" };

/// Setting in effect while a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: &'static str,
}

impl Setting {
    /// The clause of `CREATE FUNCTION`.
    pub(super) fn clause(self) -> String {
        let values: Vec<_> = self.value.split(", ").map(literal).collect();
        format!(" SET \"{}\" = {}", self.name, values.join(", "))
    }

    /// The setting as the catalog has it.
    pub(super) fn in_catalog(self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

/// Makes statements look up each row of a transition table by an index.
///
/// A session plans a statement of a function once, for the current size of the transition table. After a large write, the
/// plan would read a whole table for each small write to build a hash table.
pub(super) const LOOK_UP_ROWS: [Setting; 2] = [
    Setting { name: "enable_hashjoin", value: "off" },
    Setting { name: "enable_mergejoin", value: "off" },
];

/// Trigger function in PL/pgSQL with `SECURITY DEFINER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The name, in the schema of the tables.
    pub name: QualifiedName,
    settings: Vec<Setting>,
    body: String,
}

impl Function {
    pub(super) fn new(table: &CopiedTable, function: ConversionFunction, body: String) -> Self {
        Self { name: table.function(function), settings: vec![SEARCH_PATH], body }
    }

    /// Adds settings to the function.
    pub(super) fn with_settings(mut self, settings: &[Setting]) -> Self {
        self.settings.extend(settings);
        self
    }

    /// Returns the digest that [`function_digest`] computes from the catalog entry of the function.
    #[must_use]
    pub fn digest(&self) -> String {
        let settings: Vec<_> = self.settings.iter().map(|setting| setting.in_catalog()).collect();
        function_digest(&digest(&self.body, 64), &settings, true)
    }

    /// Returns the quoted name of the function.
    pub(super) fn signature(&self) -> String {
        format!("{}()", qualified(&self.name))
    }

    pub(super) fn create(&self) -> Sql {
        let settings: String = self.settings.iter().map(|setting| setting.clause()).collect();
        Sql(format!(
            "CREATE OR REPLACE FUNCTION {} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER{settings} AS {}",
            self.signature(),
            literal(&self.body)
        ))
    }
}
