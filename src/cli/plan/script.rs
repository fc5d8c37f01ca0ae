//! A plan for psql.

use crate::plan::{Plan, TransactionMode};
use crate::sql::{self, Sql, Timeouts};

/// The statements of a plan, with a comment on each step.
pub(super) fn text(plan: &Plan, timeouts: Timeouts) -> String {
    let mut text = String::new();
    for line in plan.to_string().lines() {
        text.push_str(&format!("-- {line}\n"));
    }
    text.push_str(&steps(plan, timeouts));
    if let Some(planned) = &plan.work {
        text.push_str(&format!("\n-- {}\n{NO_WORK}", planned.line()));
    }
    text
}

/// psql cannot repeat a message until its answer says that it was the last, with more or fewer rows as time goes. A `DO`
/// that commits could not call the functions of the owner: it would act as the owner itself, where code of the owner can
/// change the role.
const NO_WORK: &str =
    "-- This script does not do that: each page is a transaction that the program sizes by time, and that records how far it
-- got. Run pg-partition-operator apply, which goes on where it was interrupted.
";

fn steps(plan: &Plan, timeouts: Timeouts) -> String {
    let mut text = String::new();
    let Some(owner) = plan.owner.as_ref().filter(|_| !plan.steps.is_empty()) else { return text };
    for setting in sql::pin_settings() {
        text.push_str(&format!("{};\n", setting.as_str()));
    }
    for planned in &plan.steps {
        text.push_str(&format!("\n-- {}\n", planned.line()));
        let script = sql::render(&planned.step, owner, timeouts);
        let statements = script.to_sql();
        let statements: Vec<_> = statements.iter().map(Sql::as_str).collect();
        let statements = format!("{};\n", statements.join(";\n"));
        match script.mode {
            TransactionMode::InTransaction => {
                text.push_str(&format!("BEGIN;\n{statements}COMMIT;\n"));
            }
            TransactionMode::OneSnapshot => text.push_str(&format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ;\n{statements}COMMIT;\n"
            )),
            TransactionMode::Autocommit => text.push_str(&statements),
        }
    }
    text
}
