//! Records of the operator in a database, in tables of the schema `pgpartition`.
//!
//! A [`RecordTable`] describes one of them. The statements that create it, add the columns of later
//! versions, and check it are generated from that.
//!
//! The owner of such a table, or of the schema, could add a trigger or a default that runs with the privileges of
//! the writer. So the operator reads, writes, and alters nothing before it has checked that both belong to a role
//! that can act as the operator anyway: its own role, a superuser, or a member of it. Then no other role can
//! replace the table, so no lock is needed.

use super::Sql;
use super::quote::literal;

/// A column of a [`RecordTable`].
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, which needs no quotes.
    pub name: &'static str,
    /// Type and constraints. Rows of operators that do not know the column must fit: a column of a later
    /// version allows NULL or has a default.
    pub definition: &'static str,
}

/// A table of records, by its versions.
///
/// A version only adds columns, so an older operator can go on using the table. Which version a table
/// has is read from its columns and stored nowhere.
#[derive(Debug, Clone, Copy)]
pub struct RecordTable {
    /// Name in the schema `pgpartition`, which needs no quotes.
    pub name: &'static str,
    /// Completes "which records …" in messages.
    pub content: &'static str,
    /// Columns of the primary key.
    pub key: &'static [&'static str],
    /// Columns of the first version, then those that each later version adds.
    pub versions: &'static [&'static [Column]],
}

impl RecordTable {
    fn columns(&self) -> impl Iterator<Item = &Column> {
        self.versions.iter().copied().flatten()
    }

    /// Returns the definitions inside the parentheses of `CREATE TABLE`.
    fn definition(&self) -> String {
        let columns = self.columns().map(|column| format!("{} {}", column.name, column.definition));
        let key = format!("PRIMARY KEY ({})", self.key.join(", "));
        columns.chain([key]).collect::<Vec<_>>().join(", ")
    }
}

/// Whether errors may name the login role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRole {
    /// They may.
    Shown,
    /// Its name came from a Secret.
    Hidden,
}

/// Creates schema and table if they are missing and the operator has the privilege; otherwise [`TRUST`] reports it.
///
/// `CREATE SCHEMA IF NOT EXISTS` needs the privilege to create one even where it exists.
/// <https://www.postgresql.org/docs/current/sql-createschema.html>
const MAKE: &str = "
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgpartition')
        AND has_database_privilege(current_database(), 'CREATE')
    THEN
        CREATE SCHEMA pgpartition;
    END IF;
    IF EXISTS (
        SELECT FROM pg_namespace n
        WHERE n.nspname = 'pgpartition' AND pg_has_role(n.nspowner, current_user, 'MEMBER')
            AND has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
            AND NOT EXISTS (
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = kept_name
            )
    ) THEN
        EXECUTE format('CREATE TABLE pgpartition.%s (%s)', kept_name, definition);
    END IF;";

/// Fails unless schema and table are there, belong to a trusted role, and the operator may use them; the
/// hint of the error (42501, `insufficient_privilege`) is what a database administrator has to run.
///
/// A table of another role is not adopted but created again: adopting it would adopt what its owner
/// attached to it. The operator writes the records that it still needs again.
const TRUST: &str = "
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create the schema pgpartition, which records %s',
                whom, content),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = kept_name;
    other_owner := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF other_owner IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.%s, which records %s, '
                'belongs to role %I, which could run code as %s through it: a '
                'superuser, which both roles trust, must own it',
                kept_name, content, pg_get_userbyid(other_owner), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.%3$s; CREATE TABLE pgpartition.%3$s (%4$s); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%3$s TO %1$I, %2$s',
                pg_get_userbyid(other_owner), us_in_sql, kept_name, definition);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot create pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s cannot use pgpartition.%s, which records %s',
                whom, kept_name, content),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.%2$s TO %1$s',
                us_in_sql, kept_name);
    END IF;";

/// Adds the columns of later versions that the table lacks, if the operator may. Runs after [`TRUST`],
/// which found the table.
///
/// `ADD COLUMN` takes ACCESS EXCLUSIVE on the table of records, which no application uses, and rewrites
/// nothing. It waits for the sessions that use the table, a dump for example, for `lock_timeout` at most.
/// If two operators add the column, the second finds it when it acquires the lock.
const UPGRADE: &str = "
    FOR missing IN
        SELECT format('ADD COLUMN IF NOT EXISTS %s %s', c.name, c.definition) AS action
        FROM unnest(added, added_definitions) WITH ORDINALITY AS c (name, definition, position)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = kept.oid AND attname = c.name AND NOT attisdropped
        )
        ORDER BY c.position
    LOOP
        IF NOT pg_has_role(kept.owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('%s cannot add columns to pgpartition.%s, which records %s',
                    whom, kept_name, content),
                HINT = format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
        END IF;
        EXECUTE format('ALTER TABLE pgpartition.%s %s', kept_name, missing.action);
    END LOOP;";

/// Statements after which the table is there in its current version, and can be trusted and used.
#[must_use]
pub fn prepare_records(table: &RecordTable, login: LoginRole) -> Vec<Sql> {
    // A statement of its own, so that the check sees what another operator made at the same time.
    let make = block(table, login, MAKE);
    let is_first_version = table.versions.len() <= 1;
    let check = if is_first_version { TRUST.to_owned() } else { format!("{TRUST}{UPGRADE}") };
    vec![make, block(table, login, &check)]
}

/// The statement that fails unless the table can be trusted and used. It changes nothing.
pub(super) fn check_records(table: &RecordTable, login: LoginRole) -> Sql {
    block(table, login, TRUST)
}

fn block(table: &RecordTable, login: LoginRole, body: &str) -> Sql {
    let (whom, us_in_sql) = match login {
        LoginRole::Shown => ("format('the role %I', current_user)", "quote_ident(current_user)"),
        LoginRole::Hidden => ("'the login role'", "'the login role'"),
    };
    let later = || table.versions.iter().skip(1).copied().flatten();
    let array = |texts: Vec<&str>| {
        let texts: Vec<_> = texts.into_iter().map(literal).collect();
        format!("ARRAY[{}]::text[]", texts.join(", "))
    };
    Sql(format!(
        "DO $records$ DECLARE us name := current_user; whom text := {whom}; \
         us_in_sql text := {us_in_sql}; kept_name name := {}; content text := {}; \
         definition text := {}; added text[] := {}; added_definitions text[] := {}; \
         home record; kept record; missing record; other_owner oid; \
         BEGIN {body} END $records$",
        literal(table.name),
        literal(table.content),
        literal(&table.definition()),
        array(later().map(|column| column.name).collect()),
        array(later().map(|column| column.definition).collect()),
    ))
}
