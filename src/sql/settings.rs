//! Settings under which a statement means the same everywhere. Sessions of the operator and printed scripts have them.

use super::Sql;
use super::quote::literal;

/// Settings that change what a statement means, what DDL creates, or what a commit waits for.
const PINNED: [(&str, &str); 12] = [
    ("search_path", "pg_catalog,pg_temp"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO,YMD"),
    ("IntervalStyle", "postgres"),
    ("default_tablespace", ""),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    ("quote_all_identifiers", "off"),
    ("array_nulls", "on"),
    ("synchronous_commit", "local"),
];

/// Returns the options of a startup packet that pin the settings of a session.
#[must_use]
pub fn pinned_options() -> String {
    let option = |(name, value): &(&str, &str)| format!("-c {name}={}", value.replace(' ', "\\ "));
    PINNED.iter().map(option).collect::<Vec<_>>().join(" ")
}

/// Returns the statements that pin the settings in a session that has others.
#[must_use]
pub fn pin_settings() -> Vec<Sql> {
    let statement = |(name, value): &(&str, &str)| {
        let values: Vec<_> = value.split(',').map(literal).collect();
        Sql(format!("SET \"{name}\" = {}", values.join(", ")))
    };
    PINNED.iter().map(statement).collect()
}

#[cfg(test)]
mod tests {
    use super::{PINNED, pin_settings, pinned_options};

    #[test]
    fn lists_and_spaces_are_written_as_postgres_reads_them() {
        let (options, statements) = (pinned_options(), pin_settings());
        assert!(options.starts_with("-c search_path=pg_catalog,pg_temp -c TimeZone=UTC "));
        assert!(options.contains(" -c default_tablespace= "));
        assert!(options.contains(" -c default_transaction_isolation=read\\ committed "));
        assert_eq!(statements.len(), PINNED.len());
        let first = "SET \"search_path\" = 'pg_catalog', 'pg_temp'";
        assert_eq!(statements[0].as_str(), first);
    }
}
