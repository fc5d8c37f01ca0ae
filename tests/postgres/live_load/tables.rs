//! The tables of the application, what it records of its own writes, and how it changes the tables meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::keys::Keys;
use crate::database::{SCHEMA_SQL, World};
use crate::program::resource;

/// Rows of each table in the beginning, with the keys from 1 on.
pub(super) const ROWS: u64 = 1_000;

/// Role of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    One,
    Many,
    Replica,
    Lines,
}

/// Method of a table's conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    CopyByHash,
    /// Another table references it.
    CopyByRange,
    /// A rollback needs that no row lies outside of the plain table.
    AttachByRange,
}

/// A table that is converted.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) major: u16,
    kind: Kind,
    /// Whether the application has the column `extra`, and may write NULL to `grade`.
    is_changed: AtomicBool,
    /// Whether the application knows that the partitioned table serves.
    is_partitioned: AtomicBool,
}

/// Both methods, and both kinds of partitioning.
pub(super) fn tables(major: u16) -> [Table; 3] {
    let table = |name, kind| Table {
        name,
        major,
        kind,
        is_changed: false.into(),
        is_partitioned: false.into(),
    };
    [
        table("by_hash", Kind::CopyByHash),
        table("by_range", Kind::CopyByRange),
        table("attached", Kind::AttachByRange),
    ]
}

impl Table {
    /// Returns the document of the resource.
    pub(super) fn document(&self, serve_from: &str, level: &str) -> String {
        let mut conversion = json!({
            "serveFrom": serve_from, "acknowledge": [format!("UniqueKey:{}_pkey", self.name)],
        });
        if self.is_copied() {
            conversion["method"] = "Copy".into();
            conversion["parity"] = json!({"every": "1s"});
            // Small pages, so that many of them are interrupted.
            conversion["backfill"] = json!({"maxRowsPerSecond": 800});
            conversion["sync"] = json!({"level": level});
        } else {
            conversion["method"] = "Attach".into();
        }
        let by_range = json!({"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}});
        let mut spec = match self.kind {
            Kind::CopyByHash => {
                json!({"partitionBy": {"hash": {"columns": ["org"], "partitions": 4}}})
            }
            Kind::CopyByRange | Kind::AttachByRange => json!({"partitionBy": by_range, "ahead": 1}),
        };
        spec["table"] = self.name.into();
        // A change of a table takes long on a machine that is busy with all of this.
        spec["limits"] = json!({"lockTimeout": "5s"});
        spec["conversion"] = conversion;
        resource(spec)
    }

    /// Returns whether there are two tables, which triggers keep equal.
    pub(super) fn is_copied(&self) -> bool {
        self.kind != Kind::AttachByRange
    }

    /// Returns whether another table references this one.
    pub(super) fn is_referenced(&self) -> bool {
        self.kind == Kind::CopyByRange
    }

    /// Returns the clients of the table.
    pub(super) fn clients(&self) -> &'static [Role] {
        match self.kind {
            Kind::CopyByHash => &[Role::One, Role::Many, Role::Replica],
            Kind::CopyByRange => &[Role::One, Role::Many, Role::Replica, Role::Lines],
            Kind::AttachByRange => &[Role::One, Role::Many],
        }
    }

    /// Returns the instant of a new row in SQL.
    pub(super) fn at(&self, keys: &mut Keys) -> String {
        if self.is_copied() { keys.at() } else { keys.at_before_now() }
    }

    /// Returns the instant to which a row moves in SQL.
    pub(super) fn moved_at(&self, keys: &mut Keys) -> String {
        // Without a copy, partitions have no common key that could identify a moved row.
        if self.is_copied() { keys.at() } else { "at".to_owned() }
    }

    /// Returns whether the application has changed the columns that it writes to.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed.load(Ordering::SeqCst)
    }

    pub(super) fn set_changed(&self) {
        self.is_changed.store(true, Ordering::SeqCst);
    }

    /// Returns the columns of the key, by which the application finds a row that is there.
    pub(super) fn key(&self) -> String {
        if self.is_partitioned.load(Ordering::SeqCst) {
            let column = if self.kind == Kind::CopyByHash { "org" } else { "at" };
            format!("id, {column}")
        } else {
            "id".to_owned()
        }
    }

    pub(super) fn set_partitioned(&self, is_partitioned: bool) {
        self.is_partitioned.store(is_partitioned, Ordering::SeqCst);
    }

    async fn create(&self, world: &World, application: &str) {
        let sql = [TABLE, FUNCTIONS, if self.is_referenced() { LINES } else { "" }].concat();
        world.owner(&sql.replace("{t}", self.name).replace("{rows}", &ROWS.to_string())).await;
        world
            .owner(&format!(
                "GRANT ALL ON ALL TABLES IN SCHEMA {SCHEMA_SQL} TO {application};
                 GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA_SQL} TO {application}"
            ))
            .await;
    }
}

/// Creates the tables. Returns the login role of the application.
pub(super) async fn create(world: &World, tables: &[Arc<Table>]) -> String {
    let application = format!("application_of_{}", world.database.name());
    world
        .admin(&format!(
            "CREATE ROLE {application} LOGIN; GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {application}"
        ))
        .await;
    world.owner(RECORDS).await;
    for table in tables {
        table.create(world, &application).await;
    }
    application
}

/// `ledger` says by how much each transaction changed the number of rows of a key and the sum of their amounts, `turns`
/// which transactions of each client were committed. The application writes to them in the same transaction.
const RECORDS: &str = "
    CREATE TABLE ledger (name text, id bigint, rows int, amount bigint);
    CREATE TABLE turns (client bigint, turn bigint)";

/// Organizations below 20 stay. `twice` is generated, and three triggers of the application write.
const TABLE: &str = "
    CREATE TABLE {t}_orgs (id int PRIMARY KEY);
    INSERT INTO {t}_orgs SELECT generate_series(0, 19);
    CREATE TABLE {t} (
        id bigint GENERATED BY DEFAULT AS IDENTITY (START 900000000 CACHE 5) PRIMARY KEY,
        org int NOT NULL CONSTRAINT {t}_of_org REFERENCES {t}_orgs ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE,
        at timestamptz NOT NULL, amount bigint NOT NULL DEFAULT 0, version int NOT NULL DEFAULT 0,
        status text DEFAULT 'new', note text, grade int NOT NULL DEFAULT 1, lines int NOT NULL DEFAULT 0,
        twice bigint GENERATED ALWAYS AS (amount * 2) STORED
    );
    INSERT INTO {t} (id, org, at, amount, note)
        SELECT n, n % 20, now() - n % 40 * interval '1 day', n % 50, 'note ' || n FROM generate_series(1, {rows}) AS n;
    -- No client changes the oldest row.
    INSERT INTO {t} (id, org, at) VALUES (-1, 0, now() - interval '60 days');
    INSERT INTO ledger SELECT '{t}', id, 1, amount FROM {t};
    CREATE INDEX ON {t} (org);
    CREATE INDEX {t}_status ON {t} (lower(status)) WHERE org > 3;
    ANALYZE {t};
    CREATE VIEW {t}_view AS SELECT id, org, at, amount, version FROM {t} WHERE amount > -1000;
    CREATE TABLE {t}_events (id bigint, amount bigint);
    CREATE FUNCTION {t}_take() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        UPDATE {t} SET amount = amount + NEW.amount, version = version + 1 WHERE id = NEW.id;
        IF FOUND THEN
            INSERT INTO ledger VALUES ('{t}', NEW.id, 0, NEW.amount);
        END IF;
        RETURN NULL;
    END$$;
    CREATE TRIGGER {t}_take AFTER INSERT ON {t}_events FOR EACH ROW EXECUTE FUNCTION {t}_take();
    CREATE FUNCTION {t}_grade() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        UPDATE {t} SET grade = 5 WHERE id = NEW.id;
        RETURN NULL;
    END$$;
    CREATE TRIGGER {t}_grade AFTER INSERT ON {t} FOR EACH ROW WHEN (NEW.amount % 7 = 3) EXECUTE FUNCTION {t}_grade();
    CREATE FUNCTION {t}_status() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        NEW.status := 'version ' || NEW.version % 5;
        RETURN NEW;
    END$$;
    CREATE TRIGGER {t}_status BEFORE UPDATE ON {t} FOR EACH ROW WHEN (NEW.version % 3 = 0)
        EXECUTE FUNCTION {t}_status();";

/// Functions that read and write. The table is part of a body with `BEGIN ATOMIC`, and a name in the others.
const FUNCTIONS: &str = "
    CREATE FUNCTION {t}_total(of int) RETURNS numeric LANGUAGE sql BEGIN ATOMIC SELECT sum(amount) FROM {t} WHERE org = of; END;
    CREATE FUNCTION {t}_put(k bigint, a bigint) RETURNS bigint LANGUAGE sql BEGIN ATOMIC
        INSERT INTO ledger VALUES ('{t}', k, 1, a);
        INSERT INTO {t} (id, org, at, amount) VALUES (k, k % 20, now() - k % 40 * interval '1 day', a) RETURNING id;
    END;
    CREATE FUNCTION {t}_add(k bigint, a bigint) RETURNS void LANGUAGE sql AS $$
        WITH w AS (UPDATE {t} SET amount = amount + a, version = version + 1 WHERE id = k RETURNING id)
        INSERT INTO ledger SELECT '{t}', id, 0, a FROM w;
    $$;
    CREATE FUNCTION {t}_replace(k bigint, later bigint) RETURNS void LANGUAGE plpgsql AS $$DECLARE gone record; BEGIN
        DELETE FROM {t} WHERE id = k RETURNING id, org, at, amount INTO gone;
        IF FOUND THEN
            INSERT INTO {t} (id, org, at, amount) VALUES (later, gone.org, gone.at, gone.amount);
            INSERT INTO ledger VALUES ('{t}', gone.id, -1, -gone.amount), ('{t}', later, 1, gone.amount);
        END IF;
    END$$;
    CREATE FUNCTION {t}_walk(k bigint) RETURNS void LANGUAGE plpgsql AS $$DECLARE
        walk CURSOR FOR SELECT id FROM {t} WHERE id >= k AND id % 1000000 < 500000 ORDER BY id FOR UPDATE;
        seen record;
    BEGIN
        OPEN walk;
        FETCH walk INTO seen;
        IF FOUND THEN
            UPDATE {t} SET amount = amount + 1, version = version + 1 WHERE CURRENT OF walk;
            INSERT INTO ledger VALUES ('{t}', seen.id, 0, 1);
        END IF;
        CLOSE walk;
    END$$;";

/// A table that references the table. `lines` of a row says how many lines it has.
const LINES: &str = "
    CREATE TABLE {t}_lines (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        parent bigint NOT NULL CONSTRAINT {t}_line_of REFERENCES {t} ON UPDATE CASCADE ON DELETE CASCADE
    );
    CREATE INDEX ON {t}_lines (parent);
    INSERT INTO {t}_lines (parent) SELECT id FROM {t}, generate_series(1, id % 4);
    UPDATE {t} SET lines = id % 4 WHERE id > 0;";

/// A change of a table by its owner, which the copy follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) sql: &'static str,
    /// Whether writes can fail from then on, until the copy has followed.
    pub(super) is_awaited: bool,
    /// Whether the application uses it from then on.
    pub(super) is_used: bool,
    /// Whether only tables that are copied have it.
    pub(super) is_of_copies: bool,
}

/// The application does not name the column that is renamed.
pub(super) const CHANGES: [&[Change]; 2] = [
    &[
        change("ALTER TABLE {t} ALTER status SET DEFAULT 'changed'; GRANT SELECT ON {t} TO PUBLIC"),
        change("CREATE INDEX {t}_note ON {t} (note, version)"),
        Change { is_awaited: true, ..change("ALTER TABLE {t} RENAME note TO remark") },
    ],
    &[
        change("ALTER TABLE {t} ADD CONSTRAINT {t}_high CHECK (amount < 1000000000000)"),
        Change {
            is_awaited: true,
            is_used: true,
            ..change("ALTER TABLE {t} ADD extra int DEFAULT 7, ALTER grade DROP NOT NULL")
        },
        change("ALTER TABLE {t} DROP CONSTRAINT {t}_high"),
        Change { is_of_copies: true, ..change("DROP INDEX {t}_status") },
    ],
];

const fn change(sql: &'static str) -> Change {
    Change { sql, is_awaited: false, is_used: false, is_of_copies: false }
}
