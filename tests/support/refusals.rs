//! One refusal of the preflight of each kind.

use pg_partition_operator::observed::ChangedCollation;
use pg_partition_operator::partition::{KeyRange, KeyType, RangeBounds, RangeKey};
use pg_partition_operator::plan::{KeyFault, OldestRowFault, PublicationFault, Refusal};

use super::orders;
use crate::catalog::identifier;

/// A refusal of each kind, in the order of their declaration.
pub(crate) fn refusals() -> Vec<Refusal> {
    let table = orders("orders");
    let (org_id, constraint) = (identifier("org_id"), identifier("orders_org_fk"));
    let owner = Some(identifier("alice"));
    let of_key = vec![
        Refusal::NotAcknowledged {
            loss: "UniqueKey:orders_pkey".parse().expect("a loss"),
            cause: "orders_pkey does not contain the partition columns (org_id), so after the cutover, ON CONFLICT \
                      (id) fails (42P10), and Postgres enforces the key only while the plain table is kept"
                .to_owned(),
        },
        Refusal::NotConvertible { table: table.clone(), kind: "unlogged table" },
        Refusal::NoRowKey { table: table.clone(), unusable: vec![identifier("orders_open")] },
        Refusal::KeyNotUsable {
            table: table.clone(),
            key: identifier("orders_pkey"),
            fault: KeyFault::Deferrable,
        },
        Refusal::PartitionColumnMissing { table: table.clone(), column: org_id.clone() },
        Refusal::KeyNullable { table: table.clone(), column: org_id.clone() },
        Refusal::KeyGenerated { table: table.clone(), column: org_id.clone() },
        Refusal::KeyTypeNotHashable {
            table: table.clone(),
            column: org_id,
            type_name: "json".to_owned(),
        },
        Refusal::OldestRowUnknown {
            table: table.clone(),
            column: identifier("placed_at"),
            fault: OldestRowFault::NoIndex,
        },
        Refusal::RangeTooLong { range: past(), is_declared: false },
        Refusal::CollationChanged {
            index: orders("orders_pkey"),
            collation: ChangedCollation {
                name: identifier("en_US"),
                recorded: "2.31".to_owned(),
                actual: "2.36".to_owned(),
            },
        },
    ];
    let of_constraints = vec![
        Refusal::CheckNotInherited { table: table.clone(), constraint: identifier("positive") },
        Refusal::CheckNotValid { table: table.clone(), constraint: identifier("positive") },
        Refusal::WholeRow { table: table.clone(), kind: "check", object: identifier("filled") },
        Refusal::ForeignKeyNotValid { table: table.clone(), constraint: constraint.clone() },
        Refusal::ReferencesNotGranted {
            references: orders("orgs"),
            constraint: constraint.clone(),
            owner: owner.clone(),
        },
        Refusal::TemporaryNotGranted { database: identifier("shop"), owner: owner.clone() },
        Refusal::InboundForeignKey { table: orders("lines"), constraint },
        Refusal::KeyInUse { key: identifier("orders_pkey"), object: "view shop.by_id".to_owned() },
    ];
    let of_others = vec![
        Refusal::TriggerNotPossible { table: table.clone(), trigger: identifier("audit") },
        Refusal::HasRules { table: table.clone(), rules: vec![identifier("protect")] },
        Refusal::ForcedRowSecurity { table: table.clone(), owner },
        Refusal::PublishedByPartition {
            table: table.clone(),
            publication: identifier("cdc"),
            fault: PublicationFault::NotThroughRoot,
        },
        Refusal::SubscriptionTarget { table, subscription: identifier("from_billing") },
        Refusal::NameTaken { kind: "relation", name: orders("orders_source"), used_by: None },
        Refusal::SwapTooLong { leaves: 1000, triggers: 2, millis: 770 },
    ];
    [of_key, of_constraints, of_others].concat()
}

/// The periods from a day long ago.
fn past() -> KeyRange {
    let key = RangeKey { column: identifier("placed_at"), key_type: KeyType::Date };
    let edge = |day| key.key_type.parse(day).expect("a day");
    let range = RangeBounds::new(edge("1970-01-01"), edge("2026-11-01")).expect("a range");
    KeyRange { key, range }
}
