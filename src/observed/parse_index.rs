//! From the indexes of a snapshot to what they mean.

use super::parse::{InvalidSnapshot, identifiers, qualified};
use super::snapshot::{RawIndex, RawIndexSettings, RawShape};
use super::{IndexMarker, IndexSettings, ParentIndex, PartitionIndex};
use crate::partition::{
    ColumnOperators, Identifier, IndexColumn, IndexShape, InvalidIdentifier, index_in_marker,
};

pub(super) fn parent_index(raw: RawIndex) -> Result<ParentIndex, InvalidSnapshot> {
    Ok(ParentIndex {
        name: Identifier::new(raw.name)?,
        valid: raw.valid,
        shape: raw.shape.map(shape).transpose()?,
        definition: after_using(raw.definition.as_deref().unwrap_or_default()),
        unique: raw.unique,
        constraint: raw.constraint,
        dependents: raw.dependents,
        exclusion: raw.exclusion,
        settings: index_settings(raw.settings.unwrap_or_default())?,
    })
}

fn index_settings(raw: RawIndexSettings) -> Result<IndexSettings, InvalidIdentifier> {
    Ok(IndexSettings {
        tablespace: raw.tablespace.map(Identifier::new).transpose()?,
        parameters: raw.parameters,
        statistics: raw.statistics,
        operators: Vec::new(),
    })
}

pub(super) fn partition_index(raw: RawIndex) -> Result<PartitionIndex, InvalidSnapshot> {
    let marker = raw.comment.as_deref().and_then(index_in_marker);
    Ok(PartitionIndex {
        name: Identifier::new(raw.name)?,
        of: raw.of.map(Identifier::new).transpose()?,
        valid: raw.valid,
        building: raw.building,
        constraint: raw.constraint.is_some(),
        exclusion: raw.constraint.filter(|_| raw.exclusion),
        shape: raw.shape.map(shape).transpose()?,
        definition: after_using(raw.definition.as_deref().unwrap_or_default()),
        dependents: raw.dependents,
        marker: marker.map(|(digest, index)| IndexMarker { index, digest: digest.to_owned() }),
    })
}

fn shape(raw: RawShape) -> Result<IndexShape, InvalidIdentifier> {
    let columns = raw.columns.into_iter().map(|column| {
        Ok(IndexColumn {
            column: Identifier::new(column.column)?,
            descending: column.descending,
            nulls_first: column.nulls_first,
        })
    });
    Ok(IndexShape {
        method: raw.method,
        unique: raw.unique,
        columns: columns.collect::<Result<_, InvalidIdentifier>>()?,
        include: identifiers(raw.include)?,
        predicate: raw.predicate,
    })
}

/// Returns the part after `USING` of the output of `pg_get_indexdef`. A name before it can contain that word, but
/// only within quotes.
fn after_using(definition: &str) -> String {
    let mut in_quotes = false;
    for (at, c) in definition.char_indices() {
        in_quotes ^= c == '"';
        let after = definition.get(at..).and_then(|rest| rest.strip_prefix(" USING "));
        if let Some(after) = after.filter(|_| !in_quotes) {
            return after.to_owned();
        }
    }
    String::new()
}

pub(super) fn column_operators(
    raw: Vec<(String, String, String, String)>,
) -> Result<Vec<ColumnOperators>, InvalidIdentifier> {
    let operators = raw.into_iter().map(|(column, schema, type_schema, type_name)| {
        Ok(ColumnOperators {
            column: Identifier::new(column)?,
            schema: Identifier::new(schema)?,
            type_name: qualified(type_schema, type_name)?,
        })
    });
    operators.collect()
}
