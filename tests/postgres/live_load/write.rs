//! Kinds of write that wait for one row at most.
//!
//! Each changes the ledger in the transaction in which it changes the table. The application alone has no deadlock: only
//! one client of each table [writes many rows](super::many) in a transaction.

use super::keys::{Keys, ONCE};
use super::many;
use super::tables::Table;

/// A kind of write, with its name.
pub(super) type Write = (&'static str, fn(&Table, &mut Keys) -> Act);

/// Statements of a client in one transaction.
#[derive(Debug)]
pub(super) enum Act {
    /// Statements, after those that begin the transaction.
    Text(&'static str, String),
    /// Statements that are rolled back.
    RolledBack(String),
    /// A prepared statement, with a key and an amount.
    Prepared(usize, i64, i64),
    /// A COPY, its lines, and a statement.
    Copy(String, String, String),
}

/// Writes of a client of the application.
pub(super) const ONE: &[Write] = &[
    ("insert", insert),
    ("update", |_, keys| Act::Prepared(1, keys.any().cast_signed(), 3)),
    ("move to another key", move_key),
    ("upsert", |table, keys| many::upsert(table, keys.again(keys.client() % 20), 1)),
    ("merge", merge),
    ("move to another partition", move_partition),
    ("delete", |_, keys| Act::Prepared(2, keys.any().cast_signed(), 0)),
    ("copy 3 rows", copy),
    ("write by a trigger of another table", by_trigger),
    ("move to another key and partition", move_both),
    ("deferred constraint", deferred),
    ("delete and insert in one statement", delete_and_insert),
    ("savepoints", savepoints),
    ("repeatable read", repeatable_read),
    ("lock and update", lock_and_update),
    ("use what was changed", use_change),
    ("serializable", serializable),
    ("insert through a view", insert_through_view),
    ("update through a view", update_through_view),
    ("delete through a view", delete_through_view),
    ("insert by an SQL-body function", |table, keys| {
        text(format!("SELECT {}_put({}, 8)", table.name, keys.next()))
    }),
    ("update by an SQL function", |table, keys| {
        text(format!("SELECT {t}_add({}, 9)", keys.of(table.name), t = table.name))
    }),
    ("delete and insert by a PL/pgSQL function", replace_row),
    ("update at a cursor", |table, keys| {
        text(format!("SELECT {}_walk({})", table.name, keys.any()))
    }),
    ("read by a cursor and write", read_by_cursor),
    ("insert by a named statement", |_, keys| {
        text(format!("EXECUTE named_insert ({}, 4)", keys.next()))
    }),
    ("update by a named statement", |_, keys| {
        text(format!("EXECUTE named_update ({}, 5)", keys.any()))
    }),
    ("insert with a number that was taken before", insert_number),
    ("read by a function", |table, keys| {
        text(format!("SELECT {}_total({})", table.name, keys.below(20)))
    }),
    ("rollback", |table, keys| {
        Act::RolledBack(format!("{}; {}", insert_sql(table, keys), delete_sql(table.name, keys)))
    }),
];

/// Writes of a session that applies replicated changes, in which no trigger of the application or of a foreign key fires.
pub(super) const REPLICA: &[Write] = &[
    ("replica: insert", insert),
    ("replica: update", |_, keys| Act::Prepared(1, keys.any().cast_signed(), 2)),
    ("replica: move to another key", move_key),
    ("replica: move to another partition", move_partition),
    ("replica: copy 3 rows", copy),
    ("replica: repeatable read", repeatable_read),
    ("replica: move to another key and partition", move_both),
    ("replica: delete", |_, keys| Act::Prepared(2, keys.any().cast_signed(), 0)),
    ("replica: delete and insert in one statement", delete_and_insert),
];

/// Writes of a client to the table that references the table. The client locks the row of the table first.
pub(super) const LINES: &[Write] = &[
    ("insert a line", |table, keys| {
        let (t, id) = (table.name, keys.of(table.name));
        text(format!(
            "WITH w AS (UPDATE {t} SET lines = lines + 1 WHERE id = {id} RETURNING id)
             INSERT INTO {t}_lines (parent) SELECT id FROM w"
        ))
    }),
    ("delete a line", |table, keys| {
        let (t, any) = (table.name, keys.any());
        text(format!(
            "SELECT set_config('load.id', id::text, true) FROM {t} WHERE id >= {any} AND lines > 0 ORDER BY id LIMIT 1 FOR UPDATE;
             WITH w AS (DELETE FROM {t}_lines WHERE number = (SELECT max(number) FROM {t}_lines
                    WHERE parent = nullif(current_setting('load.id', true), '')::bigint) RETURNING parent)
             UPDATE {t} SET lines = lines - 1 FROM w WHERE id = w.parent"
        ))
    }),
    ("move a row with lines to another key", |table, keys| {
        move_row(table.name, keys, "lines > 0", "")
    }),
    ("delete a row with lines", |table, keys| {
        text(delete_sql(table.name, keys).replace(UNREFERENCED, "lines > 0"))
    }),
];

/// In a session that applies replicated changes, foreign keys do not cascade.
const UNREFERENCED: &str =
    "(lines = 0 OR current_setting('session_replication_role') <> 'replica')";

/// Statements to prepare: [`Act::Prepared`] has their places.
pub(super) fn prepared(table: &Table) -> [String; 3] {
    let t = table.name;
    let one = format!("(SELECT id FROM {t} WHERE id >= $1::bigint AND {ONCE} ORDER BY id LIMIT 1)");
    [
        format!(
            "WITH w AS (INSERT INTO {t} (id, org, at, amount)
                 VALUES ($1::bigint, $1 % 20, now() - $1 % 40 * interval '1 day', $2::bigint) RETURNING id, amount)
             INSERT INTO ledger SELECT '{t}', id, 1, amount FROM w"
        ),
        format!(
            "WITH w AS (UPDATE {t} SET amount = amount + $2::bigint, version = version + 1, status = nullif(status, 'new')
                 WHERE id = {one} RETURNING id)
             INSERT INTO ledger SELECT '{t}', id, 0, $2 FROM w"
        ),
        format!(
            "WITH w AS (DELETE FROM {t} WHERE id = {one} AND {UNREFERENCED} RETURNING id, amount)
             INSERT INTO ledger SELECT '{t}', id, -1, -amount + $2::bigint FROM w"
        ),
    ]
}

/// Statements that a session prepares by name, as object-relational mappers do.
pub(super) fn named(table: &Table) -> String {
    let [insert, update, _] = prepared(table);
    format!(
        "PREPARE named_insert (bigint, bigint) AS {insert}; PREPARE named_update (bigint, bigint) AS {update}"
    )
}

pub(super) fn text(sql: String) -> Act {
    Act::Text("BEGIN", sql)
}

fn insert(_: &Table, keys: &mut Keys) -> Act {
    Act::Prepared(0, keys.next().cast_signed(), keys.below(100).cast_signed())
}

fn insert_sql(table: &Table, keys: &mut Keys) -> String {
    let (t, id, org, amount) = (table.name, keys.next(), keys.below(20), keys.below(100));
    format!(
        "INSERT INTO {t} (id, org, at, amount) VALUES ({id}, {org}, {}, {amount});
         INSERT INTO ledger VALUES ('{t}', {id}, 1, {amount})",
        table.at(keys)
    )
}

fn update_sql(t: &str, keys: &mut Keys) -> String {
    format!(
        "WITH w AS (UPDATE {t} SET amount = amount + 2, version = version + 1 WHERE id = {} RETURNING id)
         INSERT INTO ledger SELECT '{t}', id, 0, 2 FROM w",
        keys.of(t)
    )
}

fn delete_sql(t: &str, keys: &mut Keys) -> String {
    format!(
        "WITH w AS (DELETE FROM {t} WHERE id = {} AND {UNREFERENCED} RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', id, -1, -amount FROM w",
        keys.of(t)
    )
}

fn insert_through_view(table: &Table, keys: &mut Keys) -> Act {
    let (t, id, at) = (table.name, keys.next(), table.at(keys));
    text(format!(
        "WITH w AS (INSERT INTO {t}_view (id, org, at, amount) VALUES ({id}, {id} % 20, {at}, 4) RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', id, 1, amount FROM w"
    ))
}

fn update_through_view(table: &Table, keys: &mut Keys) -> Act {
    let (t, id) = (table.name, keys.of(&format!("{}_view", table.name)));
    text(format!(
        "WITH w AS (UPDATE {t}_view SET amount = amount + 6, version = version + 1 WHERE id = {id} RETURNING id)
         INSERT INTO ledger SELECT '{t}', id, 0, 6 FROM w"
    ))
}

fn delete_through_view(table: &Table, keys: &mut Keys) -> Act {
    let (t, id) = (table.name, keys.of(table.name));
    text(format!(
        "WITH w AS (DELETE FROM {t}_view WHERE id = {id} RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', id, -1, -amount FROM w"
    ))
}

fn replace_row(table: &Table, keys: &mut Keys) -> Act {
    let (t, new, old) = (table.name, keys.next(), keys.of(table.name));
    text(format!("SELECT {t}_replace({old}, {new})"))
}

fn read_by_cursor(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "DECLARE reader SCROLL CURSOR FOR SELECT id, amount FROM {t} WHERE org = {} ORDER BY id;
         FETCH 2 FROM reader; {}; MOVE LAST FROM reader; FETCH PRIOR FROM reader; {}; CLOSE reader",
        keys.below(20),
        insert_sql(table, keys),
        update_sql(t, keys)
    ))
}

/// Takes a number from the sequence of the key, as object-relational mappers do.
fn insert_number(table: &Table, keys: &mut Keys) -> Act {
    let (t, at) = (table.name, table.at(keys));
    text(format!(
        "WITH n AS (SELECT nextval('{t}_id_seq') AS id),
              w AS (INSERT INTO {t} (id, org, at, amount) SELECT id, id % 20, {at}, 6 FROM n RETURNING id, amount)
         INSERT INTO ledger SELECT '{t}', id, 1, amount FROM w"
    ))
}

fn copy(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    let ids: Vec<_> = (0..3).map(|_| keys.next()).collect();
    let lines = ids.iter().map(|id| format!("{id}\t{}\tnow\t5\n", keys.below(20))).collect();
    let ledger =
        format!("INSERT INTO ledger SELECT '{t}', id, 1, 5 FROM unnest(ARRAY{ids:?}) AS id");
    Act::Copy(format!("COPY {t} (id, org, at, amount) FROM STDIN"), lines, ledger)
}

fn merge(table: &Table, keys: &mut Keys) -> Act {
    let key = keys.again(100 + keys.client() % 5);
    many::merge(table, key, 1)
}

fn move_key(table: &Table, keys: &mut Keys) -> Act {
    move_row(table.name, keys, UNREFERENCED, "")
}

/// After the cutover, foreign keys that reference a row do not follow it to another key in another partition.
fn move_both(table: &Table, keys: &mut Keys) -> Act {
    let sets = format!(", org = (t.org + 3) % 20, at = {}", table.moved_at(keys));
    move_row(table.name, keys, "lines = 0", &sets)
}

fn move_row(t: &str, keys: &mut Keys, which: &str, sets: &str) -> Act {
    let (from, to) = (keys.any(), keys.next());
    text(format!(
        "WITH o AS (SELECT id FROM {t} WHERE id >= {from} AND {ONCE} AND {which} ORDER BY id LIMIT 1 FOR UPDATE),
              w AS (UPDATE {t} AS t SET id = {to}, version = version + 1{sets} FROM o WHERE t.id = o.id
                    RETURNING o.id AS was, t.id, t.amount)
         INSERT INTO ledger SELECT '{t}', k.id, k.rows, k.rows * w.amount
             FROM w CROSS JOIN LATERAL (VALUES (w.was, -1), (w.id, 1)) AS k (id, rows)"
    ))
}

fn move_partition(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    let (at, id) = (table.moved_at(keys), keys.of(t));
    text(format!("UPDATE {t} SET org = (org + 7) % 20, at = {at} WHERE id = {id}"))
}

/// After the cutover, foreign keys that reference a row do not see that one statement has deleted and inserted it.
fn delete_and_insert(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "WITH d AS (DELETE FROM {t} WHERE id = {} AND lines = 0 RETURNING id, org, at, amount, version)
         INSERT INTO {t} (id, org, at, amount, version) SELECT id, (org + 1) % 20, at, amount, version FROM d",
        keys.of(t)
    ))
}

/// The row can be deleted before it is locked.
fn lock_and_update(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!(
        "SELECT set_config('load.id', id::text, true) FROM {t} WHERE id = {} FOR UPDATE;
         UPDATE {t} SET status = 'locked', amount = amount
             WHERE id = nullif(current_setting('load.id', true), '')::bigint",
        keys.of(t)
    ))
}

fn use_change(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    let sets = if table.is_changed() { "extra = extra + 1, grade = NULL" } else { "grade = 3" };
    text(format!("UPDATE {t} SET {sets} WHERE id = {}", keys.of(t)))
}

fn by_trigger(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    text(format!("INSERT INTO {t}_events VALUES ({}, 3)", keys.of(t)))
}

/// The organization comes after its row.
pub(super) fn deferred(table: &Table, keys: &mut Keys) -> Act {
    let (t, id, org) = (table.name, keys.next(), keys.next());
    let which = if keys.below(2) == 0 { "ALL".to_owned() } else { format!("{t}_of_org") };
    text(format!(
        "SET CONSTRAINTS {which} DEFERRED;
         INSERT INTO {t} (id, org, at, amount) VALUES ({id}, {org}, {}, 1);
         INSERT INTO ledger VALUES ('{t}', {id}, 1, 1);
         INSERT INTO {t}_orgs VALUES ({org})",
        table.at(keys)
    ))
}

fn savepoints(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    let (insert, deleted) = (insert_sql(table, keys), delete_sql(t, keys));
    let again = insert_sql(table, keys);
    text(format!(
        "{insert}; SAVEPOINT one; {again}; {deleted}; ROLLBACK TO one; {}; SAVEPOINT two; {}; RELEASE two",
        insert_sql(table, keys),
        update_sql(t, keys)
    ))
}

fn repeatable_read(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    let change = if keys.below(2) == 0 { update_sql(t, keys) } else { delete_sql(t, keys) };
    let sql = format!("SELECT count(*) FROM {t}; {}; {change}", insert_sql(table, keys));
    Act::Text("BEGIN ISOLATION LEVEL REPEATABLE READ", sql)
}

fn serializable(table: &Table, keys: &mut Keys) -> Act {
    let t = table.name;
    let sum = format!("SELECT sum(amount) FROM {t} WHERE org = {}", keys.below(20));
    let sql = format!("{sum}; {}; {}", insert_sql(table, keys), update_sql(t, keys));
    Act::Text("BEGIN ISOLATION LEVEL SERIALIZABLE", sql)
}
