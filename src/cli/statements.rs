//! `verify --statements`: which statements of the application would fail or visit every partition.

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::exit::Exit;
use super::output::{self, Format};
use crate::converge::observe;
use crate::desired::DesiredTable;
use crate::observed::{ObservedTable, RelationKind};
use crate::partition::{ManagedTable, escape_control};
use crate::postgres::{Session, Statement, StatementReport, Verdict, judge_statements};

/// Characters of a statement that the text output shows.
const MAX_SHOWN: usize = 160;

/// Names of roles that the text output shows.
const MAX_ROLES: usize = 5;

/// Roles whose statements are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StatementScope {
    /// Statements that the role you log in as has executed
    Own,
    /// Statements of all roles: planning one can run functions of another user with your privileges
    All,
}

/// A table, and what is known of its statements; `None` if it is not partitioned and has no partitioned copy.
type Judged = (ManagedTable, Option<StatementReport>);

/// Judges the statements of each table and prints the findings.
pub(super) async fn verify(
    session: &Session,
    tables: &[DesiredTable],
    scope: StatementScope,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut judged = Vec::new();
    for table in tables {
        let report = judge(session, &table.name, scope).await;
        judged.push((table.name.clone(), report.with_context(|| table.name.display())?));
    }
    match format {
        Format::Text => output::print(&judged.iter().map(text).collect::<String>())?,
        Format::Json => output::print_json(&judged.iter().map(document).collect::<Vec<_>>())?,
    }
    Ok(judged.iter().map(exit).max().unwrap_or(Exit::Done))
}

async fn judge(
    session: &Session,
    table: &ManagedTable,
    scope: StatementScope,
) -> anyhow::Result<Option<StatementReport>> {
    let (_, observed) = observe(session, table, |_: &ObservedTable| Vec::new()).await?;
    let Some(relation) = &observed.relation else { bail!("there is no such table") };
    if !matches!(relation.kind, RelationKind::Partitioned(_)) {
        return Ok(None);
    }
    let scope = match scope {
        StatementScope::Own => crate::sql::StatementScope::Own,
        StatementScope::All => crate::sql::StatementScope::All,
    };
    let of = (&observed.name, relation.oid);
    let report = judge_statements(session, table.name(), of, scope).await?;
    let report = report.context(
        "the extension pg_stat_statements is not in this database: add it to shared_preload_libraries, run CREATE EXTENSION \
         pg_stat_statements, and run this command when the application has worked for a while",
    )?;
    Ok(Some(report))
}

fn exit((_, report): &Judged) -> Exit {
    let fails = |report: &StatementReport| {
        report.statements.iter().any(|(_, verdict)| matches!(verdict, Verdict::Fails(_)))
    };
    if report.as_ref().is_none_or(fails) { Exit::ActionRequired } else { Exit::Done }
}

fn count(report: &StatementReport, of: impl Fn(&Verdict) -> bool) -> usize {
    report.statements.iter().filter(|(_, verdict)| of(verdict)).count()
}

fn text((table, report): &Judged) -> String {
    let table = table.display();
    let Some(report) = report else {
        return format!(
            "{table}: not judged: the table is not partitioned and has no partitioned copy yet\n"
        );
    };
    let fails = count(report, |verdict| matches!(verdict, Verdict::Fails(_)));
    let every = count(report, |verdict| matches!(verdict, Verdict::VisitsEveryPartition));
    let skipped = count(report, |verdict| matches!(verdict, Verdict::NotJudged(_)));
    let mut text = format!(
        "{table}: {} statements, {fails} fail, {every} visit every partition, {skipped} not judged\n",
        report.statements.len(),
    );
    for (statement, verdict) in &report.statements {
        text.push_str(&line(statement, verdict));
    }
    for note in notes(report) {
        text.push_str(&format!("  note  {note}\n"));
    }
    text
}

fn line(statement: &Statement, verdict: &Verdict) -> String {
    let (word, why) = match verdict {
        Verdict::Good => return String::new(),
        Verdict::Fails(error) => ("fails", Some(error)),
        Verdict::VisitsEveryPartition => ("every partition", None),
        Verdict::NotJudged(reason) => ("not judged", Some(reason)),
    };
    let words = statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = escape_control(&words).chars().take(MAX_SHOWN).collect();
    let more = if words.chars().count() > MAX_SHOWN { " …" } else { "" };
    let why = why.map(|why| format!("\n    {}", escape_control(why))).unwrap_or_default();
    let (role, calls) = (escape_control(&statement.role), statement.calls);
    format!("  {word}  {shown}{more}  ({role}, {calls} calls, query {}){why}\n", statement.query_id)
}

/// Notes on statements that are not in the list.
fn notes(report: &StatementReport) -> Vec<String> {
    let roles: Vec<_> =
        report.other_roles.iter().take(MAX_ROLES).map(|r| escape_control(r)).collect();
    let more = if report.other_roles.len() > MAX_ROLES { " …" } else { "" };
    [
        (
            report.not_queries > 0,
            format!(
                "{} statements are not queries and were not checked: COPY … TO fails on a partitioned table (42809), COPY (SELECT …) TO does not",
                report.not_queries
            ),
        ),
        (
            report.omitted > 0,
            format!(
                "{} statements were not judged: at most 500 are, those with the most calls, and none longer than 100000 characters",
                report.omitted
            ),
        ),
        (
            report.out_of_time > 0,
            format!(
                "{} statements were not judged: the time of 60 s was over",
                report.out_of_time
            ),
        ),
        (
            report.hidden > 0,
            format!(
                "the texts of {} statements of other roles are hidden: log in as these roles, or as a member of pg_read_all_stats",
                report.hidden
            ),
        ),
        (
            !report.other_roles.is_empty(),
            format!(
                "statements of other roles were not judged ({}{more}): log in as these roles, or set --statements=all",
                roles.join(", ")
            ),
        ),
    ]
    .into_iter()
    .filter_map(|(applies, note)| applies.then_some(note))
    .collect()
}

fn document((table, report): &Judged) -> Value {
    let statement = |(statement, verdict): &(Statement, Verdict)| {
        let (word, why) = match verdict {
            Verdict::Good => ("Good", None),
            Verdict::Fails(error) => ("Fails", Some(error)),
            Verdict::VisitsEveryPartition => ("VisitsEveryPartition", None),
            Verdict::NotJudged(reason) => ("NotJudged", Some(reason)),
        };
        json!({
            "queryId": statement.query_id, "role": statement.role, "calls": statement.calls,
            "text": statement.text, "verdict": word, "why": why,
        })
    };
    json!({
        "table": table.display(),
        "isPartitioned": report.is_some(),
        "statements": report.iter().flat_map(|report| report.statements.iter().map(statement)).collect::<Vec<_>>(),
        "notes": report.as_ref().map(notes).unwrap_or_default(),
    })
}
