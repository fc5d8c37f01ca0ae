//! Does what a checked plan says. It decides nothing.
//!
//! The process can die, or the connection can break, at any point. No code here repairs anything then: the next run
//! starts from the catalog. What it finds is stated beside the data of each step (`Facts::if_interrupted`), and
//! `docs/reference/steps.md` shows it in the row "if interrupted". Comments that begin with `Interrupted:` say which part of
//! that row applies at that point.
//!
//! Tests in `tests/postgres` that interrupt at each of these points:
//!
//! | point | test |
//! |---|---|
//! | before a request arrives | `interruption.rs::request_that_never_arrives_is_repeated` |
//! | after it was executed, before the answer | `interruption.rs::step_with_a_lost_response_is_not_repeated` |
//! | between two statements of a step | `interruption.rs::step_interrupted_between_statements_is_completed_by_the_next_run` |
//! | between two steps, by `kill -9` | `interruption.rs::concurrent_run_completes_the_work_of_a_killed_run` |
//! | within a concurrent detach | `detach.rs::detach_of_a_killed_operator_is_finalized_by_the_next_run` |
//! | within an index build | `interruption.rs::killed_index_build_is_cleaned_up` |
//! | in the pause before a retry | `retry_interruption.rs::run_interrupted_in_a_pause_is_completed_by_the_next_run` |
//! | at a later attempt of `finalize` | `retry_interruption.rs::second_attempt_of_finalize_that_is_interrupted_is_completed_by_the_next_run` |

use std::time::{Duration, Instant};

use super::authority::{Authority, Certainty, Ruling};
use super::work::{PageDone, WorkOutcome};
use super::{BorrowError, DatabaseError, SlowSteps, TableLock};
use crate::partition::Identifier;
use crate::plan::{CheckedPlan, Effort, Plan, PlannedStep, Rule, Step, TransactionMode, Undone};
use crate::sql::{self, Script, Sql, Timeouts};

/// The first pause before a lock is tried for again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The longest pause before another attempt, however long the last one blocked others: the server ends a session
/// after 30 s without a statement in a transaction, and after 50 s outside.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(20);

/// Additional time for the server to report a timeout.
const DEADLINE_MARGIN: Duration = Duration::from_secs(5);

/// Postgres finalizes a detach when every session has ended whose snapshot is as old as this one or older. With
/// one snapshot for all attempts, it does not wait for sessions that begin meanwhile, so it ends however many they
/// are.
const BEGIN_ONE_SNAPSHOT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_catalog.now(); SAVEPOINT tried";

/// The longest an index may take to build, or a default partition to scan.
const MAX_STATEMENT_TIME: Duration = Duration::from_hours(24);

/// Hears of each step: the operator's events and metrics, the terminal's progress bar.
pub trait Progress: Send {
    /// The plan is made and its steps will be executed.
    fn planned(&mut self, plan: &Plan);
    /// A step is about to be executed.
    fn started(&mut self, step: &Step);
    /// The step did not acquire a lock in time, and is retried.
    fn retried(&mut self, step: &Step, error: &DatabaseError);
    /// The step ended.
    fn finished(&mut self, outcome: &StepOutcome);
    /// A page of work was committed. The outcome is that of the run so far, this page included.
    fn page_done(&mut self, _: &WorkOutcome, _: PageDone) {}
}

/// Outcome of a step.
#[derive(Debug)]
pub struct StepOutcome {
    /// Executed step.
    pub step: Step,
    /// The rule that planned it.
    pub rule: Rule,
    /// Result of the step.
    pub result: Result<(), StepFailure>,
    /// Duration, including retries.
    pub took: Duration,
}

impl StepOutcome {
    /// Returns whether the authority ended the run at this step.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        matches!(self.result, Err(StepFailure::Revoked))
    }
}

/// Why a step was not executed or failed.
#[derive(Debug, thiserror::Error)]
pub enum StepFailure {
    /// Postgres returned an error.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The step depends on a step that was not executed.
    #[error("depends on a step that was not executed")]
    Skipped,
    /// The operator could not confirm that the resource still requests the step.
    #[error("could not confirm that the resource still requests this: {0}")]
    Unconfirmed(String),
    /// The step needs a session for long steps, and all of them are in use.
    #[error(transparent)]
    NoSession(#[from] BorrowError),
    /// The resource no longer requests the step; the run ended before it.
    #[error("the resource no longer requests this")]
    Revoked,
}

/// Executes a plan step by step. A step that fails takes along those that rest
/// on it, and no other. Before each attempt of each step the authority is asked; when it revokes, the
/// outcome of that step says so and is the last.
pub async fn execute(
    lock: &TableLock<'_>,
    checked: &CheckedPlan,
    timeouts: Timeouts,
    authority: &dyn Authority,
    slow: &SlowSteps,
    progress: &mut dyn Progress,
) -> Vec<StepOutcome> {
    let plan = checked.plan();
    progress.planned(plan);
    let (waited, undone) = (Duration::ZERO, Undone::default());
    let mut outcomes = Vec::new();
    // If there is no table, there are no steps.
    let Some(owner) = &plan.owner else { return outcomes };
    let mut run = Run { lock, owner, timeouts, authority, slow, waited, undone };
    for planned in &plan.steps {
        // Interrupted: between two steps the catalog has what the steps before this one did; the next run plans the rest.
        let started = Instant::now();
        let step = planned.step.clone();
        progress.started(&step);
        let result = run.step(planned, progress).await;
        let (rule, took) = (planned.rule, started.elapsed());
        let outcome = StepOutcome { step, rule, result, took };
        progress.finished(&outcome);
        let is_revoked = outcome.is_revoked();
        outcomes.push(outcome);
        if is_revoked {
            break;
        }
    }
    outcomes
}

struct Run<'a> {
    lock: &'a TableLock<'a>,
    owner: &'a Identifier,
    timeouts: Timeouts,
    authority: &'a dyn Authority,
    slow: &'a SlowSteps,
    waited: Duration,
    undone: Undone,
}

impl Run<'_> {
    async fn send(&self, text: &str, deadline: Duration) -> Result<(), DatabaseError> {
        self.lock.session().batch(text, deadline).await
    }

    async fn step(
        &mut self,
        planned: &PlannedStep,
        progress: &mut dyn Progress,
    ) -> Result<(), StepFailure> {
        let step = &planned.step;
        let result = if self.undone.blocks(planned) {
            Err(StepFailure::Skipped)
        } else if let Err(failure) = self.reserve(step).await {
            Err(failure)
        } else {
            self.attempt_until_done(step, progress).await
        };
        if result.is_err() {
            self.undone.add(step);
        }
        result
    }

    /// Asks whether the run may take as long as the step can.
    async fn reserve(&self, step: &Step) -> Result<(), StepFailure> {
        match self.authority.long_run() {
            Some(long_run) if step.facts().needs_long_run => Ok(long_run.begin().await?),
            Some(_) | None => Ok(()),
        }
    }

    /// Asks whether an attempt may begin. What was asked before is no answer: minutes may have passed.
    async fn ask(&self, step: &Step) -> Result<(), StepFailure> {
        match self.authority.ask(Certainty::needed_for(step)).await {
            Ruling::Granted => Ok(()),
            Ruling::Unconfirmed(why) => Err(StepFailure::Unconfirmed(why)),
            Ruling::Revoked => Err(StepFailure::Revoked),
        }
    }

    /// Retries while other sessions hold locks that the step needs, until the retry timeout is over.
    async fn attempt_until_done(
        &mut self,
        step: &Step,
        progress: &mut dyn Progress,
    ) -> Result<(), StepFailure> {
        if let Some(error) = self.slow.recent_failure(step, self.timeouts.lock_timeout) {
            return Err(error.into());
        }
        let script = sql::render(step, self.owner, self.timeouts);
        let mut in_one_snapshot = false;
        let mut pause = PAUSES.0;
        loop {
            let started = Instant::now();
            if let Err(refusal) = self.ask(step).await {
                if in_one_snapshot {
                    self.recover("ROLLBACK").await;
                }
                return Err(refusal);
            }
            let attempted = Instant::now();
            let Err(error) = self.attempt(step, &script, in_one_snapshot).await else {
                return Ok(());
            };
            let blocked = attempted.elapsed();
            if let Some(too_slow) = self.too_slow(step, &error, blocked) {
                return Err(too_slow.into());
            }
            // An autocommit step can have done a part: only a new plan, made from the catalog, can continue it.
            let can_repeat = script.mode != TransactionMode::Autocommit;
            if !(can_repeat && error.is_busy() && self.waited < self.timeouts.retry_timeout) {
                if in_one_snapshot {
                    self.recover("ROLLBACK").await;
                }
                return Err(error.into());
            }
            if script.mode == TransactionMode::OneSnapshot && !in_one_snapshot {
                self.begin_one_snapshot().await?;
                in_one_snapshot = true;
            }
            progress.retried(step, &error);
            // Interrupted: a pause holds no lock, and the attempt before it was rolled back.
            // Sessions that queued behind the attempt get as long to run as it blocked them, up to a limit.
            let pause_now =
                pause.mul_f64(0.5 + fastrand::f64()).max(blocked).min(MAX_RETRY_INTERVAL);
            tokio::time::sleep(pause_now).await;
            pause = (pause * 2).min(PAUSES.1);
            self.waited += started.elapsed();
        }
    }

    /// The error of a step that ran out of time by its own work; `None` if it may have waited for another session,
    /// which ends as `lock_not_available`, or if a person canceled it. Such a step is not repeated: it would only
    /// block the table again.
    fn too_slow(
        &self,
        step: &Step,
        error: &DatabaseError,
        took: Duration,
    ) -> Option<DatabaseError> {
        let given = sql::statement_time(step, self.timeouts)
            .filter(|_| step.facts().effort == Effort::UnderLock)?;
        let is_over = error.is_canceled() && took >= given.mul_f64(0.9);
        let error = is_over.then(|| error.clone().too_slow(step.too_slow(given)))?;
        self.slow.record(step, self.timeouts.lock_timeout, &error);
        Some(error)
    }

    /// As long as no session has got a transaction number since this snapshot, every newer snapshot is as old, and
    /// the next number would be assigned to this transaction at its first lock. So another connection consumes one
    /// before.
    async fn begin_one_snapshot(&self) -> Result<(), DatabaseError> {
        if let Err(error) = self.send(BEGIN_ONE_SNAPSHOT, DEADLINE_MARGIN).await {
            // The transaction may have begun: what follows must not run in it.
            self.recover("ROLLBACK").await;
            return Err(error);
        }
        if let Err(error) = self.lock.session().consume_transaction_id().await {
            tracing::debug!(%error, "could not open a second connection; the detach can take longer to finalize");
        }
        Ok(())
    }

    async fn attempt(
        &self,
        step: &Step,
        script: &Script,
        in_one_snapshot: bool,
    ) -> Result<(), DatabaseError> {
        let longest = if step.facts().effort == Effort::Long {
            MAX_STATEMENT_TIME
        } else {
            self.timeouts.lock_timeout * 4
        };
        let deadline = longest + DEADLINE_MARGIN;
        let statements = script.to_sql();
        let texts: Vec<_> = statements.iter().map(Sql::as_str).collect();
        match script.mode {
            TransactionMode::OneSnapshot if in_one_snapshot => {
                // Interrupted: the server rolls back the transaction; the detach stays pending, and the next run
                // finalizes it. If only the answer to COMMIT is lost, the next run finds it finalized.
                let result = self.send(&format!("{}; COMMIT", texts.join("; ")), deadline).await;
                if result.is_err() {
                    self.recover("ROLLBACK TO SAVEPOINT tried").await;
                }
                result
            }
            TransactionMode::InTransaction | TransactionMode::OneSnapshot => {
                // One message: the operator does not pause between a lock and its release.
                // Interrupted: the step is all or nothing. If only the answer is lost, the next run finds all of it.
                let text = format!("BEGIN; {}; COMMIT", texts.join("; "));
                let result = self.send(&text, deadline).await;
                if result.is_err() {
                    self.recover("ROLLBACK").await;
                }
                result
            }
            TransactionMode::Autocommit => {
                for text in texts {
                    // Interrupted: the statements before this one stay done, and this one can leave a pending detach or
                    // an invalid index. The settings go with the session.
                    if let Err(error) = self.send(text, deadline).await {
                        self.recover("RESET ROLE; RESET lock_timeout; RESET statement_timeout")
                            .await;
                        return Err(error);
                    }
                }
                Ok(())
            }
        }
    }

    /// Brings the session back to what it was. Where that fails it is lost, as the next statement
    /// will say.
    async fn recover(&self, text: &str) {
        drop(self.send(text, DEADLINE_MARGIN).await);
    }
}
