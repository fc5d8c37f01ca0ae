//! Creating, replacing, and dropping indexes.

use super::quote::{list, literal, name, operator, parameters, qualified};
use super::{Script, Sql};
use crate::observed::IndexSettings;
use crate::partition::{
    ColumnOperators, ConditionPiece, Identifier, IndexColumn, IndexShape, QualifiedName,
    columns_with_operators, condition_pieces, index_marker,
};
use crate::plan::{
    AttachIndex, BuildIndex, CreateParentIndex, DropIndex, IndexDefinition, ReplaceParentIndex,
};

/// The table's own index. On the table alone: no scan, and no lock on its partitions. Else with the equivalent
/// indexes of its partitions, which are there: no scan either.
pub(super) fn create_on_table(create: &CreateParentIndex) -> Vec<Sql> {
    let CreateParentIndex { table, index, definition, settings, partitions } = create;
    let only = if partitions.is_empty() { "ONLY " } else { "" };
    let on = format!("{only}{}", qualified(table));
    let text = match definition {
        IndexDefinition::Shape(shape) => definition_of(shape),
        IndexDefinition::Equivalent { definition, .. } => definition.clone(),
    };
    let create = statement(definition.is_unique(), "", index, &on, &text);
    let mut statements = in_tablespace(definition, settings, "SET LOCAL", create);
    statements.extend(set_statistics(&table.sibling(index.clone()), settings));
    statements
}

/// The definition of an equivalent index does not have its tablespace.
fn in_tablespace(
    definition: &IndexDefinition,
    settings: &IndexSettings,
    set: &str,
    create: Sql,
) -> Vec<Sql> {
    let is_equivalent = definition.shape().is_none();
    let tablespace = settings.tablespace.as_ref().filter(|_| is_equivalent);
    let before = tablespace.map(|space| Sql(format!("{set} default_tablespace = {}", name(space))));
    let after = tablespace.map(|_| Sql(format!("{set} default_tablespace = DEFAULT")));
    before.into_iter().chain([create]).chain(after).collect()
}

/// Creates an index of a new table.
pub(super) fn create(
    table: &QualifiedName,
    index: &Identifier,
    shape: &IndexShape,
    stands_for: Option<&Identifier>,
    settings: &IndexSettings,
) -> Vec<Sql> {
    let definition = definition_with(shape, settings);
    let create = statement(shape.unique, "", index, &qualified(table), &definition);
    let mut statements = vec![create];
    statements.extend(stands_for.map(|named| mark(table, index, named, shape)));
    statements
}

/// Creates the equivalent of an index from its definition in the catalog.
pub(super) fn create_as(
    table: &QualifiedName,
    index: &Identifier,
    unique: bool,
    definition: &str,
) -> Sql {
    statement(unique, "", index, &qualified(table), definition)
}

/// An index of a partition in use.
pub(super) fn build(build: &BuildIndex) -> Vec<Sql> {
    let BuildIndex { partition, index, definition, stands_for, settings } = build;
    let on = qualified(partition);
    let text = match definition {
        IndexDefinition::Shape(shape) => definition_with(shape, settings),
        IndexDefinition::Equivalent { definition, .. } => definition.clone(),
    };
    let create = statement(definition.is_unique(), "CONCURRENTLY ", index, &on, &text);
    let mut statements = in_tablespace(definition, settings, "SET", create);
    statements.extend(set_statistics(&partition.sibling(index.clone()), settings));
    let named = stands_for.iter().zip(definition.shape());
    statements.extend(named.map(|(named, shape)| mark(partition, index, named, shape)));
    statements
}

/// Gives a new, empty index the properties that its definition does not have.
pub(super) fn set(
    index: &QualifiedName,
    settings: &IndexSettings,
    has_parameters: bool,
) -> Vec<Sql> {
    let mut changes = Vec::new();
    if !(has_parameters || settings.parameters.is_empty()) {
        changes.push(format!("SET ({})", parameters(&settings.parameters)));
    }
    changes.extend(settings.tablespace.iter().map(|t| format!("SET TABLESPACE {}", name(t))));
    let alter = |change| Sql(format!("ALTER INDEX {} {change}", qualified(index)));
    changes.into_iter().map(alter).chain(set_statistics(index, settings)).collect()
}

fn set_statistics(index: &QualifiedName, settings: &IndexSettings) -> impl Iterator<Item = Sql> {
    let index = qualified(index);
    settings.statistics.iter().map(move |(column, target)| {
        Sql(format!("ALTER INDEX {index} ALTER COLUMN {column} SET STATISTICS {target}"))
    })
}

pub(super) fn attach(attach: &AttachIndex) -> Sql {
    let parent_index = attach.table.sibling(attach.parent_index.clone());
    let index = attach.partition.sibling(attach.index.clone());
    Sql(format!("ALTER INDEX {} ATTACH PARTITION {}", qualified(&parent_index), qualified(&index)))
}

pub(super) fn drop_concurrently(drop: &DropIndex) -> Sql {
    let index = drop.partition.sibling(drop.index.clone());
    Sql(format!("DROP INDEX CONCURRENTLY {}", qualified(&index)))
}

pub(super) fn drop(table: &QualifiedName, index: &Identifier) -> Sql {
    Sql(format!("DROP INDEX {}", qualified(&table.sibling(index.clone()))))
}

pub(super) fn replace(replace: &ReplaceParentIndex) -> Vec<Sql> {
    let ReplaceParentIndex { table, index, replacement, .. } = replace;
    vec![
        drop(table, index),
        Sql(format!(
            "ALTER INDEX {} RENAME TO {}",
            qualified(&table.sibling(replacement.clone())),
            name(index)
        )),
    ]
}

fn statement(unique: bool, how: &str, index: &Identifier, on: &str, definition: &str) -> Sql {
    let unique = if unique { "UNIQUE " } else { "" };
    Sql(format!("CREATE {unique}INDEX {how}{} ON {on} USING {definition}", name(index)))
}

fn mark(
    table: &QualifiedName,
    index: &Identifier,
    stands_for: &Identifier,
    shape: &IndexShape,
) -> Sql {
    Sql(format!(
        "COMMENT ON INDEX {} IS {}",
        qualified(&table.sibling(index.clone())),
        literal(&index_marker(stands_for, &shape.digest()))
    ))
}

/// Returns the part after `USING`.
fn definition_of(shape: &IndexShape) -> String {
    definition_with(shape, &IndexSettings::default())
}

fn definition_with(shape: &IndexShape, settings: &IndexSettings) -> String {
    let columns: Vec<_> = shape.columns.iter().map(key_column).collect();
    let mut text = format!("{} ({})", shape.method, columns.join(", "));
    if !shape.include.is_empty() {
        text.push_str(&format!(" INCLUDE {}", list(&shape.include)));
    }
    if !settings.parameters.is_empty() {
        text.push_str(&format!(" WITH ({})", parameters(&settings.parameters)));
    }
    if let Some(tablespace) = &settings.tablespace {
        text.push_str(&format!(" TABLESPACE {}", name(tablespace)));
    }
    if let Some(predicate) = &shape.predicate {
        text.push_str(&format!(" WHERE ({})", condition(predicate, &settings.operators)));
    }
    text
}

/// A transaction that returns, as JSON, how Postgres deparses conditions of partial indexes of a table, by their
/// number. It creates the indexes on an empty temporary table, and must be rolled back.
///
/// It waits for ACCESS SHARE on the table. `operators` are those of all columns.
#[must_use]
pub fn deparse_conditions(
    owner: &Identifier,
    table: &QualifiedName,
    conditions: &[String],
    operators: &[ColumnOperators],
) -> Script {
    let mut statements =
        vec![Sql(format!("CREATE TEMP TABLE {CONDITIONS} (LIKE {})", qualified(table)))];
    for (number, text) in conditions.iter().enumerate() {
        let condition = condition(text, &columns_with_operators(text, operators));
        statements.push(Sql(format!(
            "CREATE INDEX \"{number}\" ON {CONDITIONS} ((1)) WHERE ({condition})"
        )));
    }
    statements.push(Sql(format!(
        "SELECT json_object_agg(relname, pg_get_expr(indpred, indrelid))::text FROM pg_index \
         JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = '{CONDITIONS}'::regclass"
    )));
    Script::as_owner(owner, statements)
}

const CONDITIONS: &str = "pg_temp.pgpartition_conditions";

/// The condition of a partial index, in which operators outside `pg_catalog` are named with their schema.
fn condition(predicate: &str, operators: &[ColumnOperators]) -> String {
    let Some(pieces) = condition_pieces(predicate, operators) else { return predicate.to_owned() };
    let pieces = pieces.into_iter().map(|piece| match piece {
        ConditionPiece::Text(text) => text,
        ConditionPiece::Operator(of, name) => operator(&of.schema, name),
        ConditionPiece::ArrayCast(of) => format!("::{}[]", qualified(&of.type_name)),
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// Says of order and nulls only what differs from what Postgres takes them to be.
fn key_column(column: &IndexColumn) -> String {
    let order = match (column.descending, column.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    };
    name(&column.column) + order
}
