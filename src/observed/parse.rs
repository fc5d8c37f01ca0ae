//! Parses a saved snapshot into the observed state.

use std::collections::{BTreeMap, BTreeSet};

use super::management::{cycle, is_marker_of, is_unmarked, state};
use super::parse_index::{column_operators, parent_index, partition_index};
use super::snapshot::{
    RawBlockingTransaction, RawDefaultCheck, RawForeignKey, RawIndex, RawKey, RawPartition,
    RawPublication, RawRelation, RawServer, RawTrigger, Snapshot,
};
use super::{
    Answer, BlockingTransaction, CopyOf, DefaultCheck, DefaultFacts, Fires, ForeignKey,
    ObservedPartition, ObservedTable, PartitionKind, Publication, RawWithin, Relation,
    RelationKind, ReplicaIdentity, SearchHint, Server, Template, Trigger,
};
use crate::partition::{
    Bounds, Identifier, InvalidIdentifier, KeyColumn, ManagedTable, Method, PartitionKey,
    QualifiedName, RangeKey, ServerVersion, marker_in, without_marker,
};

/// Why a snapshot has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSnapshot {
    /// The snapshot has an invalid name.
    #[error("the snapshot has an invalid name")]
    Name(#[from] InvalidIdentifier),
    /// The snapshot has an invalid time of the server.
    #[error("the clock in the snapshot is not a timestamp: {0}")]
    Clock(String),
    /// A word of the catalog that we do not know.
    #[error("the snapshot has an unknown value {0:?}")]
    Word(String),
}

impl TryFrom<Snapshot> for ObservedTable {
    type Error = InvalidSnapshot;

    fn try_from(mut raw: Snapshot) -> Result<Self, InvalidSnapshot> {
        let managed = ManagedTable::new(qualified(raw.schema, raw.table)?);
        let name = match raw.relation_name {
            Some(name) => managed.sibling(Identifier::new(name)?),
            None => managed.name().clone(),
        };
        let (indexes, adopted) = raw.relation.as_mut().map(changeable).unwrap_or_default();
        let relation = raw.relation.map(relation).transpose()?;
        let key = relation.as_ref().and_then(Relation::range_key);
        let oid = relation.as_ref().map(|relation| relation.oid);
        let unmarked = raw.partitions.iter().filter(|p| is_unmarked(p, &managed));
        let unmarked = unmarked
            .map(|p| qualified(p.schema.clone(), p.name.clone()))
            .collect::<Result<_, _>>()?;
        let partitions =
            raw.partitions.into_iter().map(|p| partition(p, (&managed, oid), key.as_ref()));
        let mut observed = Self {
            server: server(raw.server)?,
            unmarked,
            partitions: partitions.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
            taken: raw.taken.into_iter().map(Identifier::new).collect::<Result<_, _>>()?,
            unattached: raw
                .unattached
                .into_iter()
                .map(Identifier::new)
                .collect::<Result<_, _>>()?,
            conditions: BTreeMap::new(),
            default_count: None,
            default_rows: None,
            default_rows_from: None,
            plain: None,
            oldest_row: None,
            attachment: None,
            copy: None,
            answered: BTreeSet::new(),
            near: SearchHint::default(),
            indexes: indexes.into_iter().map(parent_index).collect::<Result<_, _>>()?,
            adopted: adopted.iter().flat_map(|line| line.split(' ')).map(str::to_owned).collect(),
            relation,
            managed,
            name,
        };
        let counted_before = raw
            .default_rows
            .map(|rows| Answer::DefaultRows { within: RawWithin::Everywhere, rows: Some(rows) });
        for answer in counted_before.into_iter().chain(raw.answers) {
            observed.add_answer(answer)?;
        }
        Ok(observed)
    }
}

pub(super) fn qualified(schema: String, name: String) -> Result<QualifiedName, InvalidIdentifier> {
    Ok(QualifiedName { schema: Identifier::new(schema)?, name: Identifier::new(name)? })
}

pub(super) fn qualified_all(
    names: Vec<(String, String)>,
) -> Result<Vec<QualifiedName>, InvalidIdentifier> {
    names.into_iter().map(|(schema, name)| qualified(schema, name)).collect()
}

pub(super) fn identifiers(names: Vec<String>) -> Result<Vec<Identifier>, InvalidIdentifier> {
    names.into_iter().map(Identifier::new).collect()
}

fn server(raw: RawServer) -> Result<Server, InvalidSnapshot> {
    Ok(Server {
        version: ServerVersion(raw.version),
        in_recovery: raw.in_recovery,
        read_only: raw.read_only,
        role: raw.role.map(Identifier::new).transpose()?,
        hides_owner: raw.hides_owner,
        superuser: raw.superuser,
        clock: raw.clock.parse().map_err(|_| InvalidSnapshot::Clock(raw.clock))?,
        clock_offset: None,
    })
}

/// Takes what steps change out of a relation: its indexes, and what its comment records.
fn changeable(raw: &mut RawRelation) -> (Vec<RawIndex>, Option<String>) {
    (std::mem::take(&mut raw.indexes), raw.adopted.take())
}

fn relation(raw: RawRelation) -> Result<Relation, InvalidSnapshot> {
    let replica_identity = match (raw.replica_identity.as_str(), raw.replica_identity_index) {
        ("f", _) => ReplicaIdentity::Full,
        ("n", _) => ReplicaIdentity::Nothing,
        ("i", Some(index)) => ReplicaIdentity::Index(Identifier::new(index)?),
        _ => ReplicaIdentity::Default,
    };
    let mut statistics = Vec::new();
    for (column, target) in raw.statistics {
        statistics.push((Identifier::new(column)?, target));
    }
    Ok(Relation {
        oid: raw.oid,
        kind: relation_kind(&raw.kind, raw.key)?,
        owner: Identifier::new(raw.owner)?,
        owned: raw.owned,
        may_create: raw.may_create,
        columns: identifiers(raw.columns.unwrap_or_default())?,
        generated: identifiers(raw.generated)?,
        column_operators: column_operators(raw.column_operators)?,
        template: Template {
            row_security: raw.row_security,
            force_row_security: raw.force_row_security,
            replica_identity,
            statistics,
            tablespace: raw.tablespace.map(Identifier::new).transpose()?,
            access_method: raw.access_method.map(Identifier::new).transpose()?,
        },
        inherited_bounds: raw.inherited_bounds,
        owner_code: raw.owner_code,
        powers: raw.powers,
        copy_of: match (raw.is_copy, raw.is_copy_of_other, raw.has_source) {
            (true, _, _) => CopyOf::Table,
            (false, true, _) => CopyOf::Other,
            (false, false, true) => CopyOf::Replaced,
            (false, false, false) => CopyOf::None,
        },
        publications: identifiers(raw.publications)?,
        references: qualified_all(raw.references)?,
        referenced_by: raw.referenced_by.into_iter().map(foreign_key).collect::<Result<_, _>>()?,
    })
}

fn foreign_key(raw: RawForeignKey) -> Result<ForeignKey, InvalidIdentifier> {
    let columns = raw
        .columns
        .into_iter()
        .map(|(from, to)| Ok((Identifier::new(from)?, Identifier::new(to)?)));
    Ok(ForeignKey {
        from: qualified(raw.schema, raw.table)?,
        columns: columns.collect::<Result<_, InvalidIdentifier>>()?,
        operators: raw
            .operators
            .into_iter()
            .map(|(schema, name)| Ok((Identifier::new(schema)?, name)))
            .collect::<Result<_, InvalidIdentifier>>()?,
    })
}

/// Parses `pg_class.relkind`.
fn relation_kind(kind: &str, key: RawKey) -> Result<RelationKind, InvalidSnapshot> {
    Ok(match kind {
        "p" => RelationKind::Partitioned(partition_key(key)?),
        "r" => RelationKind::Other("table"),
        "v" => RelationKind::Other("view"),
        "m" => RelationKind::Other("materialized view"),
        "f" => RelationKind::Other("foreign table"),
        "i" | "I" => RelationKind::Other("index"),
        "S" => RelationKind::Other("sequence"),
        "c" => RelationKind::Other("composite type"),
        _ => return Err(InvalidSnapshot::Word(kind.to_owned())),
    })
}

fn partition_key(raw: RawKey) -> Result<PartitionKey, InvalidSnapshot> {
    let method = match raw.method.as_deref() {
        Some("r") => Method::Range,
        Some("l") => Method::List,
        Some("h") => Method::Hash,
        other => return Err(InvalidSnapshot::Word(other.unwrap_or_default().to_owned())),
    };
    let mut columns = Vec::new();
    for column in raw.columns.unwrap_or_default() {
        columns.push(KeyColumn {
            name: column.name.map(Identifier::new).transpose()?,
            type_name: column.type_name.unwrap_or_default(),
        });
    }
    Ok(PartitionKey { method, columns })
}

/// Returns a partition; `None` for a table whose marker is for another table, or absent.
fn partition(
    mut raw: RawPartition,
    (table, table_oid): (&ManagedTable, Option<u32>),
    key: Option<&RangeKey>,
) -> Result<Option<ObservedPartition>, InvalidSnapshot> {
    let blocked_by =
        std::mem::take(&mut raw.blocked_by).into_iter().map(blocking_transaction).collect();
    let comment = raw.comment.as_deref().unwrap_or_default();
    let marked = marker_in(comment, table).filter(|marked| is_marker_of(marked, &raw, table_oid));
    let Some(state) = state(marked.as_ref(), &raw, table_oid, blocked_by) else { return Ok(None) };
    let cycle = marked.as_ref().map_or(0, |marked| cycle(marked, &raw));
    let bounds = raw.bounds.as_deref().or_else(|| marked.map(|marked| marked.bounds));
    let Some(bounds) = bounds.map(|bounds| Bounds::parse(bounds, key)) else { return Ok(None) };
    if raw.bounds.is_none() && matches!(bounds, Bounds::Other(_)) {
        return Ok(None); // What we write into a comment we can read.
    }
    let default = (bounds == Bounds::Default).then(|| default_facts(&raw)).transpose()?;
    Ok(Some(ObservedPartition {
        oid: Some(raw.oid),
        name: qualified(raw.schema, raw.name)?,
        kind: match raw.kind.as_str() {
            "r" => PartitionKind::Table,
            "p" => PartitionKind::Partitioned,
            "f" => PartitionKind::ForeignTable,
            _ => return Err(InvalidSnapshot::Word(raw.kind)),
        },
        bounds,
        state,
        cycle,
        comment: without_marker(comment).filter(|own| !own.is_empty()).map(str::to_owned),
        owned: raw.owned,
        rows: raw.rows,
        bytes: raw.bytes,
        storage: raw.storage,
        indexes: raw.indexes.into_iter().map(partition_index).collect::<Result<_, _>>()?,
        columns_match: raw.fits,
        referenced_by: qualified_all(raw.referenced_by)?,
        rows_referenced_by: None,
        references_error: None,
        publications: raw.publications.into_iter().map(publication).collect::<Result<_, _>>()?,
        dependents: raw.dependents,
        default,
    }))
}

fn default_facts(raw: &RawPartition) -> Result<DefaultFacts, InvalidSnapshot> {
    let checks = raw.default_checks.iter().flatten().cloned().map(default_check);
    Ok(DefaultFacts {
        total_bytes: raw.total_bytes,
        lacks_identity: raw.lacks_identity,
        checks: checks.collect::<Result<_, _>>()?,
        triggers: raw.triggers.iter().cloned().map(trigger).collect::<Result<_, _>>()?,
    })
}

fn default_check(raw: RawDefaultCheck) -> Result<DefaultCheck, InvalidIdentifier> {
    Ok(DefaultCheck { name: Identifier::new(raw.name)?, validated: raw.validated })
}

fn publication(raw: RawPublication) -> Result<Publication, InvalidIdentifier> {
    Ok(Publication { name: Identifier::new(raw.name)?, owned: raw.owned })
}

fn blocking_transaction(raw: RawBlockingTransaction) -> BlockingTransaction {
    if let Some(gid) = raw.gid {
        return BlockingTransaction::PreparedTransaction {
            gid,
            owner: raw.role.unwrap_or_else(|| "the login role".to_owned()),
        };
    }
    let words = [raw.role, raw.application].into_iter().flatten().filter(|word| !word.is_empty());
    BlockingTransaction::Session {
        pid: raw.pid.unwrap_or_default(),
        who: words.collect::<Vec<_>>().join(", "),
    }
}

/// Parses `pg_trigger.tgenabled`.
fn trigger(raw: RawTrigger) -> Result<Trigger, InvalidSnapshot> {
    let fires = match raw.enabled.as_str() {
        "O" => Fires::Origin,
        "R" => Fires::Replica,
        "A" => Fires::Always,
        _ => return Err(InvalidSnapshot::Word(raw.enabled)),
    };
    Ok(Trigger { name: Identifier::new(raw.name)?, fires })
}
