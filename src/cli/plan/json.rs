//! A plan for programs.

use serde_json::{Value, json};

use crate::api::ResolvedBy;
use crate::cli::output::note_for_programs;
use crate::partition::Identifier;
use crate::plan::{Deferral, Plan, PlannedStep, PlannedWork, Risk, Step, TransactionMode};
use crate::sql;
use crate::status::resolved_by;

pub(super) fn plan(plan: &Plan, timeouts: sql::Timeouts) -> Value {
    let owner = plan.owner.as_ref();
    json!({
        "table": plan.table.display(),
        "fingerprint": plan.fingerprint,
        "steps": plan.steps.iter().map(|planned| step(planned, owner, timeouts)).collect::<Vec<_>>(),
        "work": plan.work.as_ref().map(work),
        "deferred": plan.deferred.iter().map(deferral).collect::<Vec<_>>(),
        "notes": plan.notes.iter().map(note_for_programs).collect::<Vec<_>>(),
    })
}

fn step(planned: &PlannedStep, owner: Option<&Identifier>, timeouts: sql::Timeouts) -> Value {
    let step = &planned.step;
    let locks: Vec<_> = step
        .locks()
        .into_iter()
        .map(|(relation, mode)| json!({ "relation": relation.display(), "mode": mode.as_str() }))
        .collect();
    let script = owner.map(|owner| sql::render(step, owner, timeouts));
    let statements = script.iter().flat_map(sql::Script::to_sql);
    json!({
        "step": step.verb(),
        "subject": step.subject().display(),
        "detail": step.detail(),
        "rule": planned.rule.name(),
        "cause": planned.cause.explain(),
        "locks": locks,
        "transaction": match step.mode() {
            TransactionMode::InTransaction | TransactionMode::OneSnapshot => true,
            TransactionMode::Autocommit => false,
        },
        "risk": match step.risk() {
            Risk::None => "None",
            Risk::DelaysWrites => "DelaysWrites",
            Risk::DelaysReadsAndWrites => "DelaysReadsAndWrites",
        },
        "undo": step.facts().undo,
        "sql": statements.map(|sql| sql.as_str().to_owned()).collect::<Vec<_>>(),
    })
}

fn work(planned: &PlannedWork) -> Value {
    let work = &planned.work;
    let (rows, estimated) = work.rows();
    let locks = work.locks();
    let locks = locks.iter();
    let locks = locks.map(|(on, mode)| json!({ "relation": on.display(), "mode": mode.as_str() }));
    json!({
        "verb": work.verb(),
        "source": work.table().source.display(),
        "copy": work.table().copy.display(),
        "rows": rows,
        "estimated": estimated,
        "rule": planned.rule.name(),
        "cause": planned.cause.explain(),
        "locks": locks.collect::<Vec<_>>(),
        "ifInterrupted": work.if_interrupted(),
    })
}

fn deferral(deferral: &Deferral) -> Value {
    json!({
        "step": deferral.step.as_ref().map(Step::verb),
        "subject": deferral.step.as_ref().map(|step| step.subject().display()),
        "rule": deferral.rule.name(),
        "blocker": deferral.blocker.name(),
        "message": deferral.blocker.explain(),
        "resolvedBy": match resolved_by(&deferral.blocker) {
            ResolvedBy::Time => "Time",
            ResolvedBy::OtherSessions => "OtherSessions",
            ResolvedBy::User => "User",
        },
    })
}
