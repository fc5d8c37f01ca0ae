//! Claims on a table in the database: concurrent claims, their end, and the privileges that they need.

use futures::future::join_all;
use jiff::ToSpan as _;
use pg_partition_operator::converge::{ConvergeError, Options, converge};
use pg_partition_operator::partition::ManagedTable;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::{
    ClaimHolder, Claimant, DatabaseError, InspectError, LockKeys, Session, TableLock, claim,
    release,
};
use serde_json::json;

use crate::database::{Silent, World, at, desired, managed, session};
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";

/// Object identifier of a table that no session locks.
const UNLOCKED: u32 = 1;

const ROW: &str = "SELECT format('%s %s %s %s', holder, xmin, xmax, seen) FROM pgpartition.claims";

fn table() -> ManagedTable {
    managed("T'; DROP")
}

/// A resource that was created so many seconds after the first.
fn claimant(uid: &str, installation: &str, age: i64) -> Claimant {
    Claimant {
        uid: uid.to_owned(),
        namespace: "fin'ance".to_owned(),
        name: format!("of-{uid}"),
        installation: installation.to_owned(),
        created: at(NOW).checked_add(age.seconds()).unwrap(),
    }
}

/// Returns the holder of a claim that blocks the claimant.
async fn others(session: &Session, claimant: &Claimant) -> Option<String> {
    let holder = claim(session, &table(), UNLOCKED, claimant).await.unwrap();
    holder.map(|holder| holder.uid)
}

async fn refusal(session: &Session, claimant: &Claimant) -> DatabaseError {
    match claim(session, &table(), UNLOCKED, claimant).await.unwrap_err() {
        InspectError::Database(error) => error,
        error => panic!("{error}"),
    }
}

async fn age(world: &World, by: &str) {
    world.admin(&format!("UPDATE pgpartition.claims SET seen = seen - '{by}'::interval")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oldest_of_concurrent_claimants_wins() {
    for major in majors() {
        for grant in ["", "DROP SCHEMA pgpartition; GRANT CREATE ON DATABASE @d TO @r"] {
            let world = World::new(major).await;
            let grant = grant.replace("@d", world.database.name()).replace("@r", &world.operator);
            world.admin(&grant).await;
            let sessions = join_all((0..8).map(|_| world.session())).await;
            let claimants: Vec<_> = ["e", "c", "g", "b", "f", "d", "h", "a"]
                .iter()
                .map(|uid| claimant(uid, "x", i64::from(*uid > "b")))
                .collect();
            // No session fails, although all find schema and table missing.
            let both = || sessions.iter().zip(&claimants);
            join_all(both().map(|(session, claimant)| others(session, claimant))).await;
            let found = join_all(both().map(|(session, claimant)| others(session, claimant))).await;
            let expected = claimants.iter().map(|c| (c.uid != "a").then(|| "a".to_owned()));
            assert_eq!(found, expected.collect::<Vec<_>>(), "Postgres {major}");
        }
    }
}

#[tokio::test]
async fn older_resource_holds_the_claim_until_it_is_deleted() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        let (old, young) = (claimant("old", "here", 0), claimant("a-young", "there", 1));
        assert_eq!(others(&session, &young).await, None);
        assert_eq!(others(&session, &old).await, None, "Postgres {major}: a younger one gives way");
        let holder = claim(&session, &table(), UNLOCKED, &young).await.unwrap().unwrap();
        let expected = ClaimHolder {
            uid: "old".to_owned(),
            namespace: "fin'ance".to_owned(),
            name: "of-old".to_owned(),
            elsewhere: true,
        };
        assert_eq!(holder, expected);
        let sibling = Claimant { installation: "here".to_owned(), ..young.clone() };
        let holder = claim(&session, &table(), UNLOCKED, &sibling).await.unwrap().unwrap();
        assert!(!holder.elsewhere);

        // A resource without the claim cannot release it.
        release(&session, &table(), "a-young").await.unwrap();
        assert_eq!(others(&session, &young).await.as_deref(), Some("old"));
        release(&session, &table(), "old").await.unwrap();
        assert_eq!(world.text("SELECT count(*) FROM pgpartition.claims").await, "0");
        assert_eq!(others(&session, &young).await, None);
    }
}

#[tokio::test]
async fn claim_expires_unless_it_is_renewed() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        let (old, young) = (claimant("old", "here", 0), claimant("young", "there", 1));
        assert_eq!(others(&session, &old).await, None);

        let written = world.text(ROW).await;
        let before = session.round_trips();
        assert_eq!(others(&session, &old).await, None);
        assert_eq!(session.round_trips() - before, 1);
        assert!(others(&session, &young).await.is_some());
        assert_eq!(world.text(ROW).await, written, "Postgres {major}: nothing is written");

        age(&world, "6 minutes").await;
        let aged = world.text(ROW).await;
        assert!(others(&session, &young).await.is_some());
        assert_eq!(world.text(ROW).await, aged);
        assert_eq!(others(&session, &old).await, None);
        let renewed = "SELECT now() - seen < '1 minute' FROM pgpartition.claims";
        assert_eq!(world.text(renewed).await, "t");

        // A session that locks the table keeps the claim, however long that takes.
        age(&world, "16 minutes").await;
        let worker = world.session().await;
        let lock = TableLock::try_acquire(&worker, LockKeys::new(&table(), UNLOCKED))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(others(&session, &young).await.as_deref(), Some("old"), "Postgres {major}");
        lock.release().await.unwrap();
        assert_eq!(others(&session, &young).await, None);
        assert_eq!(others(&session, &old).await, None, "back again, it is the older still");
    }
}

#[tokio::test]
async fn idle_reconcile_costs_two_round_trips_and_an_unmet_precondition_claims_nothing() {
    for major in majors() {
        let world = World::new(major).await;
        let create = "CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)";
        world.owner(create).await;
        let session = world.session().await;
        let options = |claimant| Options {
            claimant: Some(claimant),
            ..Options::new(PlanTime::at(at(NOW)), std::time::Duration::from_secs(5))
        };
        let monthly = |column: &str, mode: &str| {
            desired(json!({
                "table": "t", "mode": mode,
                "partitionBy": {"range": {"column": column, "interval": "Month"}},
            }))
        };
        let old = options(claimant("old", "here", 0));
        for (column, mode) in [("at", "Plan"), ("nowhere", "Enforce")] {
            converge(&session, &monthly(column, mode), &old, &mut Silent).await.unwrap();
            let claims = "SELECT to_regclass('pgpartition.claims') IS NULL";
            assert_eq!(world.text(claims).await, "t", "Postgres {major}, {column}, {mode}");
        }

        let monthly = monthly("at", "Enforce");
        let done = converge(&session, &monthly, &old, &mut Silent).await.unwrap();
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {}", done.remaining);
        let before = session.round_trips();
        converge(&session, &monthly, &old, &mut Silent).await.unwrap();
        assert_eq!(session.round_trips() - before, 2);

        let young = options(claimant("young", "here", 1));
        let error = converge(&session, &monthly, &young, &mut Silent).await.unwrap_err();
        assert!(matches!(error, ConvergeError::Conflict(_)), "{error}");
        assert_eq!(
            error.to_string(),
            "fin'ance/of-old is older and manages the same table: delete one of the two resources"
        );
        let owner =
            "SELECT DISTINCT relowner::regrole FROM pg_class JOIN pg_inherits ON oid = inhrelid";
        assert_eq!(world.text(owner).await, world.owner, "Postgres {major}");
    }
}

#[tokio::test]
async fn missing_privilege_is_reported_as_sql_and_changes_nothing() {
    for major in majors() {
        for setup in [
            "DROP SCHEMA pgpartition",
            "ALTER SCHEMA pgpartition OWNER TO postgres",
            "ALTER SCHEMA pgpartition OWNER TO postgres; CREATE TABLE pgpartition.claims (@columns)",
        ] {
            let world = World::new(major).await;
            let role = format!("Op\"er;ator of {}", world.database.name());
            let quoted = format!("\"{}\"", role.replace('"', "\"\""));
            let columns = documented_columns();
            world.admin(&format!("CREATE ROLE {quoted} LOGIN")).await;
            world.admin(&setup.replace("@columns", &columns)).await;
            let encoded = role.replace(' ', "%20").replace('"', "%22").replace(';', "%3B");
            let session = session(&world.database.url_as(&encoded)).await;
            let error = refusal(&session, &claimant("x", "x", 0)).await;
            assert_eq!(error.sqlstate(), Some("42501"), "Postgres {major}, {setup}: {error}");
            let count = "SELECT count(*) FROM pg_class WHERE relname = 'claims'";
            let there = setup.contains("TABLE");
            assert_eq!(world.text(count).await, u8::from(there).to_string());

            world.admin(error.hint().unwrap()).await;
            assert_eq!(others(&session, &claimant("x", "x", 0)).await, None, "{setup}");
        }
    }
}

#[tokio::test]
async fn code_of_untrusted_roles_is_not_executed() {
    for major in majors() {
        for (schema, table) in [("untrusted", "untrusted"), ("postgres", "untrusted")] {
            let world = World::new(major).await;
            let untrusted = format!("untrusted_of_{}", world.database.name());
            world
                .admin(&format!(
                    "DROP SCHEMA pgpartition; CREATE ROLE {untrusted} LOGIN;
                     GRANT CREATE ON DATABASE {} TO {untrusted}, {}",
                    world.database.name(),
                    world.operator
                ))
                .await;
            let trap = world.database.client_as(&untrusted).await;
            trap.batch_execute(&format!(
                "CREATE SCHEMA pgpartition; CREATE TABLE pgpartition.claims ({});
                 GRANT ALL ON SCHEMA pgpartition TO PUBLIC; GRANT ALL ON pgpartition.claims TO PUBLIC;
                 CREATE FUNCTION pgpartition.trap() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN RAISE EXCEPTION 'caught'; END$$;
                 CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON pgpartition.claims
                 EXECUTE FUNCTION pgpartition.trap()",
                documented_columns()
            ))
            .await
            .unwrap();
            let owner =
                |role: &str| if role == "untrusted" { untrusted.clone() } else { role.to_owned() };
            let (schema, table) = (owner(schema), owner(table));
            world.admin(&format!("ALTER SCHEMA pgpartition OWNER TO {schema}; ALTER TABLE pgpartition.claims OWNER TO {table}")).await;

            // Not even as a superuser.
            let superuser = session(&world.database.url()).await;
            for session in [&superuser, &world.session().await] {
                let error = refusal(session, &claimant("x", "x", 0)).await;
                assert_eq!(error.sqlstate(), Some("42501"), "Postgres {major}: {error}");
                assert!(error.message().contains(&untrusted), "{error}");
                let error = release(session, &self::table(), "x").await.unwrap_err();
                assert_eq!(error.sqlstate(), Some("42501"), "Postgres {major}: {error}");
            }
            let session = world.session().await;
            let error = refusal(&session, &claimant("x", "x", 0)).await;
            world.admin(error.hint().unwrap()).await;
            assert_eq!(others(&session, &claimant("x", "x", 0)).await, None);
            let both = self::session(&world.database.url_as(&untrusted)).await;
            assert_eq!(others(&both, &claimant("y", "y", 1)).await.as_deref(), Some("x"));
        }
    }
}

#[tokio::test]
async fn dropped_claims_schema_is_created_again() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        let (old, young) = (claimant("old", "here", 0), claimant("young", "there", 1));
        assert_eq!(others(&session, &old).await, None);
        world
            .admin(&format!(
                "DROP SCHEMA pgpartition CASCADE; GRANT CREATE ON DATABASE {} TO {}",
                world.database.name(),
                world.operator
            ))
            .await;
        assert_eq!(others(&session, &old).await, None, "Postgres {major}");
        assert_eq!(others(&session, &young).await.as_deref(), Some("old"), "Postgres {major}");
    }
}

#[tokio::test]
async fn several_roles_share_a_table_as_documented() {
    for major in majors() {
        let world = World::new(major).await;
        let app = format!("app_of_{}", world.database.name());
        let sql = PRIVILEGES.rsplit_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
        let sql = sql.replace("partition_operator, app", &format!("{}, {app}", world.operator));
        world.admin(&format!("DROP SCHEMA pgpartition; CREATE ROLE {app} LOGIN; {sql}")).await;
        let both = [world.session().await, session(&world.database.url_as(&app)).await];
        assert_eq!(others(&both[0], &claimant("x", "x", 0)).await, None);
        assert_eq!(others(&both[1], &claimant("y", "y", 1)).await.as_deref(), Some("x"));
        assert_eq!(others(&both[1], &claimant("z", "y", -1)).await, None);
    }
}

/// The second login finds what the first one created, and the first one can be dropped.
#[tokio::test]
async fn login_of_the_next_lease_takes_over_as_documented() {
    let (_, section) = PRIVILEGES.split_once("### Logins by lease\n").unwrap();
    let mut blocks = section.split("```sql\n").skip(1).map(|block| block.split("```").next());
    let (create, grant) = (blocks.next().flatten().unwrap(), blocks.next().flatten().unwrap());
    for major in majors() {
        for grant in grant.lines() {
            let world = World::new(major).await;
            world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
            world.admin("DROP SCHEMA pgpartition").await;
            let named = |sql: &str, login: &str| {
                sql.replace("DATABASE finance", &format!("DATABASE {}", world.database.name()))
                    .replace("finance_owner", &world.owner)
                    .replace("v_one", login)
            };
            world.admin(&named(grant, "")).await;
            let mut previous: Option<String> = None;
            for (lease, now) in ["2026-01-15T12:00:00Z", "2026-02-15T12:00:00Z"].iter().enumerate()
            {
                let login = format!("lease_{lease}_of_{}", world.database.name());
                world.admin(&named(create, &login)).await;
                let session = session(&world.database.url_as(&login)).await;
                let table = desired(json!({
                    "table": "t", "ahead": 0,
                    "partitionBy": {"range": {"column": "at", "interval": "Month"}},
                }));
                let mut options = Options::new(PlanTime::at(at(now)), std::time::Duration::ZERO);
                options.claimant = Some(claimant("x", "x", 0));
                let done = converge(&session, &table, &options, &mut Silent).await.unwrap();
                let left = done.remaining.steps.len() + done.remaining.deferred.len();
                assert_eq!(left, 0, "Postgres {major}, {grant}: {}", done.remaining);
                if let Some(previous) = previous.replace(login) {
                    world.admin(&format!("DROP ROLE {previous}")).await;
                }
            }
        }
    }
}

const PRIVILEGES: &str = include_str!("../../docs/reference/privileges.md");

/// The columns of the table, as the page on privileges has them.
fn documented_columns() -> String {
    let (_, after) = PRIVILEGES.split_once("CREATE TABLE pgpartition.claims (").unwrap();
    after.split_once("\n);").unwrap().0.to_owned()
}
