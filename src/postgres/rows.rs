//! From the rows of the catalog query to a snapshot.

use std::collections::HashMap;

use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::catalog_query::Asked;
use super::{DatabaseError, InspectError, LookDigest};
use crate::observed::snapshot::{
    RawBlockingTransaction, RawDefaultCheck, RawIndex, RawPartition, RawPublication, RawRelation,
    RawServer, RawTrigger,
};
use crate::observed::{BoundsCheck, Snapshot};

/// JSON in the row of the table.
#[derive(Deserialize)]
struct TableFacts {
    server: ServerFacts,
    relation: Option<RawRelation>,
    unattached: Vec<String>,
}

/// JSON about the server, without its clock.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerFacts {
    version: u32,
    in_recovery: bool,
    read_only: bool,
    role: String,
    superuser: bool,
}

impl ServerFacts {
    fn with_clock(self, clock: String) -> RawServer {
        RawServer {
            version: self.version,
            in_recovery: self.in_recovery,
            read_only: self.read_only,
            role: Some(self.role),
            hides_owner: false,
            superuser: self.superuser,
            clock,
        }
    }
}

/// JSON with facts that few partitions have.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartitionFacts {
    default_checks: Option<Vec<RawDefaultCheck>>,
    referenced_by: Vec<(String, String)>,
    publications: Vec<RawPublication>,
    blocked_by: Vec<RawBlockingTransaction>,
    triggers: Vec<RawTrigger>,
    bounds_check: BoundsCheck,
    dependents: Vec<String>,
    total_bytes: i64,
    lacks_identity: bool,
    moved_since_marked: bool,
}

/// Characters of one definition or bound that are read; the query returns one more if there are more.
const MAX_DEFINITION: usize = 100_000;

/// Returns the snapshot that the rows of the catalog query (`inspect/`) for a table mean, and the digest of the rows.
pub(super) fn snapshot(
    asked: &Asked<'_>,
    rows: &[Row],
) -> Result<(Snapshot, LookDigest), InspectError> {
    let Asked { table, relation: relation_name } = asked;
    let mut digest = LookDigest::default();
    let (mut facts, mut taken, mut clock) = (None, Vec::new(), String::new());
    let mut partitions = Vec::new();
    let mut indexes: HashMap<u32, Vec<RawIndex>> = HashMap::new();
    for row in rows {
        digest.add(column::<i64>(row, "hash")?.cast_unsigned());
        match column(row, "what")? {
            "table" => {
                clock = column(row, "clock")?;
                facts = column(row, "facts")?;
                taken = column(row, "taken")?;
            }
            "partition" => partitions.push(partition(row)?),
            _ => indexes.entry(column(row, "oid")?).or_default().push(index(row)?),
        }
    }
    let mut indexes_of = |relation: u32| {
        let mut indexes = indexes.remove(&relation).unwrap_or_default();
        indexes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        indexes
    };
    for partition in &mut partitions {
        partition.indexes = indexes_of(partition.oid);
    }
    partitions.sort_unstable_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    let mut facts: TableFacts = serde_json::from_str(facts.unwrap_or_default())?;
    if let Some(relation) = &mut facts.relation {
        if let Some(bounds) = &relation.inherited_bounds {
            limited("the partition constraint of table", relation_name.as_str(), bounds)?;
        }
        relation.indexes = indexes_of(relation.oid);
    }
    taken.sort_unstable();
    taken.dedup();
    let snapshot = Snapshot {
        schema: table.name().schema.as_str().to_owned(),
        table: table.name().name.as_str().to_owned(),
        relation_name: Some(*relation_name)
            .filter(|name| **name != table.name().name)
            .map(|name| name.as_str().to_owned()),
        server: facts.server.with_clock(clock),
        relation: facts.relation,
        partitions,
        taken,
        unattached: facts.unattached,
        answers: Vec::new(),
        default_rows: None,
    };
    Ok((snapshot, digest))
}

fn partition(row: &Row) -> Result<RawPartition, InspectError> {
    let facts: Option<&str> = column(row, "facts")?;
    let facts: PartitionFacts = facts.map(serde_json::from_str).transpose()?.unwrap_or_default();
    if let Some(bounds) = column::<Option<&str>>(row, "bounds")? {
        limited("the bound of partition", column(row, "name")?, bounds)?;
    }
    Ok(RawPartition {
        oid: column(row, "oid")?,
        schema: column(row, "schema")?,
        name: column(row, "name")?,
        kind: char::from(column::<i8>(row, "kind")?.cast_unsigned()).to_string(),
        bounds: column(row, "bounds")?,
        attached: column(row, "attached")?,
        detach_pending: column(row, "detach_pending")?,
        comment: column(row, "comment")?,
        owned: column(row, "owned")?,
        rows: column::<Option<i64>>(row, "rows")?.map(i64::cast_unsigned),
        bytes: column::<i64>(row, "bytes")?.cast_unsigned(),
        total_bytes: facts.total_bytes.cast_unsigned(),
        lacks_identity: facts.lacks_identity,
        moved_since_marked: facts.moved_since_marked,
        storage: column::<Option<_>>(row, "storage")?.unwrap_or_default(),
        indexes: Vec::new(),
        default_checks: facts.default_checks,
        fits: column(row, "fits")?,
        bounds_check: facts.bounds_check,
        referenced_by: facts.referenced_by,
        publications: facts.publications,
        dependents: facts.dependents,
        blocked_by: facts.blocked_by,
        triggers: facts.triggers,
    })
}

fn index(row: &Row) -> Result<RawIndex, InspectError> {
    if let Some(facts) = column(row, "facts")? {
        let index: RawIndex = serde_json::from_str(facts)?;
        let predicate = index.shape.as_ref().and_then(|shape| shape.predicate.as_ref());
        for text in index.definition.iter().chain(&index.constraint).chain(predicate) {
            limited("the definition of index", &index.name, text)?;
        }
        return Ok(index);
    }
    Ok(RawIndex {
        name: column(row, "name")?,
        of: column(row, "of")?,
        valid: column(row, "valid")?,
        building: false,
        unique: false,
        exclusion: false,
        constraint: None,
        comment: None,
        dependents: Vec::new(),
        shape: None,
        definition: None,
        settings: None,
    })
}

/// Rejects a text of which the query has returned the beginning only.
fn limited(what: &str, name: &str, text: &str) -> Result<(), InspectError> {
    if text.len() <= MAX_DEFINITION || text.chars().count() <= MAX_DEFINITION {
        return Ok(());
    }
    let name = name.escape_debug();
    Err(InspectError::TooLarge(format!(
        "{what} {name} is longer than {MAX_DEFINITION} characters: make it shorter"
    )))
}

pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Result<T, DatabaseError> {
    row.try_get(name).map_err(|error| DatabaseError::from_driver(&error))
}
