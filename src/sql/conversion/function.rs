//! A function of a conversion.

use crate::partition::{ConversionFunction, CopiedTable, QualifiedName, function_digest};
use crate::sql::Sql;
use crate::sql::quote::{literal, qualified};

/// Search path of every function: nothing that a user created takes the place of what the text means.
const SEARCH_PATH: Setting = Setting { name: "search_path", value: "pg_catalog, pg_temp" };

/// A setting that a function runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: &'static str,
}

/// A function in PL/pgSQL that runs as its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The name, in the schema of the tables.
    pub name: QualifiedName,
    /// Names and types of the parameters.
    parameters: &'static [Parameter],
    returns: &'static str,
    settings: Vec<Setting>,
    body: String,
}

/// What the function of a trigger returns.
const OF_TRIGGER: &str = " RETURNS trigger";

/// A parameter: its mode, name, and type.
pub(super) type Parameter = (&'static str, &'static str, &'static str);

impl Function {
    /// Creates the function of a trigger.
    pub(super) fn of_trigger(
        table: &CopiedTable,
        function: ConversionFunction,
        body: String,
    ) -> Self {
        let (name, settings) = (table.function(function), vec![SEARCH_PATH]);
        Self { name, parameters: &[], returns: OF_TRIGGER, settings, body }
    }

    /// Creates a function that returns its `OUT` parameters. It plans each statement for the keys it was given, and
    /// fails where row security would hide rows.
    pub(super) fn of_work(
        table: &CopiedTable,
        function: ConversionFunction,
        parameters: &'static [Parameter],
        body: String,
    ) -> Self {
        let more = [
            Setting { name: "row_security", value: "off" },
            Setting { name: "plan_cache_mode", value: "force_custom_plan" },
        ];
        let settings = [SEARCH_PATH].into_iter().chain(more).collect();
        Self { name: table.function(function), parameters, returns: "", settings, body }
    }

    /// Returns the digest that [`function_digest`] gives for what the catalog has of the function.
    #[must_use]
    pub fn digest(&self) -> String {
        function_digest(&self.body, &self.catalog_settings(), true)
    }

    /// Returns whether a trigger calls it.
    pub(super) fn is_of_trigger(&self) -> bool {
        self.returns == OF_TRIGGER
    }

    /// Returns the body, which the catalog has as `prosrc`.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// Returns the settings as the catalog has them.
    pub(super) fn catalog_settings(&self) -> Vec<String> {
        self.settings.iter().map(|s| format!("{}={}", s.name, s.value)).collect()
    }

    /// Returns the types of the arguments, as the catalog's `oidvectortypes` does.
    pub(super) fn argument_types(&self) -> String {
        let arguments = self.parameters.iter().filter(|(mode, ..)| *mode != "OUT");
        arguments.map(|(.., type_name)| *type_name).collect::<Vec<_>>().join(", ")
    }

    /// Returns the name with the types of the arguments, by which statements address the function.
    pub(super) fn signature(&self) -> String {
        format!("{}({})", qualified(&self.name), self.argument_types())
    }

    pub(super) fn create(&self) -> Sql {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|(mode, name, type_name)| format!("{mode} {name} {type_name}"))
            .collect();
        let settings = self.settings.iter().map(|s| format!(" SET {} = {}", s.name, s.value));
        Sql(format!(
            "CREATE OR REPLACE FUNCTION {}({}){} LANGUAGE plpgsql SECURITY DEFINER{} AS {}",
            qualified(&self.name),
            parameters.join(", "),
            self.returns,
            settings.collect::<String>(),
            literal(&self.body)
        ))
    }

    pub(super) fn drop_if_there(&self) -> Sql {
        Sql(format!("DROP FUNCTION IF EXISTS {}", self.signature()))
    }
}
