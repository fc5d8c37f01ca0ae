//! `docs/reference` has a heading for each step, blocker and reason, written by the code itself.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure reference` writes them anew.

use std::fmt::Write as _;
use std::time::Duration;

use pg_partition_operator::api::{ConditionType, Reason, ResolvedBy};
use pg_partition_operator::plan::{Blocker, Risk, Rule, SafetyRule, Step, TransactionMode};
use pg_partition_operator::sql::{Timeouts, render};
use pg_partition_operator::status::resolved_by;

use crate::generated::expect_file;
use crate::world::identifier;
use crate::{samples, source};

const STEPS: &str = "# Steps

What a plan consists of. Each step is a transaction of its own, or statements that Postgres wants outside of one; none holds a lock
that an application waits for longer than `limits.lockTimeout`, and what takes long holds no such lock. The SQL shows a table
`shop.orders` by month, which the role `shop_owner` owns. This page is written by the code: `PGPARTITION_UPDATE=1 cargo test --test pure reference`.
";

const RULES: &str = "
# Rules

The rules that plan the steps, in the order in which they are asked. `plan -o json` names the rule of each step, and of what is held back.

| rule | what it does |
|---|---|
";

const BLOCKERS: &str = "# Blockers

Why something that is wanted is held back. A blocker holds up nothing else: all other steps are done. It is the word after
*held back* in `plan`, and the label `blocker` of `pgpartition_plan_deferred`. This page is written by the code:
`PGPARTITION_UPDATE=1 cargo test --test pure reference`.
";

const CONDITIONS: &str = "# Conditions

What `status.conditions` says of a resource. `Ready` is always there; `Reconciling` and `Stalled` only while they are true. The
reasons are also those of events and logs. This page is written by the code:
`PGPARTITION_UPDATE=1 cargo test --test pure reference`.
";

#[test]
fn every_step_has_its_heading() {
    let declared = source::variants(&source::file("plan/step/mod.rs"), "Step");
    let steps = samples::steps();
    let mut shown: Vec<_> = steps.iter().map(source::kind_of).collect();
    shown.dedup();
    assert_eq!(names(&declared), shown);
    let mut page = STEPS.to_owned();
    let markings = source::variants(&source::file("plan/step/record.rs"), "Marking");
    for step in &steps {
        // A marking has a verb of its own, and so words of its own.
        let (declared, name) = match step {
            Step::MarkPartitions(mark) => (&markings, word(&mark.marking)),
            step => (&declared, source::kind_of(step)),
        };
        let words = declared.iter().find(|(found, _)| *found == name);
        page.push_str(&section(step, words.map_or("", |(_, words)| words)));
    }
    page.push_str(&rules());
    expect_file("docs/reference/steps.md", &page);
}

fn rules() -> String {
    let declared = source::documented(&source::file("plan/rules/mod.rs"), "rules! {");
    assert_eq!(names(&declared), Rule::ALL.iter().map(word).collect::<Vec<_>>());
    let row = |(rule, (_, words)): (&Rule, &(String, String))| {
        format!("| `{}` | {words} |\n", rule.name())
    };
    RULES.to_owned() + &Rule::ALL.iter().zip(&declared).map(row).collect::<String>()
}

#[test]
fn every_blocker_has_its_heading() {
    let declared = source::variants(&source::file("plan/blocker/mod.rs"), "Blocker");
    let blockers = samples::blockers();
    let named: Vec<_> = blockers.iter().map(|blocker| blocker.name().to_owned()).collect();
    assert_eq!(names(&declared), named);
    let mut page = BLOCKERS.to_owned();
    for (blocker, (name, words)) in blockers.iter().zip(&declared) {
        let waits = waits(blocker);
        let example = blocker.explain();
        let text = format!("\n## {name}\n\n{words} {waits}\n\n> {example}\n");
        page.push_str(&text);
    }
    expect_file("docs/reference/blockers.md", &page);
}

const SAFETY_RULES: &str = "# Safety rules

The checker holds every step of every plan against these rules before it is executed, and computes by itself what has expired and which grace period is
over. A plan that violates a rule is a fault of the operator: it is not executed, and the message names the rule. This page is written by the code:
`PGPARTITION_UPDATE=1 cargo test --test pure reference`.
";

#[test]
fn every_safety_rule_has_its_heading() {
    let mut page = SAFETY_RULES.to_owned();
    for rule in SafetyRule::ALL {
        page.push_str(&format!("\n## {}\n\n{}\n", rule.name(), rule.sentence()));
    }
    expect_file("docs/reference/safety-rules.md", &page);
}

#[test]
fn every_condition_and_reason_has_its_heading() {
    let declared = source::variants(&source::file("api/conditions.rs"), "ConditionType");
    let types: Vec<_> = ConditionType::ALL.iter().map(|of| of.as_str().to_owned()).collect();
    assert_eq!(names(&declared), types);
    let mut page = CONDITIONS.to_owned();
    for (name, words) in &declared {
        page.push_str(&format!("\n## {name}\n\n{words}\n"));
    }
    page.push_str("\n# Reasons\n");
    for reason in Reason::ALL {
        page.push_str(&format!("\n## {reason}\n\n{}\n", reason.describe()));
    }
    expect_file("docs/reference/conditions.md", &page);
}

fn names(declared: &[(String, String)]) -> Vec<String> {
    declared.iter().map(|(name, _)| name.clone()).collect()
}

fn word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn section(step: &Step, words: &str) -> String {
    let mut text = format!("\n## {}\n\n{words}\n\n| | |\n|---|---|\n", step.verb());
    let locks: Vec<_> = step
        .locks()
        .into_iter()
        .map(|(relation, mode)| format!("{} on `{}`", mode.as_str(), relation.name.shown()))
        .collect();
    for (what, how) in [
        ("locks", locks.join(", ")),
        ("sent", mode(step).to_owned()),
        ("risk", risk(step).to_owned()),
        ("undo", step.facts().undo.to_owned()),
        ("if interrupted", step.facts().if_interrupted.to_owned()),
    ] {
        writeln!(text, "| {what} | {how} |").expect("writing to a String cannot fail");
    }
    let (lock_timeout, patience) = (Duration::from_secs(1), Duration::from_mins(10));
    text.push_str("\n```sql\n");
    let script = render(step, &identifier("shop_owner"), Timeouts { lock_timeout, patience });
    for statement in script.to_sql() {
        writeln!(text, "{};", statement.as_str()).expect("writing to a String cannot fail");
    }
    text + "```\n"
}

fn mode(step: &Step) -> &'static str {
    match step.mode() {
        TransactionMode::InTransaction => "as one transaction",
        TransactionMode::OneSnapshot => {
            "as one transaction, in which it is tried again while others hold it up"
        }
        TransactionMode::Autocommit => "one by one, outside of a transaction",
    }
}

fn risk(step: &Step) -> &'static str {
    match step.risk() {
        Risk::None if matches!(step, Step::DetachPartition(_) | Step::FinalizeDetach(_)) => {
            "small: only statements that name the partition can wait, `lockTimeout` at most"
        }
        Risk::None => "none: no application waits",
        Risk::DelaysWrites => "writes may wait, at most `lockTimeout`",
        Risk::DelaysReadsAndWrites => "reads and writes may wait, at most `lockTimeout`",
    }
}

fn waits(blocker: &Blocker) -> &'static str {
    match resolved_by(blocker) {
        ResolvedBy::Time => "It goes with time.",
        ResolvedBy::OtherSessions => "It goes when others have finished.",
        ResolvedBy::User => "It waits for a person.",
    }
}
