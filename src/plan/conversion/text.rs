//! Messages of what prevents a conversion.

use super::refusal::{KeyFault, OldestRowFault, PublicationFault, Refusal};
use crate::desired::Loss;
use crate::observed::ChangedCollation;
use crate::partition::{Identifier, KeyRange, QualifiedName, escape_control, fit};
use crate::plan::blocker_text::{LOGIN_ROLE, raise_lock_timeout};
use crate::plan::limits::MAX_PERIODS;

impl Refusal {
    /// Returns what is wrong, on which object, and what to do.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::NotAcknowledged { loss, cause } => not_acknowledged(loss, cause),
            Self::NotConvertible { table, kind } => not_convertible(table, kind),
            Self::NoRowKey { table, unusable } => no_row_key(table, unusable),
            Self::KeyNotUsable { table, key, fault } => key_not_usable(table, key, fault),
            Self::PartitionColumnMissing { table, column } => column_missing(table, column),
            Self::KeyNullable { table, column } => key_nullable(table, column),
            Self::KeyGenerated { table, column } => key_generated(table, column),
            Self::KeyTypeNotHashable { table, column, type_name } => {
                not_hashable(table, column, type_name)
            }
            Self::OldestRowUnknown { table, column, fault } => no_oldest_row(table, column, fault),
            Self::RangeTooLong { range, is_declared } => range_too_long(range, *is_declared),
            Self::CollationChanged { index, collation } => collation_changed(index, collation),
            Self::CheckNotInherited { table, constraint } => check_not_inherited(table, constraint),
            Self::WholeRow { table, kind, object } => whole_row(table, kind, object),
            Self::TemporaryNotGranted { database, owner } => {
                temporary_not_granted(database, owner.as_ref())
            }
            Self::CheckNotValid { table, constraint }
            | Self::ForeignKeyNotValid { table, constraint } => not_valid(table, constraint),
            Self::ReferencesNotGranted { references, constraint, owner } => {
                references_not_granted(references, constraint, owner.as_ref())
            }
            Self::InboundForeignKey { table, constraint } => inbound_foreign_key(table, constraint),
            Self::KeyInUse { key, object } => key_in_use(key, object),
            Self::TriggerNotPossible { table, trigger } => trigger_not_possible(table, trigger),
            Self::HasRules { table, rules } => has_rules(table, rules),
            Self::ForcedRowSecurity { table, owner } => forced_row_security(table, owner.as_ref()),
            Self::PublishedByPartition { table, publication, fault } => {
                published_by_partition(table, publication, fault)
            }
            Self::SubscriptionTarget { table, subscription } => {
                subscription_target(table, subscription)
            }
            Self::NameTaken { kind, name, used_by } => name_taken(kind, name, used_by.as_ref()),
            Self::SwapTooLong { leaves, triggers, millis } => {
                swap_too_long(*leaves, *triggers, *millis)
            }
        }
    }
}

fn not_acknowledged(loss: &Loss, cause: &str) -> String {
    let loss = format!("{:?}", loss.to_string());
    format!("{cause}: to accept this, add {loss} to spec.conversion.acknowledge")
}

fn not_convertible(table: &QualifiedName, kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!(
        "{} is {article} {kind}, which the operator does not convert: make it an ordinary table, or delete the \
         resource and create one for another table",
        table.display()
    )
}

fn no_row_key(table: &QualifiedName, unusable: &[Identifier]) -> String {
    let found = match unusable {
        [] => String::new(),
        unusable => format!(
            " (unique indexes that are invalid, or that have a nullable column, a condition, or an expression: {})",
            names(unusable)
        ),
    };
    format!(
        "table {} has neither a primary key nor a unique index that identifies every row{found}: add a primary key, or run \
         CREATE UNIQUE INDEX CONCURRENTLY on NOT NULL columns",
        table.display()
    )
}

fn key_not_usable(table: &QualifiedName, key: &Identifier, fault: &KeyFault) -> String {
    let (table, key) = (table.display(), key.display());
    match fault {
        KeyFault::Deferrable => format!(
            "key {key} of table {table} is deferrable, so ON CONFLICT cannot use it: replace it with a key that is \
             not deferrable, or add a unique index on NOT NULL columns"
        ),
        KeyFault::OtherOperators { classes } => {
            let classes: Vec<_> = classes.iter().map(|class| escape_control(class)).collect();
            format!(
                "{key} of table {table} compares by operators outside of pg_catalog ({}): use a column of a \
                 built-in type",
                classes.join(", ")
            )
        }
        KeyFault::OtherOrder => format!(
            "key {key} of table {table} cannot be read in the order of its columns (it has a COLLATE, an operator class, \
             NULLS FIRST, or both ASC and DESC): add a unique index on NOT NULL columns \
             without these"
        ),
        KeyFault::Generated { column } => format!(
            "key {key} of table {table} has the generated column {}, which cannot be written to the partitioned table: add a \
             unique index on other NOT NULL columns",
            column.display()
        ),
        KeyFault::DomainRunsCode { type_name } => format!(
            "partition column {key} of table {table} has the domain {}, and creating a partition would run the functions in \
             its conditions: use a domain whose conditions call only immutable functions of pg_catalog, or the base type",
            escape_control(type_name)
        ),
    }
}

fn key_in_use(key: &Identifier, object: &str) -> String {
    let (object, key) = (escape_control(object), key.display());
    format!(
        "{object} has a GROUP BY that relies on key {key}, which the cutover replaces: name all selected columns in the GROUP BY"
    )
}

fn column_missing(table: &QualifiedName, column: &Identifier) -> String {
    let (table, column) = (table.display(), column.display());
    format!(
        "table {table} has no column {column}: add the column, or delete the resource and create another with other \
         columns in spec.partitionBy"
    )
}

fn key_nullable(table: &QualifiedName, column: &Identifier) -> String {
    let (table, check) = (table.display(), fit(column.as_str(), "_not_null").display());
    let column = column.display();
    format!(
        "partition column {column} of table {table} can be NULL: replace the NULLs, then run ALTER TABLE {table} ADD CONSTRAINT \
         {check} CHECK ({column} IS NOT NULL) NOT VALID; ALTER TABLE {table} VALIDATE CONSTRAINT {check}; ALTER TABLE {table} \
         ALTER COLUMN {column} SET NOT NULL (which then does not scan the table)"
    )
}

fn key_generated(table: &QualifiedName, column: &Identifier) -> String {
    let (table, column) = (table.display(), column.display());
    format!(
        "partition column {column} of table {table} is generated, which Postgres does not allow: delete the resource and \
         create another with another column in spec.partitionBy"
    )
}

fn not_hashable(table: &QualifiedName, column: &Identifier, type_name: &str) -> String {
    let (table, column, type_name) = (table.display(), column.display(), escape_control(type_name));
    format!(
        "column {column} of table {table} has the type {type_name}, which cannot be hashed and sorted: delete the resource \
         and create another with another column in spec.partitionBy"
    )
}

fn no_oldest_row(table: &QualifiedName, column: &Identifier, fault: &OldestRowFault) -> String {
    let (table, column) = (table.display(), column.display());
    match fault {
        OldestRowFault::NoIndex => format!(
            "finding the oldest row of table {table} takes more than 10 s without an index on {column}: set \
             spec.partitionBy.range.startAt (rows before it go to the default partition), or create an index on {column}"
        ),
        OldestRowFault::Refused { error } => format!(
            "Postgres could not find the oldest row of table {table} ({}): set spec.partitionBy.range.startAt (rows before it \
             go to the default partition), or fix the cause",
            escape_control(error)
        ),
        OldestRowFault::NotAsked => format!(
            "the oldest row of table {table} by {column} is not known: set spec.partitionBy.range.startAt (rows before it go \
             to the default partition), or inspect the table again"
        ),
    }
}

fn range_too_long(range: &KeyRange, is_declared: bool) -> String {
    let range = range.display();
    let (cause, remedy) = if is_declared {
        ("spec.partitionBy.range.startAt is so early", "set it to a later day")
    } else {
        ("the oldest row is so early", "set spec.partitionBy.range.startAt")
    };
    format!(
        "{cause} that {range} has more than {MAX_PERIODS} periods, which is the maximum of the operator: {remedy} (rows before \
         it go to the default partition), or choose a longer interval"
    )
}

fn collation_changed(index: &QualifiedName, collation: &ChangedCollation) -> String {
    format!(
        "key {} was built with version {} of collation {}, and the server has version {}: run REINDEX INDEX CONCURRENTLY, \
         then ALTER COLLATION … REFRESH VERSION, or ALTER DATABASE … REFRESH COLLATION VERSION for the default collation",
        index.display(),
        escape_control(&collation.recorded),
        collation.name.display(),
        escape_control(&collation.actual)
    )
}

fn check_not_inherited(table: &QualifiedName, constraint: &Identifier) -> String {
    let (table, constraint) = (table.display(), constraint.display());
    format!(
        "check {constraint} of table {table} has NO INHERIT, which a partitioned table cannot have: add it again without \
         NO INHERIT, or drop it"
    )
}

fn whole_row(table: &QualifiedName, kind: &str, object: &Identifier) -> String {
    format!(
        "{kind} {} of table {} uses the whole row as one value, which Postgres rejects on a table with partitions: define \
         it on the columns that it needs, or drop it",
        object.display(),
        table.display()
    )
}

fn temporary_not_granted(database: &Identifier, owner: Option<&Identifier>) -> String {
    format!(
        "the table owner {1} cannot create temporary objects, and the operator moves rows in a temporary procedure of the \
         owner: run GRANT TEMPORARY ON DATABASE {0} TO {1}",
        database.display(),
        format_owner(owner)
    )
}

fn not_valid(table: &QualifiedName, constraint: &Identifier) -> String {
    let (table, constraint) = (table.display(), constraint.display());
    format!(
        "constraint {constraint} of table {table} is not validated, and the partitioned table accepts no row that violates it: \
         run ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}, or drop it"
    )
}

fn references_not_granted(
    references: &QualifiedName,
    constraint: &Identifier,
    owner: Option<&Identifier>,
) -> String {
    format!(
        "the table owner {1} cannot create foreign key {2} on the partitioned table: run GRANT REFERENCES ON {0} TO {1}",
        references.display(),
        format_owner(owner),
        constraint.display()
    )
}

fn inbound_foreign_key(table: &QualifiedName, constraint: &Identifier) -> String {
    format!(
        "foreign key {} of {} references the table, which becomes one of several partitions: set method: Copy in \
         spec.conversion, or drop the foreign key",
        constraint.display(),
        table.display()
    )
}

fn trigger_not_possible(table: &QualifiedName, trigger: &Identifier) -> String {
    format!(
        "row trigger {} of table {} has transition tables, which a partitioned table cannot have: make it a statement \
         trigger (FOR EACH STATEMENT)",
        trigger.display(),
        table.display()
    )
}

fn has_rules(table: &QualifiedName, rules: &[Identifier]) -> String {
    format!(
        "table {} has rules ({}), which the conversion does not carry over: replace them with triggers",
        table.display(),
        names(rules)
    )
}

fn forced_row_security(table: &QualifiedName, owner: Option<&Identifier>) -> String {
    let (table, owner) = (table.display(), format_owner(owner));
    format!(
        "row security of table {table} is forced on its owner {owner}, so the operator would miss rows: run ALTER TABLE \
         {table} NO FORCE ROW LEVEL SECURITY, or ALTER ROLE {owner} BYPASSRLS"
    )
}

fn published_by_partition(
    table: &QualifiedName,
    publication: &Identifier,
    fault: &PublicationFault,
) -> String {
    let (table, publication) = (table.display(), publication.display());
    match fault {
        PublicationFault::NotThroughRoot => format!(
            "publication {publication} would publish the partitions of {table} under their own names, and replication would \
             stop: run ALTER PUBLICATION {publication} SET (publish_via_partition_root = true)"
        ),
        PublicationFault::OtherOwner { owner } => format!(
            "the table owner {0} cannot change publication {publication} of {table}: run ALTER PUBLICATION {publication} \
             OWNER TO {0}, or grant the owner of the publication to {0}",
            format_owner(owner.as_ref())
        ),
    }
}

fn subscription_target(table: &QualifiedName, subscription: &Identifier) -> String {
    let (table, subscription) = (table.display(), subscription.display());
    format!(
        "subscription {subscription} writes to table {table}, and its rows would be lost after the cutover: convert the table \
         on the publisher, or remove it there from the publication and run ALTER SUBSCRIPTION {subscription} REFRESH PUBLICATION here"
    )
}

fn name_taken(kind: &str, name: &QualifiedName, used_by: Option<&QualifiedName>) -> String {
    let name = name.display();
    match used_by {
        None => format!("the conversion needs the name of {kind} {name}: rename or drop it"),
        Some(table) => format!(
            "the conversion needs the name of {kind} {name}, which triggers of table {} use: end the conversion of that table \
             first, or rename the {kind}",
            table.display()
        ),
    }
}

fn swap_too_long(leaves: u64, triggers: u64, millis: u64) -> String {
    let remedy = raise_lock_timeout(millis, "", "use fewer partitions");
    format!(
        "the cutover creates {triggers} row triggers and the sync trigger on {leaves} partitions and would take about \
         {millis} ms: {remedy}"
    )
}

fn format_owner(owner: Option<&Identifier>) -> String {
    owner.map_or(LOGIN_ROLE.to_owned(), Identifier::display)
}

fn names(names: &[Identifier]) -> String {
    some_of(names.iter().map(Identifier::display))
}

/// Maximum number of shown items of a list.
const MAX_LISTED: usize = 5;

/// Returns the first items of a list and the number of the others.
pub(in crate::plan) fn some_of(mut texts: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<_> = texts.by_ref().take(MAX_LISTED).collect();
    let others = texts.count();
    if others > 0 {
        shown.push(format!("and {others} more"));
    }
    shown.join(", ")
}
