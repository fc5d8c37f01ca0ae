//! The catalog query: its text for a set of tables, and its parameters.
//!
//! The files of `inspect/` ask about one table. Both statements here ask it about each table of a set, in the order of the set, so
//! that the server prepares the query once and sends the rows of a table before it reads the next one.

use std::sync::LazyLock;

use tokio_postgres::types::ToSql;

use crate::partition::{
    DEFAULT_CHECK_PREFIX, Identifier, MARKER_PREFIX, ManagedTable, adoption_patterns, copy_marker,
    detached_checks, end_of_prefix, expired_beginning, partition_prefix, source_marker,
    source_name,
};

/// The catalog query for one table.
const INSPECT: &str = concat!(
    include_str!("inspect/relations.sql"),
    ",\n",
    include_str!("inspect/drain.sql"),
    include_str!("inspect/table.sql"),
    "UNION ALL\n",
    include_str!("inspect/partitions.sql"),
    "UNION ALL\n",
    include_str!("inspect/indexes.sql"),
);

/// Parameters of [`INSPECT`] that differ between tables, each with the column of `asked` that replaces it. Those of two
/// digits come first, because `$1` is the beginning of `$10`.
const OF_A_TABLE: [(&str, &str); 8] = [
    ("$12", "asked.source_marker"),
    ("$11", "asked.source"),
    ("$10", "asked.copy_marker"),
    ("$5", "string_to_array(asked.checks, ',')"),
    ("$4", "asked.prefix_end"),
    ("$3", "asked.prefix"),
    ("$2", "asked.relation"),
    ("$1", "asked.schema"),
];

/// The set of tables. A parameter that differs between tables has its number in [`INSPECT`], and is an array.
const ASKED: &str = "unnest($1::name[], $2::name[], $3::text[], $4::name[], $5::text[], $10::text[], $11::name[], \
    $12::text[]) WITH ORDINALITY AS asked (schema, relation, prefix, prefix_end, checks, copy_marker, source, \
    source_marker, ordinal)";

/// The clock of the server, which does not change a digest.
const CLOCK: &str = "CASE WHEN found.what = 'table' THEN to_char(clock_timestamp() AT TIME ZONE 'UTC', \
    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') END";

/// The hashes of a row: all of its columns count. `OFFSET 0` has the server write the text of a row once.
const HASHES: &str = "(SELECT hashtextextended(written.text, $13) AS hash_1, hashtextextended(written.text, $14) AS hash_2 \
    FROM (SELECT found::text AS text OFFSET 0) AS written)";

/// The rows of each table.
pub(super) static ROWS: LazyLock<String> = LazyLock::new(|| {
    let found = found();
    format!(
        "SELECT asked.ordinal, found.*, {CLOCK} AS clock, hashes.hash_1, hashes.hash_2 \
         FROM {ASKED} CROSS JOIN LATERAL ({found}) AS found CROSS JOIN LATERAL {HASHES} AS hashes"
    )
});

/// One row for each table: the object identifier and the sums of the hashes of its rows.
pub(super) static DIGESTS: LazyLock<String> = LazyLock::new(|| {
    let found = found();
    format!(
        "SELECT asked.ordinal, looked.* FROM {ASKED} CROSS JOIN LATERAL (\
         SELECT max(found.oid) FILTER (WHERE found.what = 'table') AS oid, max({CLOCK}) AS clock, \
         sum(hashes.hash_1)::text AS hash_1, sum(hashes.hash_2)::text AS hash_2 \
         FROM ({found}) AS found CROSS JOIN LATERAL {HASHES} AS hashes) AS looked"
    )
});

/// Seeds of the hashes, different in each process.
static SEEDS: LazyLock<[i64; 2]> = LazyLock::new(|| [fastrand::i64(..), fastrand::i64(..)]);

/// A table of a set, and the relation of its schema that the query reads for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) table: &'a ManagedTable,
    pub(super) relation: &'a Identifier,
}

impl<'a> Asked<'a> {
    /// Asks about the relation that has the name of the table.
    pub(super) fn new(table: &'a ManagedTable) -> Self {
        Self { table, relation: &table.name().name }
    }
}

/// Returns [`INSPECT`] with the columns of `asked` instead of the parameters that differ between tables.
fn found() -> String {
    OF_A_TABLE
        .iter()
        .fold(INSPECT.to_owned(), |text, (parameter, column)| text.replace(parameter, column))
}

/// Values of the parameters of both statements.
pub(super) struct Parameters<'a> {
    schemas: Vec<&'a str>,
    relations: Vec<&'a str>,
    prefixes: Vec<String>,
    prefix_ends: Vec<Option<String>>,
    checks: Vec<String>,
    expired: String,
    adoptions: String,
    copy_markers: Vec<String>,
    sources: Vec<String>,
    source_markers: Vec<String>,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(tables: &[Asked<'a>]) -> Self {
        let of_each = |text: fn(&ManagedTable) -> String| {
            tables.iter().map(|asked| text(asked.table)).collect::<Vec<_>>()
        };
        let prefixes = of_each(partition_prefix);
        let [beginning, digests] = adoption_patterns();
        Self {
            schemas: tables.iter().map(|asked| asked.table.name().schema.as_str()).collect(),
            relations: tables.iter().map(|asked| asked.relation.as_str()).collect(),
            prefix_ends: prefixes.iter().map(|prefix| end_of_prefix(prefix)).collect(),
            prefixes,
            checks: of_each(check_names),
            expired: expired_beginning(),
            adoptions: format!("(?n)^{beginning}({digests})$"),
            copy_markers: of_each(copy_marker),
            sources: of_each(|table| source_name(table).as_str().to_owned()),
            source_markers: of_each(source_marker),
        }
    }

    /// Returns the values in the order of their numbers.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 14] {
        let [seed_1, seed_2] = &*SEEDS;
        [
            &self.schemas,
            &self.relations,
            &self.prefixes,
            &self.prefix_ends,
            &self.checks,
            &MARKER_PREFIX,
            &self.expired,
            &self.adoptions,
            &DEFAULT_CHECK_PREFIX,
            &self.copy_markers,
            &self.sources,
            &self.source_markers,
            seed_1,
            seed_2,
        ]
    }
}

/// Returns the names of the check on detached tables, separated by commas. Only letters, digits, and underscores are in them.
fn check_names(table: &ManagedTable) -> String {
    let names = detached_checks(table);
    names.iter().map(Identifier::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{DIGESTS, OF_A_TABLE, ROWS, check_names};
    use crate::partition::{Identifier, ManagedTable, QualifiedName};

    #[test]
    fn query_of_a_set_has_no_parameter_of_a_single_table() {
        for text in [&*ROWS, &*DIGESTS] {
            for (parameter, column) in OF_A_TABLE {
                assert!(text.contains(column), "{column}");
                let uses: Vec<_> = text.match_indices(parameter).collect();
                let arrays = [format!("{parameter}::name[]"), format!("{parameter}::text[]")];
                let arrays = arrays.iter().map(|array| text.matches(array.as_str()).count());
                let longer = ["10", "11", "12", "13", "14"].map(|number| format!("${number}"));
                let longer =
                    longer.iter().filter(|longer| parameter == "$1" && *longer != parameter);
                let longer = longer.map(|longer| text.matches(longer.as_str()).count());
                assert_eq!(
                    uses.len(),
                    arrays.sum::<usize>() + longer.sum::<usize>(),
                    "{parameter}"
                );
            }
        }
    }

    #[test]
    fn names_of_checks_have_no_comma() {
        for name in ["orders", "a,b", "a\nb"] {
            let [schema, name] = ["s,t", name].map(|name| Identifier::new(name).expect("a name"));
            let table = ManagedTable::new(QualifiedName { schema, name });
            let names = check_names(&table);
            let names: Vec<_> = names.split(',').map(str::to_owned).collect();
            let expected = crate::partition::detached_checks(&table);
            assert_eq!(names, expected.iter().map(Identifier::as_str).collect::<Vec<_>>());
        }
    }
}
