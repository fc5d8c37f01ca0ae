//! `docs/reference` has a heading for each blocker, safety rule, and reason, generated from the code.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure reference` writes the pages again.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pg_partition_operator::api::{ConditionType, Reason, ResolvedBy};
use pg_partition_operator::plan::{Blocker, ConversionBlocker, IndexBlocker, SafetyRule};
use pg_partition_operator::sql::{CLAIMS, CONVERSIONS};
use pg_partition_operator::status::{reason_for, resolved_by};

use crate::generated::expect_file;
use crate::{samples, source};

const BLOCKERS: &str = "# Blockers

A blocker is the reason why a step is deferred. Most blockers defer one step, and the operator executes all other steps. A blocker of the whole table,
such as `NotOwner`, defers the whole plan. The output of `plan` shows blockers in lines that begin with *deferred*. The metric `pgpartition_plan_deferred` has the label `blocker`.

Each entry shows an example of the message, the reason of the condition, and the pages that help. In the examples, `alice` owns the table, and the login of the operator is `partition_operator`. The [glossary](glossary.md) explains the words.

Each entry says what resolves the blocker: *Time resolves it* (the operator continues by itself), *It resolves when other transactions end*, or *Manual action is needed*. With a blocker of the last two kinds, the table
is not `Ready`. If it is not `Ready` for six hours, the alert [PgPartitionLastSuccessTooOld](../runbooks/PgPartitionLastSuccessTooOld.md) fires, in addition to any other alert. A test writes this page: `PGPARTITION_UPDATE=1 cargo test --test pure reference`.

| group | blockers |
|---|---|
";

const CONDITIONS: &str = "# Conditions

This page lists the types of the conditions in `status.conditions` of a resource, and their [reasons](#reasons). Events and logs have the same reasons. A test writes this page:
`PGPARTITION_UPDATE=1 cargo test --test pure reference`.

## Types

`Ready` is always present. `Reconciling` and `Stalled` are present only while they are true.
";

/// Names of all blockers below their headings, with the words of their doc comments.
fn blockers() -> Vec<(String, Vec<(String, String)>)> {
    let of = |file: &str, name| {
        source::variants(&source::file(&format!("plan/blocker/{file}.rs")), name)
    };
    let declared = of("mod", "Blocker");
    let variants = |name: String| match name.as_str() {
        "Conversion" => of("conversion", "ConversionBlocker"),
        "Default" => of("default", "DefaultBlocker"),
        "Index" => of("index", "IndexBlocker"),
        "Preflight" => source::variants(&source::file("plan/conversion/refusal.rs"), "Refusal"),
        _ => declared.iter().filter(|(declared, _)| *declared == name).cloned().collect(),
    };
    let groups = source::groups(&source::file("plan/blocker/mod.rs"), "pub enum Blocker {");
    let flat = |(heading, names): (String, Vec<String>)| {
        (heading, names.into_iter().flat_map(variants).collect())
    };
    groups.into_iter().map(flat).collect()
}

#[test]
fn every_blocker_has_its_heading() {
    let declared = blockers();
    let blockers = samples::blockers();
    let named: Vec<_> = blockers.iter().map(|blocker| blocker.name().to_owned()).collect();
    let all: Vec<_> = declared.iter().flat_map(|(_, variants)| names(variants)).collect();
    assert_eq!(all, named);
    let (mut page, mut entries) = (BLOCKERS.to_owned(), String::new());
    let mut examples = blockers.iter();
    for (heading, variants) in &declared {
        page.push_str(&overview(heading, &names(variants)));
        writeln!(entries, "\n## {heading}").expect("a String");
        for ((name, words), blocker) in variants.iter().zip(examples.by_ref()) {
            entries.push_str(&entry(name, words, blocker));
        }
    }
    expect_file("docs/reference/blockers.md", &(page + &entries));
}

/// A row with links to a heading and to the entries below it.
fn overview(heading: &str, names: &[String]) -> String {
    let links: Vec<_> =
        names.iter().map(|name| format!("[`{name}`](#{})", name.to_lowercase())).collect();
    let anchor = heading.to_lowercase().replace(' ', "-");
    format!("| [{heading}](#{anchor}) | {} |\n", links.join(", "))
}

fn entry(name: &str, words: &str, blocker: &Blocker) -> String {
    let waits = resolution(blocker);
    let (example, reason) = (blocker.explain(), reason_for(blocker).as_str());
    let anchor = reason.to_lowercase();
    let help: Vec<_> = help(blocker).iter().map(|page| link(page)).collect();
    let help = help.join(", ");
    format!(
        "\n### {name}\n\n{words} {waits}\n\n> {example}\n\nReason: [`{reason}`](conditions.md#{anchor}). Help: {help}.\n"
    )
}

/// A link from `docs/reference` to a page of `docs`, with the title of the page for a text.
fn link(page: &str) -> String {
    let path = source::root().join("docs").join(page.split('#').next().unwrap_or_default());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a title");
    format!("[{title}](../{page})")
}

/// Pages that help a user with a blocker. A runbook among them belongs to the first alert that the blocker raises.
fn help(blocker: &Blocker) -> &'static [&'static str] {
    match blocker {
        Blocker::TableNotFound { .. } | Blocker::NotPartitioned { .. } => &["quick-start.md"],
        Blocker::Preflight { .. } => &["reference/preflight.md"],
        Blocker::Conversion(
            ConversionBlocker::ParityFailed { .. } | ConversionBlocker::TooManyDiffer { .. },
        ) => &["runbooks/PgPartitionParityDiffers.md", "reference/resource.md#specconversion"],
        Blocker::Conversion(ConversionBlocker::SwapBlocked { .. }) => {
            &["runbooks/PgPartitionSwapBlocked.md", "how-to/convert-a-table.md#4-cut-over"]
        }
        Blocker::Conversion(
            ConversionBlocker::SourceDiffers { .. }
            | ConversionBlocker::RollbackImpossible { .. }
            | ConversionBlocker::RollbackNeedsApproval { .. },
        ) => &["how-to/convert-a-table.md#5-roll-back"],
        Blocker::Conversion(ConversionBlocker::SourceInGracePeriod { .. }) => &[DROP_SOURCE],
        Blocker::Conversion(ConversionBlocker::SourceInUse { .. }) => {
            &["runbooks/PgPartitionSourceKept.md", DROP_SOURCE]
        }
        Blocker::Conversion(
            ConversionBlocker::CannotRoute { .. } | ConversionBlocker::RoleNotRoutable { .. },
        ) => &["how-to/route-roles.md", "reference/privileges.md#privileges-of-routing"],
        Blocker::Conversion(_) => &["reference/resource.md#specconversion"],
        Blocker::PartitionKeyMismatch { .. } => &["how-to/change-an-interval.md"],
        Blocker::HashPartitionsMismatch { .. } => &[NO_COVERAGE, "how-to/change-an-interval.md"],
        Blocker::UnsupportedKeyType { .. }
        | Blocker::IntervalTooFine { .. }
        | Blocker::UnknownTimeZone { .. }
        | Blocker::PeriodOutOfRange => &["reference/resource.md#specpartitionbyrange"],
        Blocker::TooManyPeriods { .. } => &[NO_COVERAGE, "operate/sizing.md"],
        Blocker::NotOwner { .. } | Blocker::MissingCreatePrivilege { .. } => {
            &[UNREACHABLE, "reference/privileges.md"]
        }
        Blocker::ReadOnlyReplica | Blocker::ReadOnly | Blocker::UnsupportedServer { .. } => {
            &[UNREACHABLE]
        }
        Blocker::Default(_) => &[DEFAULT_ROWS, "concepts/default-partition.md"],
        Blocker::DetachBlocked { .. } | Blocker::AnotherDetachPending { .. } => {
            &["runbooks/PgPartitionDetachPending.md"]
        }
        Blocker::AwaitingApproval { .. } => {
            &["runbooks/PgPartitionAwaitingApproval.md", "how-to/approve-a-plan.md"]
        }
        Blocker::DropNeedsApproval { .. } => {
            &[RETENTION_BEHIND, "how-to/approve-a-plan.md#approve-dropping-tables-that-were-kept"]
        }
        Blocker::ClockSkew { .. }
        | Blocker::PartitionReferenced { .. }
        | Blocker::ReferencesUnknown { .. }
        | Blocker::LastPartition { .. }
        | Blocker::DetachedHasPartitions { .. }
        | Blocker::HasDependents { .. } => &[RETENTION_BEHIND],
        Blocker::NotOwnerOfPartition { .. } => &[RETENTION_BEHIND, "reference/privileges.md"],
        Blocker::InGracePeriod { .. } => &["concepts/retention.md"],
        Blocker::CannotReattach { .. } => {
            &[NO_COVERAGE, "how-to/recover.md#reattach-a-partition-that-was-detached-by-mistake"]
        }
        Blocker::UnattachedTable { .. } => &[NO_COVERAGE, "how-to/recover.md#restore-a-database"],
        Blocker::Index(
            IndexBlocker::ColumnNotFound { .. } | IndexBlocker::ConditionUnclear { .. },
        ) => &["reference/resource.md#specindexes"],
        Blocker::Index(
            IndexBlocker::IndexNameTaken { .. }
            | IndexBlocker::IndexSupportsConstraint { .. }
            | IndexBlocker::IndexBuilding { .. }
            | IndexBlocker::CannotBuildConcurrently { .. },
        ) => &["concepts/partitions.md#indexes"],
    }
}

const DROP_SOURCE: &str = "how-to/convert-a-table.md#6-drop-the-plain-table";
const NO_COVERAGE: &str = "runbooks/PgPartitionNoCoverage.md";
const DEFAULT_ROWS: &str = "runbooks/PgPartitionDefaultRows.md";
const RETENTION_BEHIND: &str = "runbooks/PgPartitionRetentionBehind.md";
const UNREACHABLE: &str = "runbooks/PgPartitionUnreachable.md";

#[test]
fn blockers_and_runbooks_link_to_each_other() {
    let (mut helped, mut named) = (BTreeSet::new(), BTreeSet::new());
    for blocker in samples::blockers() {
        for page in help(&blocker).iter().filter_map(|page| page.strip_prefix("runbooks/")) {
            helped.insert((page.to_owned(), blocker.name().to_lowercase()));
        }
    }
    let runbooks = std::fs::read_dir(source::root().join("docs/runbooks")).expect("a folder");
    for runbook in runbooks.map(|entry| entry.expect("a page").path()) {
        let text = std::fs::read_to_string(&runbook).expect("a page is text");
        let page = runbook.file_name().expect("a name").to_string_lossy().into_owned();
        for rest in text.split("blockers.md#").skip(1) {
            let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            named.insert((page.clone(), name));
        }
    }
    assert_eq!(named, helped, "blockers that runbooks name, and pages of blockers");
}

const SAFETY_RULES: &str = "# Safety rules

Before the operator executes a plan, the checker compares every step with these rules, and computes independently what has expired and which grace period is
over. A plan that violates a rule is a bug of the operator: the operator does not execute it, and the message names the rule.

The last line of each rule lists the [steps](steps.md) and the work that the checker compares with it. A test writes this page:
`PGPARTITION_UPDATE=1 cargo test --test pure reference`.

| group | rules |
|---|---|
";

#[test]
fn every_safety_rule_has_its_heading() {
    let evaluated = std::fs::read_to_string(source::root().join(EVALUATED)).expect("a file");
    let evaluated: Vec<_> = evaluated.lines().filter_map(|line| line.split_once(": ")).collect();
    let (mut page, mut entries) = (SAFETY_RULES.to_owned(), String::new());
    let groups = source::groups(&source::file("plan/check/rule.rs"), "rules! {");
    let mut rules = SafetyRule::ALL.iter();
    for (heading, names) in groups {
        page.push_str(&overview(&heading, &names));
        writeln!(entries, "\n## {heading}").expect("a String");
        for (name, rule) in names.iter().zip(rules.by_ref()) {
            assert_eq!(name, rule.name());
            let (_, steps) = evaluated.iter().find(|(rule, _)| rule == name).expect("a line");
            let sentence = rule.sentence();
            writeln!(entries, "\n### {name}\n\n{sentence}\n\nSteps: {steps}.").expect("a String");
        }
    }
    assert_eq!(rules.next(), None, "each rule is below a heading");
    expect_file("docs/reference/safety-rules.md", &(page + &entries));
}

/// The steps for which each rule is evaluated, which another test writes.
const EVALUATED: &str = "tests/pure/safety_rules/evaluated.txt";

#[test]
fn every_condition_and_reason_has_its_heading() {
    let file = source::file("api/conditions.rs");
    let declared = source::variants(&file, "ConditionType");
    let types: Vec<_> = ConditionType::ALL.iter().map(|of| of.as_str().to_owned()).collect();
    assert_eq!(names(&declared), types);
    let mut page = CONDITIONS.to_owned();
    for (name, words) in &declared {
        write!(page, "\n### {name}\n\n{words}\n").expect("a String");
    }
    page.push_str("\n## Reasons\n");
    let mut reasons = Reason::ALL.iter();
    for (heading, names) in source::groups(&file, "reasons! {") {
        write!(page, "\n### {heading}\n").expect("a String");
        for (name, reason) in names.iter().zip(reasons.by_ref()) {
            assert_eq!(name, reason.as_str());
            write!(page, "\n#### {name}\n\n{}\n", reason.describe()).expect("a String");
        }
    }
    assert_eq!(reasons.next(), None, "each reason is below a heading");
    expect_file("docs/reference/conditions.md", &page);
}

fn names(declared: &[(String, String)]) -> Vec<String> {
    declared.iter().map(|(name, _)| name.clone()).collect()
}

pub(crate) fn word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn resolution(blocker: &Blocker) -> &'static str {
    match resolved_by(blocker) {
        ResolvedBy::Time => "Time resolves it.",
        ResolvedBy::OtherSessions => "It resolves when other transactions end.",
        ResolvedBy::User => "Manual action is needed.",
    }
}

/// Fields that the API server does not let a user change: a remedy must name another resource.
const IMMUTABLE: [&str; 6] =
    ["spec.schema", "spec.table", "timeZone", "hash.partitions", "partition by", "other columns"];

#[test]
fn no_remedy_changes_an_immutable_field() {
    let texts = samples::blockers().into_iter().map(|blocker| {
        let text = blocker.explain();
        text.split_once(": ").map_or(text.clone(), |(_, remedy)| remedy.to_owned())
    });
    for remedy in texts.chain(Reason::ALL.iter().map(|reason| reason.describe().to_owned())) {
        let asks = IMMUTABLE.iter().any(|field| remedy.contains(field));
        assert!(!asks || remedy.contains("resource"), "the API server rejects this: {remedy}");
    }
}

#[test]
fn tables_of_records_on_the_page_of_privileges_have_all_columns() {
    let page = std::fs::read_to_string(source::root().join("docs/reference/privileges.md"));
    let page = page.expect("a page").split_whitespace().collect::<Vec<_>>().join(" ");
    for table in [&CLAIMS, &CONVERSIONS] {
        let start = format!("CREATE TABLE pgpartition.{} ( ", table.name);
        let (_, rest) = page.split_once(&start).expect("the page creates the table");
        let (body, _) = rest.split_once(" );").expect("an end");
        let shown: BTreeSet<_> = body.split(", ").map(str::to_owned).collect();
        for column in table.versions.iter().copied().flatten() {
            let definition = format!("{} {}", column.name, column.definition);
            assert!(shown.contains(&definition), "{} lacks {definition}", table.name);
        }
    }
}
