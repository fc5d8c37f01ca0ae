//! Which of us has which table: the memory that a database has of it.
//!
//! It is the table `pgpartition.claims`, by the names of tables, so that it survives dump and restore.
//! Whoever owns it, or its schema, could have code of theirs run by whoever writes there: a trigger, a
//! default. So nothing is read or written before [`Sql`] of ours has seen that they belong to somebody
//! who may act as us anyway: us, a superuser, or a member of our role. Nobody else can put another
//! table in its place then, and there is nothing to lock.

use std::time::Duration;

use jiff::Timestamp;

use super::quote::literal;
use super::{Script, Sql};
use crate::partition::ManagedTable;

/// How long a claim stands that is not renewed.
pub const CLAIM_LASTS: Duration = Duration::from_mins(15);

/// When a claim is renewed: at the first look after that.
pub const CLAIM_IS_RENEWED: Duration = Duration::from_mins(5);

/// Who claims a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The UID of the resource, which no other has, nor one that has its name later.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which pg-partition-operator keeps it.
    pub installation: String,
    /// When it was created: of two, the older has the table.
    pub created: Timestamp,
}

/// Whether errors may name the login role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRole {
    /// They may.
    Shown,
    /// Its name came from a Secret.
    Hidden,
}

const COLUMNS: &str = "schema_name text, table_name text, PRIMARY KEY (schema_name, table_name), \
    holder text NOT NULL, namespace text NOT NULL, name text NOT NULL, installation text NOT NULL, \
    created timestamptz NOT NULL, seen timestamptz NOT NULL";

/// Makes schema and table where they are missing and we may. What we may not is left to [`TRUST`].
///
/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create one even where it exists.
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
                SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'claims'
            )
    ) THEN
        CREATE TABLE pgpartition.claims (@columns);
    END IF;";

/// Fails unless schema and table are there, belong to somebody we trust, and are for us to use; the
/// hint of the error (42501, `insufficient_privilege`) is what a database administrator has to run.
///
/// A table that a stranger made is not adopted but made anew: adopting it would be adopting what they
/// attached to it. Who had a claim claims again within minutes.
const TRUST: &str = "
    SELECT oid, nspowner AS owner INTO home FROM pg_namespace WHERE nspname = 'pgpartition';
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s may not create the schema pgpartition, which remembers '
                'which resource has which table', whom),
            HINT = format('CREATE SCHEMA pgpartition AUTHORIZATION %s', us_in_sql);
    END IF;
    SELECT oid, relowner AS owner INTO kept FROM pg_class
    WHERE relnamespace = home.oid AND relname = 'claims';
    stranger := CASE
        WHEN NOT pg_has_role(home.owner, us, 'MEMBER') THEN home.owner
        WHEN NOT pg_has_role(kept.owner, us, 'MEMBER') THEN kept.owner
    END;
    IF stranger IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('pgpartition.claims, which remembers which resource has which table, '
                'is in the hands of the role %I, who could have it run code as %s: a '
                'superuser, whom both trust, has to own it',
                pg_get_userbyid(stranger), whom),
            HINT = format('ALTER SCHEMA pgpartition OWNER TO CURRENT_USER; '
                'DROP TABLE IF EXISTS pgpartition.claims; CREATE TABLE pgpartition.claims (@columns); '
                'GRANT USAGE ON SCHEMA pgpartition TO %1$I, %2$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.claims TO %1$I, %2$s',
                pg_get_userbyid(stranger), us_in_sql);
    END IF;
    IF kept.oid IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s may not create pgpartition.claims, which remembers which '
                'resource has which table', whom),
            HINT = format('GRANT USAGE, CREATE ON SCHEMA pgpartition TO %s', us_in_sql);
    END IF;
    IF NOT (
        has_schema_privilege(home.oid, 'USAGE')
        AND has_table_privilege(kept.oid, 'SELECT') AND has_table_privilege(kept.oid, 'INSERT')
        AND has_table_privilege(kept.oid, 'UPDATE') AND has_table_privilege(kept.oid, 'DELETE')
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s may not use pgpartition.claims, which remembers which '
                'resource has which table', whom),
            HINT = format('GRANT USAGE ON SCHEMA pgpartition TO %1$s; '
                'GRANT SELECT, INSERT, UPDATE, DELETE ON pgpartition.claims TO %1$s', us_in_sql);
    END IF;";

/// A transaction that takes or renews the claim on a table where nobody's stands in the way, and
/// returns as JSON who has it then. Where the claimant has it and renewed it lately, nothing is
/// written, and where another's stands neither.
///
/// `locks` are the keys of the advisory locks on the table: while a session holds one of them, a claim that was not
/// renewed stands all the same.
#[must_use]
pub fn take_claim(
    table: &ManagedTable,
    locks: [(i32, u32); 2],
    claimant: &Claimant,
    role: LoginRole,
) -> Script {
    let Claimant { uid, namespace, name, installation, created } = claimant;
    let [uid, namespace, name, installation, created] =
        [uid, namespace, name, installation, &created.to_string()].map(|text| literal(text));
    let [schema_name, table_name] =
        [&table.name().schema, &table.name().name].map(|name| literal(name.as_str()));
    let of_table = of_table(table);
    let stands = stands(locks, claimant);
    Script::of_operator([
        block(MAKE, role),
        block(TRUST, role),
        Sql(format!(
            "INSERT INTO pgpartition.claims AS held (schema_name, table_name, holder, namespace, \
             name, installation, created, seen) SELECT {schema_name}, {table_name}, {uid}, \
             {namespace}, {name}, {installation}, {created}::timestamptz, now() WHERE NOT EXISTS \
             (SELECT FROM pgpartition.claims AS held WHERE {of_table} AND {stands}) \
             ON CONFLICT (schema_name, table_name) DO UPDATE SET holder = excluded.holder, \
             namespace = excluded.namespace, name = excluded.name, \
             installation = excluded.installation, created = excluded.created, \
             seen = excluded.seen WHERE NOT {stands}"
        )),
        // A statement of its own, so that it sees who came first where two came at once.
        Sql(format!(
            "SELECT json_build_object('uid', holder, 'namespace', namespace, 'name', name, \
             'elsewhere', installation <> {installation})::text FROM pgpartition.claims \
             WHERE {of_table}"
        )),
    ])
}

/// A transaction after which the resource with this UID does not have the table.
#[must_use]
pub fn release_claim(table: &ManagedTable, uid: &str, role: LoginRole) -> Script {
    Script::of_operator([
        block(TRUST, role),
        Sql(format!(
            "DELETE FROM pgpartition.claims WHERE {} AND holder = {}",
            of_table(table),
            literal(uid)
        )),
    ])
}

fn of_table(table: &ManagedTable) -> String {
    format!(
        "schema_name = {} AND table_name = {}",
        literal(table.name().schema.as_str()),
        literal(table.name().name.as_str())
    )
}

/// Whether a row is to stay as it is: the claimant's own if it was renewed lately, another's if it is
/// the older and still kept.
fn stands(locks: [(i32, u32); 2], claimant: &Claimant) -> String {
    let [uid, installation, created] =
        [&claimant.uid, &claimant.installation, &claimant.created.to_string()]
            .map(|text| literal(text));
    let [first, second] = locks.map(|(class, object)| {
        format!("work.classid = {class}::oid AND work.objid = {object}::oid")
    });
    let seen_within =
        |limit: Duration| format!("held.seen > now() - '{}s'::interval", limit.as_secs());
    let (lately, kept) = (seen_within(CLAIM_IS_RENEWED), seen_within(CLAIM_LASTS));
    format!(
        "CASE WHEN held.holder = {uid} THEN held.installation = {installation} AND {lately} \
         ELSE (held.created, held.holder COLLATE \"C\") < ({created}::timestamptz, \
         {uid}::text COLLATE \"C\") AND ({kept} OR EXISTS (SELECT FROM pg_locks AS work \
         JOIN pg_database AS here ON here.oid = work.database WHERE work.locktype = 'advisory' \
         AND here.datname = current_database() AND ({first} OR {second}) \
         AND work.objsubid = 2 AND work.granted)) END"
    )
}

fn block(body: &str, role: LoginRole) -> Sql {
    let body = body.replace("@columns", COLUMNS);
    let (whom, us_in_sql) = match role {
        LoginRole::Shown => ("format('the role %I', current_user)", "quote_ident(current_user)"),
        LoginRole::Hidden => ("'the login role'", "'the login role'"),
    };
    Sql(format!(
        "DO $claims$ DECLARE us name := current_user; whom text := {whom}; \
         us_in_sql text := {us_in_sql}; home record; kept record; stranger oid; \
         BEGIN {body} END $claims$"
    ))
}
