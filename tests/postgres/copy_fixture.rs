//! A plain table with its partitioned copy and the triggers between them, and a comparison that is independent of the
//! operator.

use std::collections::BTreeSet;
use std::time::Duration;

use pg_partition_operator::partition::{
    CopiedTable, Identifier, Marker, MarkerState, SyncLevel, copy_name, partition_marker,
};
use pg_partition_operator::plan::TransactionMode;
use pg_partition_operator::postgres::{DatabaseError, Session};
use pg_partition_operator::sql::{
    LoginRole, Page, Role, Script, Sql, Statement, install_sync, record_sync,
};
use tokio_postgres::Client;

use crate::database::{SCHEMA_SQL, World, managed};

pub(crate) const LEVELS: [SyncLevel; 2] = [SyncLevel::Row, SyncLevel::Statement];

/// A name in SQL.
pub(crate) fn quoted(name: &Identifier) -> String {
    format!("\"{}\"", name.as_str().replace('"', "\"\""))
}

/// A table of the schema of the tests in SQL.
pub(crate) fn in_sql(table: &Identifier) -> String {
    format!("{SCHEMA_SQL}.{}", quoted(table))
}

/// Creates the table `name` with `columns`, and its copy in four partitions by hash. `key` is its primary key.
pub(crate) async fn create(
    world: &World,
    name: &str,
    columns: &str,
    (key, by): (&[&str], &[&str]),
) -> CopiedTable {
    let mut table = described(world, name, (key, by));
    let (source, copy) = (quoted(&table.source.name), quoted(&table.copy.name));
    let list =
        |names: &[&Identifier]| names.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(", ");
    let row_key: Vec<_> = table.key.iter().collect();
    let partition_columns: Vec<_> = table.partition_columns.iter().collect();
    let full_key: Vec<_> = table.full_key().collect();
    world
        .owner(&format!(
            "CREATE TABLE {source} ({columns}, PRIMARY KEY ({}));
             CREATE TABLE {copy} (LIKE {source} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS,
                 PRIMARY KEY ({})) PARTITION BY HASH ({})",
            list(&row_key),
            list(&full_key),
            list(&partition_columns)
        ))
        .await;
    for remainder in 0..4 {
        let partition =
            Identifier::new(format!("p{}_{remainder}", oid(world, &table).await)).unwrap();
        world
            .owner(&format!(
                "CREATE TABLE {} PARTITION OF {copy} FOR VALUES WITH (modulus 4, remainder {remainder})",
                quoted(&partition)
            ))
            .await;
    }
    read_columns(world, &mut table).await;
    table
}

/// The table `name` and its copy, of which neither needs to be there.
pub(crate) fn described(world: &World, name: &str, (key, by): (&[&str], &[&str])) -> CopiedTable {
    let managed = managed(name);
    let identifiers = |names: &[&str]| {
        names.iter().map(|name| Identifier::new(*name).unwrap()).collect::<Vec<_>>()
    };
    CopiedTable {
        source: managed.name().clone(),
        copy: managed.sibling(copy_name(&managed)),
        managed,
        key: identifiers(key),
        partition_columns: identifiers(by),
        columns: Vec::new(),
        always_identity: Vec::new(),
        owner: world.owner_name(),
    }
}

/// Reads the columns of the source.
pub(crate) async fn read_columns(world: &World, table: &mut CopiedTable) {
    table.columns = column_names(world, table, "a.attgenerated = ''").await;
    table.always_identity = column_names(world, table, "a.attidentity = 'a'").await;
}

/// The object identifier of the copy.
pub(crate) async fn copy_oid(world: &World, table: &CopiedTable) -> u32 {
    let copy = in_sql(&table.copy.name).replace('\'', "''");
    world.text(&format!("SELECT '{copy}'::regclass::oid")).await.parse().unwrap()
}

/// Marks a table as a partition that the operator created for the copy.
pub(crate) async fn mark_partition(world: &World, table: &CopiedTable, partition: &str) {
    let marker =
        partition_marker(&Marker::new(MarkerState::Attached), &table.managed, "FOR VALUES");
    let marker = marker.replace('\'', "''");
    world.owner(&format!("COMMENT ON TABLE {partition} IS '{marker}'")).await;
}

async fn oid(world: &World, table: &CopiedTable) -> String {
    let relation = in_sql(&table.source.name).replace('\'', "''");
    world.text(&format!("SELECT '{relation}'::regclass::oid")).await
}

async fn column_names(world: &World, table: &CopiedTable, condition: &str) -> Vec<Identifier> {
    let columns = format!(
        "SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute AS a
         WHERE a.attrelid = {} AND a.attnum > 0 AND NOT a.attisdropped AND {condition}",
        oid(world, table).await
    );
    serde_json::from_str(&world.text(&columns).await).unwrap()
}

fn run_by(role: &Role, statements: Vec<Sql>) -> impl Iterator<Item = Statement> {
    statements.into_iter().map(|sql| Statement { role: role.clone(), sql })
}

fn transaction(statements: impl Iterator<Item = Statement>) -> Script {
    Script { mode: TransactionMode::InTransaction, statements: statements.collect() }
}

/// Runs statements of the owner as the operator sends them.
pub(crate) async fn run_as_owner(
    session: &Session,
    table: &CopiedTable,
    statements: Vec<Sql>,
) -> Result<(), DatabaseError> {
    let script = transaction(run_by(&Role::Owner(table.owner.clone()), statements));
    session.commit_script_text(&script).await.map(drop)
}

/// Installs the triggers of a level, and records them. The operator's role sends it, without the limits of time of a
/// session of the program.
pub(crate) async fn install(world: &World, table: &CopiedTable, level: SyncLevel) {
    let present = format!(
        "SELECT coalesce(json_agg(tgname), '[]') FROM pg_trigger WHERE tgrelid = {}",
        oid(world, table).await
    );
    let present: BTreeSet<Identifier> = serde_json::from_str(&world.text(&present).await).unwrap();
    let owner = Role::Owner(table.owner.clone());
    let recorded = run_by(&Role::Operator, record_sync(table, level, false, LoginRole::Shown));
    let installed = run_by(&owner, install_sync(table, level, &present));
    let sent = transaction(installed.chain(recorded)).to_sql();
    let sent: String = sent.iter().map(|sql| format!("{}; ", sql.as_str())).collect();
    let client = world.database.client_as(&world.operator).await;
    let path = "SET LOCAL search_path = pg_catalog, pg_temp";
    client.batch_execute(&format!("BEGIN; {path}; {sent} COMMIT")).await.unwrap();
}

/// A page of so many rows.
pub(crate) fn page(rows: u32) -> Page {
    Page { rows, statement_timeout: Duration::from_secs(5), login: LoginRole::Shown }
}

/// Returns the rows that differ between the tables, as JSON; the text is empty if they are equal.
pub(crate) async fn differing(client: &Client, table: &CopiedTable) -> String {
    let columns: Vec<_> = table.columns.iter().map(quoted).collect();
    let texts: Vec<_> = columns.iter().map(|column| format!("{column}::text")).collect();
    let rows = |name: &Identifier| {
        format!(
            "SELECT jsonb_build_array({})::text AS image FROM {}",
            texts.join(", "),
            in_sql(name)
        )
    };
    let query = format!(
        "SELECT coalesce(string_agg(concat('source ', a.image, ' copy ', b.image), '; '), '') FROM ({}) AS a FULL \
         JOIN ({}) AS b ON a.image = b.image WHERE a.image IS NULL OR b.image IS NULL",
        rows(&table.source.name),
        rows(&table.copy.name)
    );
    client.query_one(&query, &[]).await.unwrap().get(0)
}
