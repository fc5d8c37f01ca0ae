//! A plan for psql.

use crate::plan::{Plan, TransactionMode};
use crate::sql::{self, Sql, Timeouts};

/// The statements of a plan, with a comment on each step.
pub(super) fn text(plan: &Plan, timeouts: Timeouts) -> String {
    let mut text = String::new();
    for line in plan.to_string().lines() {
        text.push_str(&format!("-- {line}\n"));
    }
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
