//! Kinds of write that change many rows. One client of each table does them.

use super::keys::{FAR, Keys, ONCE};
use super::tables::Table;
use super::write::{Act, Write, deferred, text};

pub(super) const MANY: &[Write] = &[
    ("update many", update_many),
    ("insert 20 rows", insert_20),
    ("cascade of an update", cascaded_update),
    ("upsert many", |table, keys| upsert(table, keys.again(0), 20)),
    ("move many to other partitions", move_partitions),
    ("merge many", |table, keys| merge(table, keys.again(10), 20)),
    ("deferred constraint", deferred),
    ("truncate and insert, or update many", truncate),
    ("move many to other keys", move_keys),
    ("delete many", delete_many),
    ("cascade of a delete", cascaded_delete),
    ("truncate and rollback", |table, _| Act::RolledBack(truncate_sql(table))),
];

pub(super) fn insert_20(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "WITH w AS (INSERT INTO {t} (org, at, amount) SELECT n % 20, {} - n * interval '1 hour', n
             FROM generate_series(1, 20) AS n RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', id, 1, amount FROM w",
        table.at(keys)
    ))
}

/// A row that was there has another version than 0 afterwards.
pub(super) fn upsert(table: &Table, first: u64, rows: u64) -> Act {
    let (t, key) = (table.name, table.key());
    text(format!(
        "WITH w AS (INSERT INTO {t} AS t (id, org, at, amount)
             SELECT k.id, coalesce(o.org, k.id % 20), coalesce(o.at, now() - k.id % 40 * interval '1 day'), 3
             FROM generate_series({first}, {first} + {rows} - 1) AS k (id) LEFT JOIN {t} AS o ON o.id = k.id
             ON CONFLICT ({key}) DO UPDATE SET amount = t.amount + 3, version = t.version + 1
             RETURNING id, version)
         INSERT INTO ledger SELECT '{t}', id, (version = 0)::int, 3 FROM w"
    ))
}

/// MERGE returns nothing before 17, so what it will do is recorded first, with the rows locked. Before 15 it is an upsert.
pub(super) fn merge(table: &Table, first: u64, rows: u64) -> Act {
    let t = table.name;
    if table.major < 15 {
        return upsert(table, first, rows);
    }
    let ids = format!("generate_series({first}, {first} + {rows} - 1) AS k (id)");
    text(format!(
        "WITH l AS (SELECT id, amount FROM {t} WHERE id >= {first} AND id < {first} + {rows} ORDER BY id FOR UPDATE)
         INSERT INTO ledger SELECT '{t}', k.id,
             CASE WHEN l.id IS NULL THEN 1 WHEN l.amount % 5 = 0 THEN -1 ELSE 0 END,
             CASE WHEN l.amount % 5 = 0 THEN -l.amount ELSE 2 END
             FROM {ids} LEFT JOIN l ON l.id = k.id;
         MERGE INTO {t} AS t USING {ids} ON t.id = k.id
             WHEN MATCHED AND t.amount % 5 = 0 THEN DELETE
             WHEN MATCHED THEN UPDATE SET amount = t.amount + 2, version = t.version + 1, org = (t.org + 1) % 20
             WHEN NOT MATCHED THEN INSERT (id, org, at, amount) VALUES (k.id, k.id % 20, now(), 2)"
    ))
}

fn update_many(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "WITH w AS (UPDATE {t} SET amount = amount + 1, version = version + 1 WHERE id % 13 = {} RETURNING id)
         INSERT INTO ledger SELECT '{t}', id, 0, 1 FROM w",
        keys.below(13)
    ))
}

/// A statement that changes nothing else, without a ledger.
fn move_partitions(table: &Table, keys: &mut Keys) -> Act {
    let (t, at) = (table.name, table.moved_at(keys));
    text(format!(
        "UPDATE {t} SET org = (org + 7) % 20, at = {at} WHERE id % 17 = {}",
        keys.below(17)
    ))
}

fn move_keys(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "WITH w AS (UPDATE {t} SET id = id + {FAR}, version = version + 1 WHERE id % 29 = {} AND id < {FAR} AND {ONCE}
                    RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', k.id, k.rows, k.rows * w.amount
             FROM w CROSS JOIN LATERAL (VALUES (w.id - {FAR}, -1), (w.id, 1)) AS k (id, rows)",
        keys.below(29)
    ))
}

fn delete_many(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "WITH w AS (DELETE FROM {t} WHERE id % 7 = {} RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', id, -1, -amount FROM w",
        keys.below(7)
    ))
}

/// Locks an organization that need not stay.
fn lock_org(t: &str) -> String {
    format!(
        "SELECT set_config('load.org', coalesce((SELECT min(id) FROM {t}_orgs WHERE id > 19), -1)::text, true);
         SELECT FROM {t}_orgs WHERE id = current_setting('load.org')::int FOR UPDATE"
    )
}

fn cascaded_update(table: &Table, keys: &mut Keys) -> Act {
    let (t, to) = (table.name, keys.next());
    text(format!(
        "{}; UPDATE {t}_orgs SET id = {to} WHERE id = current_setting('load.org')::int",
        lock_org(t)
    ))
}

fn cascaded_delete(table: &Table, _: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "{}; WITH l AS (SELECT id, amount FROM {t} WHERE org = current_setting('load.org')::int FOR UPDATE)
             INSERT INTO ledger SELECT '{t}', id, -1, -amount FROM l;
         DELETE FROM {t}_orgs WHERE id = current_setting('load.org')::int",
        lock_org(t)
    ))
}

/// Now and then: all rows come back as new ones, which the program need not copy any more.
fn truncate(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    if keys.below(6) > 0 {
        return update_many(table, keys);
    }
    text(format!(
        "LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE;
         CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT id, org, at, amount, version FROM {t};
         {};
         INSERT INTO {t} (id, org, at, amount, version) SELECT * FROM kept",
        truncate_sql(table)
    ))
}

fn truncate_sql(table: &Table) -> String {
    let t = table.name;
    if table.is_referenced() { format!("TRUNCATE {t}, {t}_lines") } else { format!("TRUNCATE {t}") }
}
