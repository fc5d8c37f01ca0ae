//! Roles that read the copy of a plain table before the cutover.

use std::collections::BTreeMap;

use pg_partition_operator::converge::Convergence;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::RoutingFacts;
use pg_partition_operator::partition::Identifier;
use pg_partition_operator::postgres::Session;
use serde_json::json;
use tokio_postgres::Client;

use crate::database::{SCHEMA, SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

const NOW: &str = "2026-03-15T12:00:00Z";

const ORDERS: &str = r#"
    CREATE TABLE "or""ders" (org int, id bigint, "sta;tus" text, PRIMARY KEY (org, id));
    INSERT INTO "or""ders" SELECT n % 5, n, 'new' FROM generate_series(1, 100) AS n;
"#;

/// Settings of a role, in this database and in all.
const SETTINGS: &str = "SELECT coalesce(string_agg(concat(d.setdatabase <> 0, d.setconfig), ' ' ORDER BY d.setdatabase), '')
    FROM pg_db_role_setting AS d JOIN pg_roles AS r ON r.oid = d.setrole WHERE r.rolname = ";

fn spec(roles: &[&str], serve_from: &str) -> DesiredTable {
    desired(json!({
        "table": "or\"ders", "limits": {"lockTimeout": "10s"}, "partitionBy": {"hash": {"columns": ["org"], "partitions": 2}},
        "conversion": {"method": "Copy", "serveFrom": serve_from, "routing": {"roles": roles}},
    }))
}

async fn routed(session: &Session, roles: &[&str]) -> Convergence {
    let done = apply(session, &spec(roles, "Source"), NOW).await;
    let failed: Vec<_> = done.outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    done
}

fn verbs(done: &Convergence) -> Vec<&'static str> {
    done.outcomes.iter().map(|outcome| outcome.step.verb()).collect()
}

fn blockers(done: &Convergence) -> Vec<String> {
    done.remaining.deferred.iter().map(|held| held.blocker.explain()).collect()
}

fn facts(done: &Convergence) -> &RoutingFacts {
    done.observed.copy.as_ref().unwrap().routing.as_ref().unwrap()
}

impl World {
    /// A role of this database alone, of which the operator is a member.
    async fn reader(&self, name: &str) -> String {
        let role = format!("{name}_of_{}", self.database.name());
        let operator = &self.operator;
        self.admin(&format!(
            "CREATE ROLE {role} LOGIN; GRANT {role} TO {operator};
             GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {role}; GRANT SELECT ON {SCHEMA_SQL}.\"or\"\"ders\" TO {role}"
        ))
        .await;
        role
    }

    async fn settings(&self, role: &str) -> String {
        self.text(&format!("{SETTINGS} '{role}'")).await
    }

    async fn can_create_schemas(&self) {
        let (database, owner) = (self.database.name(), &self.owner);
        self.admin(&format!("GRANT CREATE ON DATABASE {database} TO {owner}")).await;
    }
}

/// Returns the relation that Postgres would read for the name of the table.
async fn plan(client: &Client) -> String {
    let rows = client.query("EXPLAIN SELECT * FROM \"or\"\"ders\"", &[]).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

async fn reads_copy(client: &Client) -> bool {
    plan(client).await.contains("or\"\"ders_0")
}

async fn sqlstate(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.unwrap_err();
    error.code().unwrap().code().to_owned()
}

#[tokio::test]
async fn role_reads_the_copy_while_it_is_in_parity() {
    for major in majors() {
        let world = World::new(major).await;
        world.can_create_schemas().await;
        world.owner(ORDERS).await;
        let (reader, other) = (world.reader("reader").await, world.reader("other").await);
        for role in [&reader, &other] {
            world.admin(&format!("ALTER ROLE {role} SET search_path = public, {SCHEMA_SQL}")).await;
        }
        world.owner("GRANT INSERT, TRUNCATE ON \"or\"\"ders\" TO PUBLIC").await;
        let before = world.database.client_as(&reader).await;
        let session = world.session().await;
        let done = routed(&session, &[&reader]).await;
        assert_eq!(verbs(&done).last(), Some(&"route"), "Postgres {major}: {:?}", verbs(&done));
        assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
        let name = Identifier::new(reader.clone()).unwrap();
        assert_eq!(facts(&done).role(&name).unwrap().older_sessions, Some(1), "Postgres {major}");

        let client = world.database.client_as(&reader).await;
        assert!(reads_copy(&client).await, "Postgres {major}: {}", plan(&client).await);
        assert!(!reads_copy(&before).await, "Postgres {major}");
        assert!(!reads_copy(&world.database.client_as(&other).await).await, "Postgres {major}");
        for (sql, expected) in [
            ("INSERT INTO \"or\"\"ders\" VALUES (1, 1000, '')", "42501"),
            ("UPDATE \"or\"\"ders\" SET org = 1", "42501"),
            ("DELETE FROM \"or\"\"ders\"", "42501"),
            ("SELECT FROM \"or\"\"ders\" FOR UPDATE", "42501"),
            ("TRUNCATE \"or\"\"ders\"", "42809"),
        ] {
            assert_eq!(sqlstate(&client, sql).await, expected, "Postgres {major}: {sql}");
        }
        assert!(verbs(&routed(&session, &[&reader]).await).is_empty(), "Postgres {major}");

        // A write that the trigger has missed: the view reads the plain table until the copy is equal again.
        world.owner("ALTER TABLE \"or\"\"ders\" DISABLE TRIGGER ALL; INSERT INTO \"or\"\"ders\" VALUES (1, 1001, '')").await;
        let done = routed(&session, &[&reader]).await;
        assert_eq!(verbs(&done), ["route", "install-sync", "route"], "Postgres {major}");
        assert!(reads_copy(&client).await, "Postgres {major}: an older session follows the view");
        let rows = client.query_one("SELECT count(*) FROM \"or\"\"ders\"", &[]).await.unwrap();
        assert_eq!(rows.get::<_, i64>(0), 101, "Postgres {major}");

        let done = routed(&session, &[]).await;
        assert_eq!(verbs(&done), ["unroute"], "Postgres {major}");
        assert!(!reads_copy(&client).await, "Postgres {major}");
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgpartition\\_%'";
        assert_eq!(world.text(left).await, "0", "Postgres {major}");
    }
}

#[tokio::test]
async fn search_path_is_restored_in_every_case() {
    for major in majors() {
        let world = World::new(major).await;
        world.can_create_schemas().await;
        world.owner(ORDERS).await;
        let database = world.database.name();
        let mut paths = BTreeMap::new();
        for (name, set) in [
            ("global", format!("SET search_path = \"$user\", {SCHEMA_SQL}, \"comma, \"\"quote\"")),
            ("local", format!("IN DATABASE {database} SET search_path = {SCHEMA_SQL}")),
        ] {
            let role = world.reader(name).await;
            world.admin(&format!("ALTER ROLE {role} {set}")).await;
            paths.insert(role.clone(), world.settings(&role).await);
        }
        // The schema is that of the role with its name, in the default path.
        let operator = &world.operator;
        world
            .admin(&format!(
                "CREATE ROLE {SCHEMA_SQL} LOGIN; GRANT {SCHEMA_SQL} TO {operator};
                 GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {SCHEMA_SQL}; GRANT SELECT ON {SCHEMA_SQL}.\"or\"\"ders\" TO {SCHEMA_SQL}"
            ))
            .await;
        paths.insert(SCHEMA.to_owned(), world.settings(SCHEMA).await);
        let without = world.reader("without").await;

        let session = world.session().await;
        let roles: Vec<&str> = paths.keys().map(String::as_str).chain([&*without]).collect();
        let done = routed(&session, &roles).await;
        let blockers = blockers(&done);
        assert_eq!(blockers.len(), 1, "Postgres {major}: {blockers:?}");
        assert!(blockers[0].contains("does not contain"), "Postgres {major}: {blockers:?}");
        for role in paths.keys() {
            let client =
                world.database.client_as(&role.replace('"', "%22").replace(';', "%3B")).await;
            assert!(reads_copy(&client).await, "Postgres {major}, {role}: {}", plan(&client).await);
        }
        assert_eq!(verbs(&routed(&session, &[]).await), ["unroute"], "Postgres {major}");
        for (role, before) in &paths {
            assert_eq!(world.settings(role).await, *before, "Postgres {major}, {role}");
        }
        world.admin(&format!("DROP OWNED BY {SCHEMA_SQL}; DROP ROLE {SCHEMA_SQL}")).await;
    }
}

#[tokio::test]
async fn role_that_the_operator_cannot_act_as_is_routed_by_an_administrator() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(ORDERS).await;
        let reader = world.reader("reader").await;
        let (operator, owner) = (&world.operator, &world.owner);
        world.admin(&format!("REVOKE {reader} FROM {operator}; ALTER ROLE {reader} SET search_path = {SCHEMA_SQL}")).await;
        let session = world.session().await;
        let done = routed(&session, &[&reader]).await;
        assert!(
            blockers(&done)[0].contains("CREATE SCHEMA"),
            "Postgres {major}: {:?}",
            blockers(&done)
        );
        let schema = "\"pgpartition_Fin\"\"an;ce\"";
        world.admin(&format!("CREATE SCHEMA {schema} AUTHORIZATION {owner}")).await;

        let done = routed(&session, &[&reader]).await;
        let blockers = blockers(&done);
        assert_eq!(blockers.len(), 1, "Postgres {major}: {blockers:?}");
        let (_, statement) = blockers[0].split_once(", or ").unwrap();
        assert!(statement.starts_with("ALTER ROLE"), "Postgres {major}: {statement}");
        world.admin(statement).await;
        let done = routed(&session, &[&reader]).await;
        assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
        let client = world.database.client_as(&reader).await;
        assert!(reads_copy(&client).await, "Postgres {major}: {}", plan(&client).await);

        // The name means the plain table again, and the schema of the administrator stays.
        assert_eq!(verbs(&routed(&session, &[]).await), ["unroute"], "Postgres {major}");
        assert!(!reads_copy(&client).await, "Postgres {major}");
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgpartition\\_%'";
        assert_eq!(world.text(left).await, "1", "Postgres {major}");
    }
}

#[tokio::test]
async fn view_has_the_grants_of_the_table_and_applies_row_security() {
    for major in majors() {
        let world = World::new(major).await;
        world.can_create_schemas().await;
        world.owner(ORDERS).await;
        let (reader, columns) = (world.reader("reader").await, world.reader("columns").await);
        for role in [&reader, &columns] {
            world.admin(&format!("ALTER ROLE {role} SET search_path = {SCHEMA_SQL}")).await;
        }
        world
            .owner(&format!(
                "REVOKE SELECT ON \"or\"\"ders\" FROM {columns}; GRANT SELECT (id) ON \"or\"\"ders\" TO {columns};
                 ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {columns}"
            ))
            .await;
        let session = world.session().await;
        let roles = [reader.as_str(), columns.as_str()];
        routed(&session, &roles).await;
        let client = world.database.client_as(&columns).await;
        client.batch_execute("SELECT id FROM \"or\"\"ders\"").await.unwrap();
        for sql in ["SELECT org FROM \"or\"\"ders\"", "DELETE FROM \"or\"\"ders\""] {
            assert_eq!(sqlstate(&client, sql).await, "42501", "Postgres {major}: {sql}");
        }
        world.owner(&format!("REVOKE SELECT ON \"or\"\"ders\" FROM {columns}; REVOKE SELECT (id) ON \"or\"\"ders\" FROM {columns}")).await;
        routed(&session, &roles).await;
        assert_eq!(
            sqlstate(&client, "SELECT id FROM \"or\"\"ders\"").await,
            "42501",
            "Postgres {major}"
        );

        world
            .owner(&format!(
                "ALTER TABLE \"or\"\"ders\" ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY few ON \"or\"\"ders\" TO {reader} USING (org = 1)"
            ))
            .await;
        let done = routed(&session, &roles).await;
        let blockers = blockers(&done).join("\n");
        if major < 15 {
            assert!(blockers.contains("needs Postgres 15"), "Postgres {major}: {blockers}");
            continue;
        }
        assert!(blockers.contains("can read only some columns"), "Postgres {major}: {blockers}");
        let client = world.database.client_as(&reader).await;
        assert!(reads_copy(&client).await, "Postgres {major}: {}", plan(&client).await);
        let rows = client.query_one("SELECT count(*) FROM \"or\"\"ders\"", &[]).await.unwrap();
        assert_eq!(rows.get::<_, i64>(0), 20, "Postgres {major}");
    }
}

/// The name of the table means the partitioned one from then on, and again the plain one after a rollback.
#[tokio::test]
async fn routing_ends_with_the_cutover_and_begins_again_after_a_rollback() {
    for major in [*majors().first().unwrap(), *majors().last().unwrap()] {
        let world = World::new(major).await;
        world.can_create_schemas().await;
        world.owner(ORDERS).await;
        let reader = world.reader("reader").await;
        world.admin(&format!("ALTER ROLE {reader} SET search_path = {SCHEMA_SQL}")).await;
        let before = world.settings(&reader).await;
        let session = world.session().await;
        let roles = [reader.as_str()];
        routed(&session, &roles).await;
        let client = world.database.client_as(&reader).await;

        let done = until_done(&session, &spec(&roles, "Partitioned")).await;
        assert_eq!(done, ["swap", "unroute"], "Postgres {major}");
        assert!(
            reads_copy(&client).await,
            "Postgres {major}: the name means the partitioned table"
        );
        assert_eq!(world.settings(&reader).await, before, "Postgres {major}");
        let done = until_done(&session, &spec(&roles, "Source")).await;
        assert_eq!(done, ["swap", "route"], "Postgres {major}");
        let client = world.database.client_as(&reader).await;
        assert!(reads_copy(&client).await, "Postgres {major}: through the view");
        assert_eq!(sqlstate(&client, "DELETE FROM \"or\"\"ders\"").await, "42501");
    }
}

/// Converges until nothing is left, and returns the steps of the swap and of routing that were done.
async fn until_done(session: &Session, desired: &DesiredTable) -> Vec<&'static str> {
    let mut seen = Vec::new();
    for _ in 0..10 {
        let done = apply(session, desired, NOW).await;
        let is_ok = |at: usize| done.outcomes[at].result.is_ok();
        let all = verbs(&done).into_iter().enumerate().filter(|(at, _)| is_ok(*at));
        seen.extend(all.map(|(_, verb)| verb).filter(|v| ["swap", "route", "unroute"].contains(v)));
        if done.remaining.is_done() {
            return seen;
        }
    }
    panic!("not done: {seen:?}");
}
