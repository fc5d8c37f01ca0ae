//! A database with the tables of an application, and the operator's role in it with only the privileges that the page on
//! privileges grants.

use jiff::Timestamp;
use pg_partition_operator::converge::{Convergence, Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::ObservedTable;
use pg_partition_operator::partition::{Identifier, ManagedTable, QualifiedName};
use pg_partition_operator::plan::{Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    ConnectionSettings, DatabaseError, Progress, Session, StepOutcome, inspect,
};
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::backdate::backdate;
use crate::support::postgres::{Database, Server};

/// The schema of the application's tables, with a name that needs quotes.
pub(crate) const SCHEMA: &str = "Fin\"an;ce";
/// The same in SQL.
pub(crate) const SCHEMA_SQL: &str = "\"Fin\"\"an;ce\"";

const PRIVILEGES: &str = include_str!("../../docs/reference/privileges.md");

pub(crate) struct World {
    pub(crate) major: u16,
    pub(crate) database: Database,
    /// The role that owns the tables, in SQL.
    pub(crate) owner: String,
    /// Login role of the operator.
    pub(crate) operator: String,
    /// A session of a superuser, for actions of an administrator.
    pub(crate) admin: Client,
}

impl World {
    pub(crate) async fn new(major: u16) -> Self {
        Self::on(Server::shared(major), major).await
    }

    pub(crate) async fn on(server: &Server, major: u16) -> Self {
        let database = server.database().await;
        let admin = database.client().await;
        // Roles belong to the server, and tests share it.
        let owner = format!("\"Own\"\"er;s of {}\"", database.name());
        let operator = format!("operator_of_{}", database.name());
        let world = Self { major, database, owner, operator, admin };
        world.admin(&format!("CREATE ROLE {}; CREATE SCHEMA {SCHEMA_SQL}", world.owner)).await;
        world.admin(&world.documented_grants()).await;
        world
    }

    /// Returns the statements of the page on privileges, with the names of the test.
    fn documented_grants(&self) -> String {
        let (_, after) = PRIVILEGES.split_once("```sql\n").unwrap();
        let (grants, _) = after.split_once("```").unwrap();
        grants
            .replace("finance_owner", &self.owner)
            .replace("partition_operator", &self.operator)
            .replace("SCHEMA finance", &format!("SCHEMA {SCHEMA_SQL}"))
    }

    /// Executes statements of an administrator.
    pub(crate) async fn admin(&self, sql: &str) {
        let done = self.admin.batch_execute(sql).await;
        done.unwrap_or_else(|e| panic!("{}: {:?}\n{sql}", self.major, e.as_db_error()));
    }

    /// The role that owns the tables.
    pub(crate) fn owner_name(&self) -> Identifier {
        Identifier::new(format!("Own\"er;s of {}", self.database.name())).unwrap()
    }

    /// Does what the owner of the tables does.
    pub(crate) async fn owner(&self, sql: &str) {
        self.admin(&format!("SET ROLE {}; SET search_path = {SCHEMA_SQL}", self.owner)).await;
        self.admin(sql).await;
        self.admin("RESET ROLE; RESET search_path").await;
    }

    /// Leaves a pending detach: a session reads the table, and the session that detaches does not wait.
    pub(crate) async fn leave_pending(&self, table: &str, partition: &str) {
        let (table, partition) = (in_schema(table), in_schema(partition));
        let reader = self.database.client().await;
        reader.batch_execute(&format!("BEGIN; SELECT FROM {table} LIMIT 1")).await.unwrap();
        self.admin("SET lock_timeout = '1ms'").await;
        let detach = format!("ALTER TABLE {table} DETACH PARTITION {partition} CONCURRENTLY");
        let error = self.admin.batch_execute(&detach).await.unwrap_err();
        assert_eq!(error.code().map(SqlState::code), Some("55P03"), "{error:?}");
        self.admin("RESET lock_timeout").await;
        reader.batch_execute("COMMIT").await.unwrap();
    }

    /// Returns the result of one query as text.
    pub(crate) async fn text(&self, sql: &str) -> String {
        let rows = self.admin.simple_query(sql).await;
        let rows = rows.unwrap_or_else(|e| panic!("{}: {:?}\n{sql}", self.major, e.as_db_error()));
        let texts = rows.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some(row.get(0).unwrap_or("").to_owned())
            }
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Returns the connection string of the operator.
    pub(crate) fn url(&self) -> String {
        self.database.url_as(&self.operator)
    }

    /// Opens a session of the operator.
    pub(crate) async fn session(&self) -> Session {
        session(&self.url()).await
    }
}

/// Returns the name of a table of the application in SQL.
pub(crate) fn in_schema(table: &str) -> String {
    format!("{SCHEMA_SQL}.\"{}\"", table.replace('"', "\"\""))
}

pub(crate) async fn session(url: &str) -> Session {
    Session::connect(&ConnectionSettings::from_url(url).unwrap()).await.unwrap()
}

/// Parses a spec; the default schema is that of the application.
pub(crate) fn desired(spec: Value) -> DesiredTable {
    desired_with(spec, &json!({}))
}

/// Parses a spec with these annotations.
pub(crate) fn desired_with(mut spec: Value, annotations: &Value) -> DesiredTable {
    let fields = spec.as_object_mut().unwrap();
    fields.entry("schema").or_insert_with(|| SCHEMA.into());
    let resource = json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": "t", "annotations": annotations}, "spec": spec,
    });
    DesiredTable::from_resource(&serde_json::from_value(resource).unwrap()).unwrap()
}

pub(crate) fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

pub(crate) async fn observe(session: &Session, table: &ManagedTable) -> ObservedTable {
    inspect(session, table, &table.name().name).await.unwrap().try_into().unwrap()
}

/// A table of the tests' schema.
pub(crate) fn managed(name: &str) -> ManagedTable {
    let (schema, name) = (Identifier::new(SCHEMA).unwrap(), Identifier::new(name).unwrap());
    ManagedTable::new(QualifiedName { schema, name })
}

/// Converges, and reports nothing on the way.
pub(crate) async fn apply(session: &Session, desired: &DesiredTable, now: &str) -> Convergence {
    let options = Options::new(PlanTime::at(at(now)), std::time::Duration::from_secs(10));
    let done = converge(session, desired, &options, &mut Silent).await.unwrap();
    backdate(session, at(now)).await;
    done
}

pub(crate) struct Silent;

impl Progress for Silent {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {}
    fn finished(&mut self, _: &StepOutcome) {}
}
