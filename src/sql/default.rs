//! The default partition: its checks, counting and moving its rows, and its removal.

use super::quote::{in_range, list, literal, name, qualified};
use super::{Script, Sql, partition};
use crate::observed::{Fires, MAX_BINS, Within};
use crate::partition::{
    Bounds, Identifier, KeyRange, KeyType, MARKER_PREFIX, QualifiedName, RangeKey,
};
use crate::plan::{AddDefaultCheck, Drain};

/// More rows than this are not counted, but estimated.
pub const MAX_COUNTED: u64 = 100_000;

/// A transaction that counts the rows of a default partition, and returns them as
/// [`crate::observed::CountedRows`] in JSON: how many there are, at most one more than
/// [`MAX_COUNTED`], and how many in each quarter of an hour, the latest first. Rows at infinity or without
/// a key lie in none.
#[must_use]
pub fn count_default_rows(
    owner: &Identifier,
    default: &QualifiedName,
    key: &RangeKey,
    within: Within,
) -> Script {
    let condition = match within {
        Within::Range(range) => in_range(&KeyRange { key: key.clone(), range }),
        Within::Everywhere => format!("{} IS NOT NULL", name(&key.column)),
        Within::Nowhere => "false".to_owned(),
    };
    let column = name(&key.column);
    let (bin, finite) = match key.key_type {
        KeyType::Date | KeyType::Timestamp => (
            format!("date_bin('15 minutes', {column}::timestamp, '2000-01-01'::timestamp)::text"),
            format!("isfinite({column})"),
        ),
        KeyType::TimestampTz => (
            format!("date_bin('15 minutes', {column}, '2000-01-01 00:00:00+00')::text"),
            format!("isfinite({column})"),
        ),
        KeyType::UuidV7 => (uuid_bin(&column), "true".to_owned()),
    };
    let statements = [
        Sql("SET LOCAL row_security = off".to_owned()),
        Sql(format!(
            "SELECT json_build_object('count', (SELECT count(*) FROM (SELECT FROM {table} LIMIT {}) \
             AS counted), 'bins', (SELECT coalesce(json_agg(json_build_array(bin, rows)), '[]') \
             FROM (SELECT {bin} AS bin, count(*) AS rows FROM {table} WHERE {condition} AND \
             {finite} GROUP BY 1 ORDER BY 1 DESC LIMIT {}) AS bins))::text",
            MAX_COUNTED + 1,
            MAX_BINS + 1,
            table = qualified(default),
        )),
    ];
    Script::as_owner(owner, statements)
}

/// The least uuid of the quarter of an hour that the first 48 bits, milliseconds, lie in.
fn uuid_bin(column: &str) -> String {
    let millis = format!("('x' || left(replace({column}::text, '-', ''), 12))::bit(48)::bigint");
    format!("rpad(lpad(to_hex({millis} / 900000 * 900000), 12, '0'), 32, '0')::uuid::text")
}

/// Moves the rows of a range to the table that is made their partition, in one statement, so that one
/// limit of time holds for all of it, waiting included.
///
/// Both locks are needed before the first row moves. With less on the table, a reader that had planned
/// before would miss the rows, and a writer that was on its way into the default partition would fail.
///
/// The rows are written when the partition is one: what publishes the table publishes them only then, and
/// has told its subscribers that they are gone from the default partition.
pub(super) fn drain(drain: &Drain) -> Vec<Sql> {
    let Drain { attach, default, triggers, .. } = drain;
    let (table, from, to) =
        (qualified(&attach.table), qualified(default), qualified(&attach.partition));
    let oid = format!("{}::regclass", literal(&to));
    // Row security would keep the owner from filling it, and from looking where its foreign keys lead.
    let mut body = format!(
        "#variable_conflict use_column\nDECLARE moved {from}[]; command text; disable text[]; \
         enable text[]; forced boolean := (SELECT relforcerowsecurity FROM pg_class WHERE oid = \
         {oid}); BEGIN LOCK TABLE ONLY {table}, ONLY {from} IN ACCESS EXCLUSIVE MODE; SET \
         CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {to} NO FORCE ROW LEVEL SECURITY;"
    );
    for trigger in triggers {
        let trigger = name(&trigger.name);
        body.push_str(&format!(" ALTER TABLE ONLY {from} DISABLE TRIGGER {trigger};"));
    }
    if let Bounds::Range(range) = &attach.bounds {
        body.push_str(&format!(
            // Postgres rejects every DELETE on a table that is published without a replica identity, even of no
            // rows (55000).
            " IF EXISTS (SELECT FROM ONLY {from} AS {ROW} WHERE {condition}) THEN WITH gone AS (DELETE FROM \
             ONLY {from} AS {ROW} WHERE {condition} RETURNING {ROW}) SELECT array_agg({ROW}) INTO moved \
             FROM gone; END IF;",
            condition = in_range(range)
        ));
    }
    for trigger in triggers {
        let enable = match trigger.fires {
            Fires::Origin => "ENABLE",
            Fires::Replica => "ENABLE REPLICA",
            Fires::Always => "ENABLE ALWAYS",
        };
        let trigger = name(&trigger.name);
        body.push_str(&format!(" ALTER TABLE ONLY {from} {enable} TRIGGER {trigger};"));
    }
    for statement in partition::attach(attach) {
        body.push_str(&format!(" {};", statement.as_str()));
    }
    body.push_str(&fill(drain, &oid));
    body.push_str(&format!(
        " IF forced THEN ALTER TABLE {to} FORCE ROW LEVEL SECURITY; END IF; END"
    ));
    vec![Sql("SET LOCAL row_security = off".to_owned()), Sql(format!("DO {}", literal(&body)))]
}

/// A row as a whole; the name is that of no column.
const ROW: &str = "\"pgpartition_row\"";

/// Writes the rows that were moved, with the triggers off that the partition has from its table.
fn fill(drain: &Drain, oid: &str) -> String {
    let columns = list(&drain.columns);
    let values = columns.trim_start_matches('(').trim_end_matches(')');
    format!(
        " SELECT array_agg(format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname)), \
         array_agg(format('ALTER TABLE %s ENABLE %sTRIGGER %I', tgrelid::regclass, CASE tgenabled \
         WHEN 'A' THEN 'ALWAYS ' WHEN 'R' THEN 'REPLICA ' ELSE '' END, tgname)) INTO disable, enable \
         FROM pg_trigger LEFT JOIN pg_constraint AS c ON c.oid = tgconstraint WHERE tgrelid = {oid} \
         AND tgenabled <> 'D' AND (c.oid IS NULL OR contype = 't'); \
         FOREACH command IN ARRAY coalesce(disable, '{{}}') LOOP EXECUTE command; END LOOP; \
         INSERT INTO {to} {columns} OVERRIDING SYSTEM VALUE SELECT {values} FROM unnest(moved); \
         FOREACH command IN ARRAY coalesce(enable, '{{}}') LOOP EXECUTE command; END LOOP;",
        to = qualified(&drain.attach.partition),
    )
}

/// Detaches and drops a default partition only if it is managed and empty under the lock.
pub(super) fn remove(table: &QualifiedName, default: &QualifiedName) -> Vec<Sql> {
    let (table, default) = (qualified(table), qualified(default));
    let body = format!(
        "BEGIN LOCK TABLE ONLY {table}, ONLY {default} IN ACCESS EXCLUSIVE MODE; \
         IF EXISTS (SELECT FROM ONLY {default}) \
         OR starts_with(obj_description({}::regclass, 'pg_class'), {}) IS NOT TRUE \
         THEN RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', \
         MESSAGE = 'the default partition is unmanaged or has rows, so it is kept'; END IF; \
         ALTER TABLE {table} DETACH PARTITION {default}; DROP TABLE {default}; END",
        literal(&default),
        literal(MARKER_PREFIX)
    );
    vec![Sql("SET LOCAL row_security = off".to_owned()), Sql(format!("DO {}", literal(&body)))]
}

pub(super) fn add_default_check(add: &AddDefaultCheck) -> Sql {
    let AddDefaultCheck { default, default_check, range } = add;
    Sql(format!(
        "ALTER TABLE {} ADD CONSTRAINT {} CHECK (NOT ({})) NOT VALID",
        qualified(default),
        name(default_check),
        in_range(range)
    ))
}
