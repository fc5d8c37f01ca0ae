//! Claims: which resource has which table. [`CLAIMS`] describes the table that records them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::quote::literal;
use super::record_tables::{Column, LoginRole, RecordTable, check_records, prepare_records};
use super::{Script, Sql};
use crate::partition::ManagedTable;

/// Lifetime of a claim that is not renewed.
pub const CLAIM_TTL: Duration = Duration::from_mins(15);

/// Age at which a claim is renewed by the next reconcile.
pub const CLAIM_RENEW_INTERVAL: Duration = Duration::from_mins(5);

/// Resource that claims a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The UID of the resource, which no other has, nor one that has its name later.
    pub uid: String,
    /// Namespace of the resource.
    pub namespace: String,
    /// Name of the resource.
    pub name: String,
    /// Which pg-partition-operator keeps it.
    pub installation: String,
    /// Creation time: the older of two resources has the table.
    pub created: Timestamp,
}

/// The table of claims. Tables are known by name, so that claims survive dump and restore.
pub const CLAIMS: RecordTable = RecordTable {
    name: "claims",
    content: "which resource manages which table",
    key: &["schema_name", "table_name"],
    versions: &[&[
        Column { name: "schema_name", definition: "text" },
        Column { name: "table_name", definition: "text" },
        Column { name: "holder", definition: "text NOT NULL" },
        Column { name: "namespace", definition: "text NOT NULL" },
        Column { name: "name", definition: "text NOT NULL" },
        Column { name: "installation", definition: "text NOT NULL" },
        Column { name: "created", definition: "timestamptz NOT NULL" },
        Column { name: "seen", definition: "timestamptz NOT NULL" },
    ]],
};

/// Returns a transaction that acquires or renews the claim on a table if no other claim prevents it, and returns
/// the holder as JSON. It writes nothing if the claimant renewed its claim recently, or another resource has the
/// claim.
///
/// `locks` are the keys of the advisory locks on the table: while a session holds one of them, a claim that was not
/// renewed stands all the same.
#[must_use]
pub fn claim_table(
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
    let is_claim = is_claim_of(table);
    let claim_is_valid = claim_is_valid(locks, claimant);
    let mut statements = prepare_records(&CLAIMS, role);
    statements.extend([
        Sql(format!(
            "INSERT INTO pgpartition.claims AS held (schema_name, table_name, holder, namespace, \
             name, installation, created, seen) SELECT {schema_name}, {table_name}, {uid}, \
             {namespace}, {name}, {installation}, {created}::timestamptz, now() WHERE NOT EXISTS \
             (SELECT FROM pgpartition.claims AS held WHERE {is_claim} AND {claim_is_valid}) \
             ON CONFLICT (schema_name, table_name) DO UPDATE SET holder = excluded.holder, \
             namespace = excluded.namespace, name = excluded.name, \
             installation = excluded.installation, created = excluded.created, \
             seen = excluded.seen WHERE NOT {claim_is_valid}"
        )),
        // A statement of its own, so that it sees the first of two concurrent claims.
        Sql(format!(
            "SELECT json_build_object('uid', holder, 'namespace', namespace, 'name', name, \
             'elsewhere', installation <> {installation})::text FROM pgpartition.claims \
             WHERE {is_claim}"
        )),
    ]);
    Script::as_operator(statements)
}

/// Claim of a resource on a table, for a renewal.
#[derive(Debug, Clone, Copy)]
pub struct HeldClaim<'a> {
    /// Claimed table.
    pub table: &'a ManagedTable,
    /// The UID of the resource.
    pub uid: &'a str,
}

/// Returns a transaction that renews those of these claims that their resources still have in this installation, and
/// returns the positions of the other claims as a JSON array. It acquires no claim, and writes nothing for a claim that
/// was renewed recently.
#[must_use]
pub fn renew_claims(claims: &[HeldClaim<'_>], installation: &str, role: LoginRole) -> Script {
    let asked = claims.iter().enumerate().map(|(position, claim)| {
        let name = claim.table.name();
        json!({
            "position": position, "schema": name.schema.as_str(), "table": name.name.as_str(),
            "holder": claim.uid,
        })
    });
    let asked = literal(&asked.collect::<serde_json::Value>().to_string());
    let asked = format!(
        "json_to_recordset({asked}::json) \
         AS asked (position int, \"schema\" text, \"table\" text, holder text)"
    );
    let is_held = format!(
        "held.schema_name = asked.\"schema\" AND held.table_name = asked.\"table\" \
         AND held.holder = asked.holder AND held.installation = {}",
        literal(installation)
    );
    let age = CLAIM_RENEW_INTERVAL.as_secs();
    Script::as_operator([
        check_records(&CLAIMS, role),
        // Two sessions that renew the same claims lock them in the same order.
        Sql(format!(
            "UPDATE pgpartition.claims AS held SET seen = now() FROM ( \
             SELECT held.schema_name, held.table_name FROM pgpartition.claims AS held \
             JOIN {asked} ON {is_held} WHERE held.seen <= now() - '{age}s'::interval \
             ORDER BY held.schema_name, held.table_name FOR NO KEY UPDATE OF held \
             ) AS aged WHERE held.schema_name = aged.schema_name \
             AND held.table_name = aged.table_name"
        )),
        // A statement of its own, so that it sees what another session committed during the wait for a row.
        Sql(format!(
            "SELECT coalesce(json_agg(asked.position), '[]')::text FROM {asked} \
             WHERE NOT EXISTS (SELECT FROM pgpartition.claims AS held WHERE {is_held})"
        )),
    ])
}

/// A transaction after which the resource with this UID does not have the table.
#[must_use]
pub fn release_claim(table: &ManagedTable, uid: &str, role: LoginRole) -> Script {
    Script::as_operator([
        check_records(&CLAIMS, role),
        Sql(format!(
            "DELETE FROM pgpartition.claims WHERE {} AND holder = {}",
            is_claim_of(table),
            literal(uid)
        )),
    ])
}

fn is_claim_of(table: &ManagedTable) -> String {
    format!(
        "schema_name = {} AND table_name = {}",
        literal(table.name().schema.as_str()),
        literal(table.name().name.as_str())
    )
}

/// Returns the condition on which a row stays: the claimant's own if it was renewed recently, another one if it is
/// older and not expired.
fn claim_is_valid(locks: [(i32, u32); 2], claimant: &Claimant) -> String {
    let [uid, installation, created] =
        [&claimant.uid, &claimant.installation, &claimant.created.to_string()]
            .map(|text| literal(text));
    let [first, second] = locks.map(|(class, object)| {
        format!("work.classid = {class}::oid AND work.objid = {object}::oid")
    });
    let seen_within =
        |limit: Duration| format!("held.seen > now() - '{}s'::interval", limit.as_secs());
    let (lately, kept) = (seen_within(CLAIM_RENEW_INTERVAL), seen_within(CLAIM_TTL));
    format!(
        "CASE WHEN held.holder = {uid} THEN held.installation = {installation} AND {lately} \
         ELSE (held.created, held.holder COLLATE \"C\") < ({created}::timestamptz, \
         {uid}::text COLLATE \"C\") AND ({kept} OR EXISTS (SELECT FROM pg_locks AS work \
         JOIN pg_database AS here ON here.oid = work.database WHERE work.locktype = 'advisory' \
         AND here.datname = current_database() AND ({first} OR {second}) \
         AND work.objsubid = 2 AND work.granted)) END"
    )
}
