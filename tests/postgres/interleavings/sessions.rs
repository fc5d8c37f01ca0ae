//! Two sessions on which cases are played, and one that watches them.

use std::sync::Arc;
use std::time::Duration;

use pg_partition_operator::partition::{CopiedTable, Side, SyncLevel, copy_marker};
use pg_partition_operator::sql::{Role, compare_page, copy_page};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::case::{Act, Case, ROWS, Work};
use crate::copy_fixture::{LEVELS, create, differing, in_sql, install};
use crate::copy_pages::CONTENT;
use crate::database::{SCHEMA_SQL, World};
use crate::swap_fixture::Swapped;

/// Interval for checking whether a running statement waits for the other session.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A session, and the statement that it has not ended.
struct Actor {
    client: Arc<Client>,
    pid: i32,
    running: Option<JoinHandle<Result<(), Error>>>,
    /// Why its transaction cannot go on.
    failed: Option<Error>,
    in_transaction: bool,
}

impl Actor {
    async fn new(client: Client) -> Self {
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        Self { client: Arc::new(client), pid, running: None, failed: None, in_transaction: false }
    }

    /// Sends statements, and waits until they have ended or wait for another session.
    async fn send(&mut self, sql: &str, monitor: &Client) {
        self.join().await;
        if self.failed.is_some() {
            return;
        }
        let (client, sql) = (Arc::clone(&self.client), sql.to_owned());
        let mut running = tokio::spawn(async move { client.batch_execute(&sql).await });
        let blocked = "SELECT cardinality(pg_blocking_pids($1)) > 0";
        loop {
            if let Ok(ended) = timeout(POLL_INTERVAL, &mut running).await {
                self.failed = ended.unwrap().err();
                return;
            }
            if monitor.query_one(blocked, &[&self.pid]).await.unwrap().get(0) {
                self.running = Some(running);
                return;
            }
        }
    }

    /// Waits for the end of what was sent.
    async fn join(&mut self) {
        if let Some(running) = self.running.take()
            && let Err(error) = running.await.unwrap()
        {
            self.failed = Some(error);
        }
    }

    /// Ends the transaction. Returns why it did not commit, if it was to.
    async fn end(&mut self, how: &str) -> Option<Error> {
        self.join().await;
        self.in_transaction = false;
        let failed = self.failed.take();
        let how = if failed.is_some() { "ROLLBACK" } else { how };
        failed.or(self.client.batch_execute(how).await.err())
    }
}

pub(super) struct Stage {
    world: World,
    /// One of each level, and one after its cutover.
    tables: [CopiedTable; 3],
    application: Actor,
    operator: Actor,
}

impl Stage {
    pub(super) async fn new(major: u16) -> Self {
        let world = World::new(major).await;
        let columns = "id int, part int NOT NULL, v text NOT NULL";
        let mut tables = Vec::new();
        for (name, level) in ["by_row", "by_statement"].into_iter().zip(LEVELS) {
            let table = create(&world, name, columns, (&["id"], &["part"])).await;
            install(&world, &table, level).await;
            tables.push(table);
        }
        let (world, reversed) = cut_over(world, columns).await;
        tables.push(reversed);
        let role = format!("application_of_{}", world.database.name());
        world
            .admin(&format!(
                "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {role};
                 GRANT ALL ON {SCHEMA_SQL}.by_row, {SCHEMA_SQL}.by_statement, {SCHEMA_SQL}.reversed TO {role}"
            ))
            .await;
        let application = world.database.client_as(&role).await;
        application.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
        let operator = world.database.client_as(&world.operator).await;
        let owner = format!("SET ROLE {}; SET lock_timeout = '60s'", world.owner);
        operator.batch_execute(&owner).await.unwrap();
        let (application, operator) = (Actor::new(application).await, Actor::new(operator).await);
        Self { world, tables: tables.try_into().unwrap(), application, operator }
    }

    /// Plays a case. Returns what is wrong with its end.
    pub(super) async fn play(&mut self, case: &Case) -> Result<(), String> {
        let [by_row, by_statement, reversed] = self.tables.clone();
        let table = match (case.serving, case.level) {
            (Side::Partitioned, _) => reversed,
            (Side::Source, SyncLevel::Row) => by_row,
            (Side::Source, SyncLevel::Statement) => by_statement,
        };
        let name = table.managed.name().name.as_str();
        self.set_up(case, &table).await;
        let page = page(case, &table);
        let write = case.write.sql(case.serving).replace(" t ", &format!(" {name} "));
        let write = write.replace("TRUNCATE t", &format!("TRUNCATE {name}"));
        let (mut commits, mut not_committed) = (true, None);
        for act in case.acts {
            match act {
                Act::Read => {
                    let read = format!("SELECT count(*) FROM {name}");
                    self.application(case, &read).await;
                }
                Act::Write => self.application(case, &write).await,
                Act::Commit => not_committed = self.application.end("COMMIT").await,
                Act::Rollback => {
                    commits = false;
                    self.application.end("ROLLBACK").await;
                }
                Act::Page => self.operator(&page).await,
                Act::CommitPage => {
                    expected(self.operator.end("COMMIT").await)?;
                }
                Act::RollbackPage => {
                    self.operator.end("ROLLBACK").await;
                }
            }
        }
        if let Some(error) = expected(not_committed)? {
            if case.isolation == "READ COMMITTED" {
                return Err(format!("the application failed: {error}"));
            }
            // The application tries again, as it has to.
            self.application(case, &write).await;
            if let Some(error) = self.application.end("COMMIT").await {
                return Err(format!("the application failed again: {error}"));
            }
        }
        self.finish(case, &table).await?;
        self.judge(case, &table, commits).await
    }

    async fn application(&mut self, case: &Case, sql: &str) {
        let begin = format!("BEGIN ISOLATION LEVEL {}; ", case.isolation);
        let begin = if self.application.in_transaction { "" } else { &begin };
        self.application.in_transaction = true;
        self.application.send(&format!("{begin}{sql}"), &self.world.admin).await;
    }

    async fn operator(&mut self, page: &str) {
        self.operator.send(&format!("BEGIN; {page}"), &self.world.admin).await;
    }

    async fn set_up(&self, case: &Case, table: &CopiedTable) {
        let [serving, passive] =
            [case.serving, case.serving.other()].map(|side| in_sql(&table.name_of(side).name));
        let allowed =
            |sql: &str| format!("BEGIN; SET LOCAL pgpartition.sync = 'on'; {sql}; COMMIT;");
        let damage = allowed(&case.work.damage(case.serving).replace('@', &passive));
        let rows: Vec<_> = ROWS
            .split(' ')
            .map(|row| row.split('/').collect::<Vec<_>>())
            .map(|row| format!("({}, {}, '{}')", row[0], row[1], row[2]))
            .collect();
        let clear = allowed(&format!("DELETE FROM {serving}; DELETE FROM {passive}"));
        self.world
            .admin(&format!("{clear} INSERT INTO {serving} VALUES {}; {damage}", rows.join(", ")))
            .await;
        self.operator.client.batch_execute(RESET).await.unwrap();
    }

    /// Does the pages that are left after the interleaving, alone. What a sweep leaves of the source, since the row moved
    /// meanwhile, is repaired by the next one.
    async fn finish(&self, case: &Case, table: &CopiedTable) -> Result<(), String> {
        self.sweep(case, table).await?;
        if case.serving == Side::Partitioned {
            self.operator.client.batch_execute(RESET).await.unwrap();
            self.sweep(case, table).await?;
        }
        Ok(())
    }

    async fn sweep(&self, case: &Case, table: &CopiedTable) -> Result<(), String> {
        let client = &self.operator.client;
        let page = page(case, table);
        loop {
            let done = client.query_one("SELECT current_setting('test.done')", &[]).await.unwrap();
            if done.get::<_, &str>(0) == "true" {
                return Ok(());
            }
            let rest = client.batch_execute(&format!("BEGIN; {page}; COMMIT")).await;
            rest.map_err(|error| format!("the rest failed: {error}: {:?}", error.as_db_error()))?;
        }
    }

    async fn judge(&self, case: &Case, table: &CopiedTable, commits: bool) -> Result<(), String> {
        let differing = differing(&self.world.admin, table).await;
        if !differing.is_empty() {
            return Err(format!("the tables differ: {differing}"));
        }
        let serving = in_sql(&table.managed.name().name);
        let rows = format!(
            "SELECT coalesce(string_agg(concat_ws('/', id, part, v), ' ' ORDER BY id), '') FROM {serving}"
        );
        let rows = self.world.text(&rows).await;
        let right = if commits { case.write.result() } else { ROWS };
        if rows == right {
            Ok(())
        } else {
            Err(format!("the serving table has {rows}, not {right}"))
        }
    }
}

/// A table that was cut over.
async fn cut_over(world: World, columns: &str) -> (World, CopiedTable) {
    let table = create(&world, "reversed", columns, (&["id"], &["part"])).await;
    let mark = copy_marker(&table.managed).replace('\'', "''");
    world.owner(&format!("COMMENT ON TABLE reversed_partitioned IS '{mark}'")).await;
    install(&world, &table, SyncLevel::Row).await;
    let session = world.session().await;
    let mut swapped = Swapped { world, session, table, level: SyncLevel::Row };
    swapped.swap().await;
    (swapped.world, swapped.table)
}

/// Passes on an error that ends a transaction at no fault of its own.
fn expected(error: Option<Error>) -> Result<Option<Error>, String> {
    let is_expected = |error: &Error| {
        let conflicts = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        error.code().is_some_and(|code| conflicts.contains(code))
    };
    match error {
        Some(error) if !is_expected(&error) => Err(format!("{error}: {:?}", error.as_db_error())),
        error => Ok(error),
    }
}

/// Copies a page of two rows, or compares all rows, and notes how far that got. The session is one of the owner.
fn page(case: &Case, table: &CopiedTable) -> String {
    let script = match case.work {
        Work::Copy => copy_page(table, crate::copy_fixture::page(2)),
        Work::Repair | Work::RepairMissing => {
            compare_page(table, crate::copy_fixture::page(100), CONTENT)
        }
    };
    let by_owner = script.statements.iter().filter(|s| matches!(s.role, Role::Owner(_)));
    let page: String = by_owner.map(|s| format!("{}; ", s.sql.as_str())).collect();
    format!("{page}{NOTE}")
}

const NOTE: &str = "SELECT set_config(concat('pgpartition.', word), coalesce((SELECT array_agg(part ORDER BY at)
        FROM jsonb_array_elements_text(nullif(answer->word, 'null')) WITH ORDINALITY AS k (part, at))::text, ''), false),
    set_config('test.done', answer->>'done', false)
    FROM (SELECT current_setting('pgpartition.answer')::jsonb AS answer) AS of_page
    CROSS JOIN unnest(ARRAY['reached', 'until']) AS word";

/// Nothing has been done.
const RESET: &str =
    "SET pgpartition.reached = ''; SET pgpartition.until = ''; SET test.done = 'false'";
