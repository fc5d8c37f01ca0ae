//! The locks that a step declares are those in `pg_locks`, on every version.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use pg_partition_operator::partition::{Identifier, LockMode, QualifiedName};
use pg_partition_operator::plan::{BuildIndex, DropIndex, Family, Plan, Step, TransactionMode};
use pg_partition_operator::postgres::Session;
use pg_partition_operator::sql::{self, Script, Timeouts};

use crate::database::{World, at};
use crate::scenarios::{Next, assert_all_kinds, scenarios};
use crate::support::backdate::backdate;
use crate::support::postgres::majors;
use crate::support::wait_until;

type Locks = BTreeMap<QualifiedName, LockMode>;

#[tokio::test]
async fn step_takes_the_locks_it_declares() {
    let mut wrong = Vec::new();
    for major in majors() {
        let mut steps = Vec::new();
        for scenario in scenarios() {
            let world = World::new(major).await;
            scenario.set_up(&world).await;
            let session = world.session().await;
            for phase in &scenario.phases {
                phase.prepare(&world).await;
                for _ in 0..phase.steps.min(100) {
                    let Some(Next { observed, plan, .. }) = phase.next(&session).await else {
                        break;
                    };
                    let step = plan.steps[0].clone();
                    let table = &observed.name;
                    // A step of a conversion is about the whole copy, others are about its partitions.
                    let is_about_partitions =
                        matches!(step.step, Step::AttachSource(_) | Step::DetachSource(_));
                    let whole =
                        step.step.facts().family == Family::Conversion && !is_about_partitions;
                    let below = below(&world, (!whole).then_some(table)).await;
                    let seen = locks_seen(&world, &session, &plan).await;
                    backdate(&session, at(phase.now)).await;
                    let what = format!("Postgres {major}, {}, {}", scenario.name, step.line());
                    wrong.extend(seen.and_then(|seen| {
                        let seen = without_above(seen, table, &below);
                        let seen =
                            without_deparsed(without_new_names(seen, &step.step), &step.step);
                        difference(major, &step.step, without_lower(seen, &below))
                            .map(|difference| format!("{what}\n{difference}"))
                    }));
                    steps.push(step);
                }
            }
        }
        assert_all_kinds(steps.iter().map(|planned| &planned.step));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns each partition with its parent, except the partitions of this table.
async fn below(world: &World, table: Option<&QualifiedName>) -> Vec<(String, String)> {
    let sql = "SELECT coalesce(json_agg(json_build_array(c.relname, p.relname)), '[]')
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               JOIN pg_class p ON p.oid = i.inhparent WHERE p.relkind = 'p'";
    let mut all: Vec<(String, String)> = serde_json::from_str(&world.text(sql).await).unwrap();
    all.retain(|(_, above)| table.is_none_or(|table| above != table.name.as_str()));
    all
}

/// Postgres reads the bounds of a table that is a partition itself under ACCESS SHARE on the table above, which
/// blocks no application.
fn without_above(mut seen: Locks, table: &QualifiedName, below: &[(String, String)]) -> Locks {
    seen.retain(|name, mode| {
        let is_above = below
            .iter()
            .any(|(lower, above)| lower == table.name.as_str() && above == name.name.as_str());
        !is_above || *mode != LockMode::AccessShare
    });
    seen
}

/// Postgres deparses a policy under ACCESS SHARE on the tables that its subqueries name.
fn without_deparsed(mut seen: Locks, step: &Step) -> Locks {
    let deparses = matches!(step, Step::CreateCopy(_) | Step::FollowSource(_));
    let declared = declared(step);
    let is_other = |name: &QualifiedName| deparses && !declared.contains_key(name);
    seen.retain(|name, mode| !(is_other(name) && *mode == LockMode::AccessShare));
    seen
}

/// A step that exchanges the names of the two tables locks them under the names that they have before.
fn without_new_names(mut seen: Locks, step: &Step) -> Locks {
    let table = match step {
        Step::Swap(swap) => &swap.table,
        Step::AttachSource(attach) => &attach.table,
        Step::DetachSource(detach) => &detach.table,
        _ => return seen,
    };
    seen.remove(table.swapped().name_of(table.serving()));
    seen
}

/// A lock on a table applies to its partitions, too, in the same mode.
fn without_lower(mut seen: Locks, below: &[(String, String)]) -> Locks {
    let all = seen.clone();
    seen.retain(|name, mode| {
        let above = below.iter().find(|(lower, _)| lower == name.name.as_str());
        above.is_none_or(|(_, above)| {
            !all.iter().any(|(other, m)| other.name.as_str() == above && m >= mode)
        })
    });
    seen
}

/// Returns the difference between declared and observed locks, or `None` if they are equal.
fn difference(major: u16, step: &Step, mut seen: Locks) -> Option<String> {
    let declared = declared(step);
    if let (14, Step::AttachPartition(attach)) = (major, step) {
        // Later versions lock referencing tables in a stronger mode, which the step declares for all versions.
        for referring in &attach.referenced_by {
            assert_eq!(
                seen.insert(referring.clone(), declared[referring]),
                Some(LockMode::AccessShare)
            );
        }
    }
    (seen != declared).then(|| format!("  declared {declared:?}\n  seen     {seen:?}"))
}

fn declared(step: &Step) -> Locks {
    let mut locks = Locks::new();
    for (relation, mode) in step.locks() {
        let strongest = locks.entry(relation.clone()).or_insert(mode);
        *strongest = mode.max(*strongest);
    }
    locks
}

/// Executes the step and reads its locks before the commit. Returns `None` if the step fails.
async fn locks_seen(world: &World, session: &Session, plan: &Plan) -> Option<Locks> {
    let timeouts =
        Timeouts { lock_timeout: Duration::from_secs(5), retry_timeout: Duration::from_secs(20) };
    let step = &plan.steps[0].step;
    let script = sql::render(step, plan.owner.as_ref().unwrap(), timeouts);
    let pid = backend(session).await;
    match script.mode {
        TransactionMode::InTransaction | TransactionMode::OneSnapshot => {
            seen_in_transaction(world, session, &script, &pid).await
        }
        TransactionMode::Autocommit => {
            seen_from_outside(world, (session, &pid), &script, step).await
        }
    }
}

async fn send(session: &Session, sql: &str) -> Result<(), impl std::fmt::Debug> {
    session.batch(sql, Duration::from_secs(30)).await
}

/// The relations locked by a backend, with their modes; by those names that the reader knows. Tables of the operator
/// are not among them: no application waits for one.
const HELD: &str = "
    SELECT coalesce(json_agg(json_build_array(n.nspname, c.relname, l.mode)), '[]')::text
    FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.granted AND c.relkind IN ('r', 'p', 'f', 'v') AND n.nspname !~ '^pg(_|partition$)' AND l.pid = ";

/// The same of the lock it waits for.
const AWAITED: &str = "
    SELECT coalesce(json_agg(json_build_array(n.nspname, c.relname, l.mode)), '[]')::text
    FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT l.granted AND c.relkind IN ('r', 'p', 'f', 'v') AND l.pid = ";

async fn seen_in_transaction(
    world: &World,
    session: &Session,
    script: &Script,
    pid: &str,
) -> Option<Locks> {
    send(session, "BEGIN").await.unwrap();
    for statement in script.to_sql() {
        if let Err(error) = send(session, statement.as_str()).await {
            panic!("Postgres {}: {}: {error:?}", world.major, statement.as_str());
        }
    }
    // A new table is known only inside, a dropped one only outside.
    let inside = session.query_one_text(INSIDE, &[]).await.unwrap().unwrap();
    let outside = world.text(&format!("{HELD} {pid}")).await;
    send(session, "COMMIT").await.unwrap();
    let mut locks = parse(&inside);
    locks.extend(parse(&outside));
    Some(locks)
}

const INSIDE: &str = "
    SELECT coalesce(json_agg(json_build_array(n.nspname, c.relname, l.mode)), '[]')::text
    FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.granted AND c.relkind IN ('r', 'p', 'f', 'v') AND n.nspname !~ '^pg(_|partition$)'
      AND l.pid = pg_backend_pid()";

async fn backend(session: &Session) -> String {
    let pid = session.query_one_text("SELECT pg_backend_pid()::text", &[]).await;
    pid.unwrap().unwrap()
}

/// Reads the locks of a step that runs outside of a transaction, while an old snapshot of another session blocks it.
async fn seen_from_outside(
    world: &World,
    (session, pid): (&Session, &str),
    script: &Script,
    step: &Step,
) -> Option<Locks> {
    let reader = world.database.client().await;
    reader.batch_execute(&blocking_statement(step)).await.unwrap();
    let ended = Cell::new(false);
    let run = async {
        let mut done = true;
        for statement in script.to_sql() {
            done = done && send(session, statement.as_str()).await.is_ok();
        }
        send(session, "RESET ROLE; RESET lock_timeout; RESET statement_timeout").await.unwrap();
        ended.set(true);
        done
    };
    let observe_and_plan = async {
        let waits = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Lock'"
        );
        wait_until("the step waits for the reader", Duration::from_secs(10), async || {
            ended.get() || world.text(&waits).await == "1"
        })
        .await;
        let held = world.text(&format!("{HELD} {pid}")).await;
        let awaited = world.text(&format!("{AWAITED} {pid}")).await;
        reader.batch_execute("COMMIT").await.unwrap();
        let mut locks = parse(&held);
        if matches!(step, Step::DetachPartition(_)) {
            locks.extend(parse(&awaited));
        }
        locks
    };
    let (done, locks) = tokio::join!(run, observe_and_plan);
    done.then_some(locks)
}

/// Returns the statement of another session that blocks a step when it has all its locks, or waits for the last one.
fn blocking_statement(step: &Step) -> String {
    let sql = |name: &QualifiedName| {
        let quoted = |name: &Identifier| name.as_str().replace('"', "\"\"");
        format!("\"{}\".\"{}\"", quoted(&name.schema), quoted(&name.name))
    };
    match step {
        Step::BuildIndex(BuildIndex { partition, .. })
        | Step::DropIndex(DropIndex { partition, .. }) => {
            format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM {}", sql(partition))
        }
        Step::DetachPartition(detach) => {
            let last = detach.references.last().unwrap_or(&detach.partition);
            format!("BEGIN; LOCK TABLE {} IN ROW EXCLUSIVE MODE", sql(last))
        }
        Step::AnalyzeCopy(analyze) => {
            let last = format!(
                "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = {}::regclass ORDER BY 1 DESC LIMIT 1",
                literal(&sql(&analyze.copy))
            );
            format!(
                "BEGIN; DO $$ BEGIN EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', ({last})); END $$"
            )
        }
        step => panic!("{step:?} is not known to run outside of a transaction"),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The strongest mode for each relation.
fn parse(json: &str) -> Locks {
    let held: Vec<(String, String, String)> = serde_json::from_str(json).unwrap();
    let mut locks = Locks::new();
    for (schema, name, mode) in held {
        let name = serde_json::json!({"schema": schema, "name": name});
        let name: QualifiedName = serde_json::from_value(name).unwrap();
        let mode = LockMode::from_catalog(&mode).unwrap();
        let strongest = locks.entry(name).or_insert(mode);
        *strongest = mode.max(*strongest);
    }
    locks
}
