//! `docs/reference/steps.md` has a heading for each step, and `conversion-steps.sql` the whole SQL of the steps of a conversion.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure reference_steps` writes both again.

use std::fmt::Write as _;
use std::time::Duration;

use pg_partition_operator::partition::{LockMode, QualifiedName};
use pg_partition_operator::plan::{Family, Risk, Step, StepKind, TransactionMode};
use pg_partition_operator::sql::{Timeouts, render};

use crate::catalog::identifier;
use crate::generated::expect_file;
use crate::reference::word;
use crate::{samples, source};

const INTRODUCTION: &str = "# Steps

The steps of a [plan](plan.md) change tables. The statements of a step are one transaction, or the operator sends them one by one. No step makes an application wait for longer
than `limits.lockTimeout`. A step that takes long holds no lock that applications wait for. A
[rule](plan.md#rules) plans each step.

This table lists all steps. The sections after it show the facts and the SQL of each step, for a table `shop.orders` with monthly partitions that the
role `shop_owner` owns. The table `orders` has foreign keys to `customers` and `orgs`, the table `lines` has a foreign key to `orders`, and `open_orders` is a view of `orders`. The SQL is that of a sample:
it shows all statements that a step can have, also some that exclude each other. A real step has only those that it needs, and does not lock tables that it does not need, such as a default partition. The publication `orders_feed` names the partition `orders_2026_12`, and a user has written a comment on it.
*Who waits* names the statements of applications that can wait for the step. The locks are those on tables. `attach-index` also locks the
partition index in ACCESS EXCLUSIVE mode, and each statement that reads or writes the partition waits for that.

A test writes this page: `PGPARTITION_UPDATE=1 cargo test --test pure reference_steps`.
`tests/postgres/locks.rs::step_takes_the_locks_it_declares` reads the locks from `pg_locks` on every supported major version.

| step | effect | locks | who waits |
|---|---|---|---|
";

const PARTITIONS: &str = "
## Timeouts

The SQL is for `limits.lockTimeout: 1s`. A step uses 95 % of it (950 ms), so that waiting sessions can continue in time. If several statements of a step can wait for locks, they share this time: each of two has 475 ms. A statement that works
under its locks waits for them for less than half of its share (446 or 223 ms), so that time remains for the work. `swap`, `attach-source`, and `detach-source` wait for a lock for at most 100 ms. `create` has a `statement_timeout` of at least 1 s, because
no application waits for it. `statement_timeout = 0` means no limit.

`build-index` and `drop-index`, and `analyze` in a conversion, run outside of a transaction, and no application waits for them. They wait for a lock for up to 20 times the retry timeout. In the SQL that `plan` prints,
as here, the retry timeout is 10 minutes, so their `lock_timeout` is 200 minutes (`12000000ms`). In the operator it is 30 seconds, so they wait up to 10 minutes.

## Steps of partitions
";

const CONVERSION: &str = "
## Steps of a conversion

A plain table `shop.orders` is converted here. Its copy is `shop.orders_partitioned`; after the cutover, the plain table is `shop.orders_source`. The SQL is
an outline: a comment says what a long statement does. [conversion-steps.sql](conversion-steps.sql) has all statements in full. The sample of `swap` is a cutover; to undo a rollback, set `serveFrom` to
`Partitioned`. In the samples of `route` and `unroute`, `shop_owner` also owns the view, and `reporting` is the routed role.
";

/// Long statements of a conversion: a part of the statement, and a comment about its effect.
const LONG: &[(&str, &str)] = &[
    (
        "CREATE OR REPLACE PROCEDURE",
        "Creates the procedure that executes the next block as the owner, if it is missing.",
    ),
    (
        "$records$ DECLARE",
        "Creates pgpartition.conversions if it is missing, checks that it can be trusted, and adds missing columns.",
    ),
    ("uses it''", "Fails if another trigger uses a function of these names."),
    (
        "VALUES ('shop', 'orders', clock_timestamp())",
        "Records the time of the cutover or rollback.",
    ),
    ("INSERT INTO pgpartition.conversions", "Records the state of the triggers and functions."),
    (
        "UPDATE pgpartition.conversions",
        "Records the time of the swap, and the state of the triggers and functions.",
    ),
    ("FOR UPDATE NOWAIT", "Locks the record of the conversion, and passes it to the block."),
    ("REVOKE ALL ON FUNCTION", "Revokes the privileges of other roles on the functions."),
    ("DROP FUNCTION %s", "Drops the functions of the triggers."),
    (
        "is not the planned copy",
        "Fails unless this is the planned copy, and no other object needs it.",
    ),
    ("is not the planned source", "Fails unless this is the planned source."),
    (
        "DROP FUNCTION IF EXISTS",
        "Drops the trigger that rejects writes to the copy, and its function.",
    ),
    ("_truncate\"() RETURNS trigger", "Applies TRUNCATE of one table to the other."),
    ("_read_only\"() RETURNS trigger", "Rejects writes to the table that does not serve."),
    ("RETURNS trigger", "Applies each changed row of one table to the other."),
    ("REVOKE ALL ON %s", "Gives the view the privileges to read that the table has."),
    (
        "the search path of the role was changed",
        "Fails if the search path of the role is not the planned one.",
    ),
    ("DROP SCHEMA", "Drops the schema, unless it has other objects."),
    ("COMMENT ON VIEW", "Records the routed roles in the comment of the view."),
];

/// Comments about the blocks that `CALL` executes, by step.
const BLOCKS: &[(&str, &str)] = &[
    (
        "create-copy",
        "Creates the copy with the columns, constraints, privileges, and other properties of the source.",
    ),
    ("follow", "Compares the copy with the source, and changes what differs."),
    ("validate-copy", "Validates each constraint of the copy that is not valid."),
    ("swap", "Locks both tables, checks them, and exchanges their names, objects, and triggers."),
    (
        "attach-source",
        "Locks both tables, checks them, exchanges their names, and attaches the plain table.",
    ),
    (
        "detach-source",
        "Locks both tables, checks them, detaches the plain table, and exchanges their names.",
    ),
];

/// Owner of the tables of the samples.
const OWNER: &str = "shop_owner";

/// A statement of at most this many bytes on one line is shown in full.
const MAX_SHOWN: usize = 260;

#[test]
fn every_step_has_its_heading() {
    let steps = samples::steps_owned_by(OWNER);
    let mut shown: Vec<_> = steps.iter().map(StepKind::from).collect();
    shown.dedup();
    assert_eq!(shown, StepKind::ALL);
    let (mut table, mut sql) = (INTRODUCTION.to_owned(), String::new());
    let (mut partitions, mut conversion) = (PARTITIONS.to_owned(), CONVERSION.to_owned());
    for (step, words) in &with_words(&steps) {
        table.push_str(&row(step, words));
        if is_of_conversion(step) {
            conversion.push_str(&section(step, words));
            writeln!(sql, "-- {}\n{}", step.verb(), statements(step).join("\n")).expect("a String");
        } else {
            partitions.push_str(&section(step, words));
        }
    }
    expect_file("docs/reference/steps.md", &(table + &partitions + &conversion));
    expect_file("docs/reference/conversion-steps.sql", &sql);
}

/// Steps with the words of their doc comments. A marking has a verb of its own, and so words of its own.
fn with_words(steps: &[Step]) -> Vec<(&Step, String)> {
    let declared = source::variants(&source::file("plan/step/mod.rs"), "Step");
    let markings = source::variants(&source::file("plan/step/record.rs"), "MarkAs");
    let words = |step: &Step| {
        let (declared, name) = match step {
            Step::MarkPartitions(mark) => (&markings, word(&mark.mark_as)),
            step => (&declared, StepKind::from(step).name().to_owned()),
        };
        let found = declared.iter().find(|(found, _)| *found == name);
        found.expect("each variant has words").1.clone()
    };
    steps.iter().map(|step| (step, words(step))).collect()
}

fn is_of_conversion(step: &Step) -> bool {
    matches!(step.facts().family, Family::Conversion | Family::Routing)
        || matches!(step, Step::DropBoundsCheck(_))
}

fn row(step: &Step, words: &str) -> String {
    let effect = words.split_inclusive(". ").next().unwrap_or(words).trim_end();
    let verb = step.verb();
    let aside = if matches!(step, Step::DetachPartition(_)) {
        "; reads and writes if the detach [is not concurrent](#detach)"
    } else {
        ""
    };
    format!("| [{verb}](#{verb}) | {effect} | {} | {}{aside} |\n", locks(step), who_waits(step))
}

fn section(step: &Step, words: &str) -> String {
    let aside = if matches!(step, Step::DetachPartition(_)) {
        "\n\nThis is the concurrent detach. Beside a default partition, or if a foreign key references the table, it is \
         the one after the SQL."
    } else {
        ""
    };
    let mut text = format!("\n### {}\n\n{words}{aside}\n\n| | |\n|---|---|\n", step.verb());
    for (what, how) in [
        ("locks", locks(step)),
        ("sent", mode(step).to_owned()),
        ("risk", risk(step)),
        ("undo", step.facts().undo.to_owned()),
        ("if interrupted", step.facts().if_interrupted.to_owned()),
    ] {
        writeln!(text, "| {what} | {how} |").expect("a String");
    }
    let shown = statements(step).into_iter().map(|statement| {
        if is_of_conversion(step) { outline(step, &statement) } else { broken(statement) }
    });
    let mut shown: Vec<_> = shown.collect();
    shown.dedup();
    writeln!(text, "\n```sql\n{}\n```", shown.join("\n")).expect("a String");
    text + &plain_detach(step)
}

/// The other form of a detach.
fn plain_detach(step: &Step) -> String {
    let Step::DetachPartition(detach) = step else { return String::new() };
    let mut plain = detach.clone();
    plain.concurrently = false;
    plain.default = Some(detach.table.sibling(identifier("orders_default")));
    let step = Step::DetachPartition(plain);
    format!(
        "\nIf the table has a default partition, or if a foreign key of another table references it, the detach is not concurrent. It \
         is then one transaction, and {}. Its locks are {}, and ACCESS EXCLUSIVE on each table whose foreign key references \
         the table.\n\n```sql\n{}\n```\n",
        risk(&step),
        locks(&step),
        statements(&step).join("\n")
    )
}

fn statements(step: &Step) -> Vec<String> {
    let (lock_timeout, retry_timeout) = (Duration::from_secs(1), Duration::from_mins(10));
    let script = render(step, &identifier(OWNER), Timeouts { lock_timeout, retry_timeout });
    script.to_sql().iter().map(|statement| format!("{};", statement.as_str())).collect()
}

/// A statement as it is, or with line breaks if it is long.
fn broken(statement: String) -> String {
    if statement.len() <= MAX_SHOWN {
        return statement;
    }
    let parts = [("; ", ";\n  "), (" THEN ", " THEN\n    "), (" AND ", "\n    AND ")];
    parts.into_iter().fold(statement, |text, (end, with_break)| text.replace(end, with_break))
}

/// A statement as it is, or its beginning after a comment that says what it does.
fn outline(step: &Step, statement: &str) -> String {
    if statement.len() <= MAX_SHOWN && !statement.contains('\n') {
        return statement.to_owned();
    }
    let found = if statement.starts_with("CALL ") {
        BLOCKS.iter().find(|(verb, _)| *verb == step.verb())
    } else {
        LONG.iter().find(|(part, _)| statement.contains(part))
    };
    let (_, comment) = found.unwrap_or_else(|| panic!("no comment for: {statement}"));
    let body = if statement.starts_with("CREATE ") {
        statement.find(" AS '").map(|at| at + " AS ".len())
    } else {
        statement.find(['\'', '$', '\n'])
    };
    let body = body.unwrap_or(MAX_SHOWN);
    let start = statement[..body].trim_end_matches(['E', ' ', '(']);
    format!("-- {comment}\n{start} …;")
}

fn locks(step: &Step) -> String {
    let lock = |(relation, mode): (&QualifiedName, LockMode)| {
        format!("{} on `{}`", mode.as_str(), short(relation))
    };
    step.locks().into_iter().map(lock).collect::<Vec<_>>().join(", ")
}

/// Name of a relation, without the schema of the table.
fn short(relation: &QualifiedName) -> String {
    if relation.schema.as_str() == "shop" { relation.name.display() } else { relation.display() }
}

fn mode(step: &Step) -> &'static str {
    match step.mode() {
        TransactionMode::InTransaction => "as one transaction",
        TransactionMode::OneSnapshot => {
            "as one transaction, and the operator retries it while other sessions block it"
        }
        TransactionMode::Autocommit => "one by one, outside of a transaction",
    }
}

/// Relation of which only the statements that name it can wait. A relation that the step creates is not one.
fn named_only(step: &Step) -> Option<&QualifiedName> {
    if matches!(step, Step::CreatePartition(_) | Step::CreateCopy(_)) {
        return None;
    }
    let unseen = step.facts().unseen;
    let is_locked = |(relation, mode): &(&QualifiedName, LockMode)| {
        Some(*relation) == unseen && *mode > LockMode::ShareUpdateExclusive
    };
    step.locks().into_iter().find(is_locked).map(|(relation, _)| relation)
}

fn who_waits(step: &Step) -> String {
    match (step.risk(), named_only(step)) {
        (Risk::None, Some(relation)) => format!("statements that name `{}`", short(relation)),
        (Risk::None, None) => "no statement".to_owned(),
        (Risk::DelaysWrites, _) => "writes".to_owned(),
        (Risk::DelaysReadsAndWrites, _) => "reads and writes".to_owned(),
    }
}

fn risk(step: &Step) -> String {
    let waits = who_waits(step);
    match (step.risk(), named_only(step)) {
        (Risk::None, Some(_)) => format!("small: only {waits} can wait, at most `lockTimeout`"),
        (Risk::None, None) => "none: no application waits".to_owned(),
        _ => format!("{waits} may wait, at most `lockTimeout`"),
    }
}
