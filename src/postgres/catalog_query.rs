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

/// Parameters of [`INSPECT`] that are columns of `asked`. Those of two
/// digits come first, because `$1` is the beginning of `$10`.
const OF_ASKED: [(&str, &str); 9] = [
    ("$13", "asked.seed"),
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
const ASKED: &str = "(SELECT of_table.*, $13::bigint AS seed FROM unnest($1::name[], $2::name[], $3::text[], $4::name[], \
    $5::text[], $10::text[], $11::name[], $12::text[]) WITH ORDINALITY AS of_table (schema, relation, prefix, prefix_end, \
    checks, copy_marker, source, source_marker, ordinal)) AS asked";

/// The clock of the server, which does not change a digest.
const CLOCK: &str = "CASE WHEN found.what = 'table' THEN to_char(clock_timestamp() AT TIME ZONE 'UTC', \
    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') END";

/// The bounds of a partition. A digest has only the hash of their stored form, because Postgres takes longer to deparse them
/// than to read the rest of the row.
const BOUNDS: &str = "CASE WHEN found.bounds_hash IS NOT NULL THEN (\
    SELECT left(pg_get_expr(c.relpartbound, 0), 100001) FROM pg_class c WHERE c.oid = found.oid) END";

/// The hash of a row: all of its columns count.
const HASH: &str = "hashtextextended(found::text, asked.seed)";

/// The rows of each table.
pub(super) static ROWS: LazyLock<String> = LazyLock::new(|| {
    let found = found();
    format!(
        "SELECT asked.ordinal, found.*, {BOUNDS} AS bounds, {CLOCK} AS clock, {HASH} AS hash \
         FROM {ASKED} CROSS JOIN LATERAL ({found}) AS found"
    )
});

/// One row for each table: its object identifier, and the sum of the hashes of its rows.
pub(super) static DIGESTS: LazyLock<String> = LazyLock::new(|| {
    let found = found();
    format!(
        "SELECT asked.ordinal, looked.* FROM {ASKED} CROSS JOIN LATERAL (\
         SELECT max(found.oid) FILTER (WHERE found.what = 'table') AS oid, max({CLOCK}) AS clock, \
         sum({HASH})::text AS hash FROM ({found}) AS found) AS looked"
    )
});

/// Seed of the hashes, different in each process.
static SEED: LazyLock<i64> = LazyLock::new(|| fastrand::i64(..));

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
    OF_ASKED
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
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 13] {
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
            &*SEED,
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
    use super::{DIGESTS, OF_ASKED, ROWS, check_names};
    use crate::partition::{Identifier, ManagedTable, QualifiedName};

    #[test]
    fn query_of_a_set_has_no_parameter_of_a_single_table() {
        for text in [&*ROWS, &*DIGESTS] {
            for (parameter, column) in OF_ASKED {
                assert!(text.contains(column), "{column}");
                let uses: Vec<_> = text.match_indices(parameter).collect();
                let arrays = ["name[]", "text[]", "bigint"].map(|of| format!("{parameter}::{of}"));
                let arrays = arrays.iter().map(|array| text.matches(array.as_str()).count());
                let longer = ["10", "11", "12", "13"].map(|number| format!("${number}"));
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
