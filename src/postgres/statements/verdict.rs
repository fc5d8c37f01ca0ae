//! Verdict on a statement, from its plan or the error in its place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::partition::QualifiedName;
use crate::postgres::DatabaseError;

/// Effect of partitioning on a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is planned, and a condition on the partition key restricts the partitions that it visits.
    Good,
    /// It fails, with this error.
    Fails(String),
    /// It visits every partition.
    VisitsEveryPartition,
    /// It could not be judged, for this reason.
    NotJudged(String),
}

/// The relations of one judgment.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    /// The name in the spec.
    pub(super) table: &'a QualifiedName,
    /// The partitioned table: itself, or the copy.
    pub(super) relation: &'a QualifiedName,
    /// Schemas and names of its leaf partitions.
    pub(super) leaves: &'a BTreeSet<(String, String)>,
}

impl Tables<'_> {
    /// Returns whether the table is still a plain one.
    fn is_plain(&self) -> bool {
        self.table != self.relation
    }
}

/// First words of the statements that Postgres plans.
const QUERIES: [&str; 8] =
    ["select", "insert", "update", "delete", "merge", "with", "values", "table"];

/// Returns whether a text is a query, which can be planned: neither `COPY` nor DDL.
pub(super) fn is_query(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/")
        } else if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n')
        } else {
            break;
        };
        rest = after.map_or("", |(_, after)| after).trim_start();
    }
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    rest.starts_with('(') || QUERIES.iter().any(|query| word.eq_ignore_ascii_case(query))
}

/// Judges a statement by its plan, in which every parameter is NULL. A condition on the partition key then removes all
/// partitions; without one each partition is scanned. If a constant restricts them, some are missing.
pub(super) fn judge_plan(tables: &Tables<'_>, plan: &str) -> Verdict {
    let Ok(plan) = serde_json::from_str::<Value>(plan) else {
        return Verdict::NotJudged("the plan is not understood".to_owned());
    };
    let mut found = BTreeSet::new();
    collect_relations(&plan, &mut found);
    let table = (tables.table.schema.as_str().to_owned(), tables.table.name.as_str().to_owned());
    if tables.is_plain() && found.contains(&table) {
        return Verdict::NotJudged(format!(
            "it reads {}, not the copy: it names the schema, or reads the table through a view",
            tables.table.display()
        ));
    }
    let visits_all = tables.leaves.len() > 1 && tables.leaves.is_subset(&found);
    if visits_all { Verdict::VisitsEveryPartition } else { Verdict::Good }
}

/// Collects the schemas and names of all relations that a plan scans or writes to. The list of the partitions that an UPDATE
/// can reach is not among them.
fn collect_relations(plan: &Value, found: &mut BTreeSet<(String, String)>) {
    let text = |key: &str| plan.get(key).and_then(Value::as_str);
    if let (Some(schema), Some(name)) = (text("Schema"), text("Relation Name")) {
        found.insert((schema.to_owned(), name.to_owned()));
    }
    for part in plan.as_array().into_iter().flatten() {
        collect_relations(part, found);
    }
    for key in ["Plan", "Plans"] {
        if let Some(inner) = plan.get(key) {
            collect_relations(inner, found);
        }
    }
}

/// Judges a statement that Postgres did not plan.
pub(super) fn judge_error(tables: &Tables<'_>, error: &DatabaseError) -> Verdict {
    let sqlstate = error.sqlstate().unwrap_or_default();
    // Other classes can repeat values, or what a function says.
    let is_about_names = sqlstate.starts_with("42") || sqlstate.starts_with("0A");
    let said = if is_about_names { error.message() } else { "Postgres did not plan it" };
    let said = format!("{said} ({sqlstate})");
    let over_view = match sqlstate {
        "42P10" => return Verdict::Fails(said),
        "42803" if !tables.is_plain() => return Verdict::Fails(said),
        "42803" => {
            "; if it groups by a key alone, it fails after the cutover unless the key has the partition columns"
        }
        "57014" => return Verdict::NotJudged("planning it takes longer than 2 s".to_owned()),
        "42703" | "42704" if tables.is_plain() => {
            "; the copy stands for the table as a view, which has no system columns and no constraints"
        }
        _ => "",
    };
    Verdict::NotJudged(format!("{said}{over_view}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{Tables, Verdict, is_query, judge_plan};
    use crate::partition::QualifiedName;

    fn leaves() -> BTreeSet<(String, String)> {
        ["t_0", "t_1"].map(|leaf| ("s".to_owned(), leaf.to_owned())).into()
    }

    fn judged(plan: &serde_json::Value) -> Verdict {
        let name = |text: &str| QualifiedName::parse_sql(text).expect("a name");
        let (table, relation) = (name("s.t"), name("s.t_partitioned"));
        let tables = Tables { table: &table, relation: &relation, leaves: &leaves() };
        judge_plan(&tables, &json!([{ "Plan": plan }]).to_string())
    }

    fn scan(name: &str) -> serde_json::Value {
        json!({"Node Type": "Seq Scan", "Schema": "s", "Relation Name": name})
    }

    #[test]
    fn text_is_a_query_by_its_first_word_after_comments() {
        for query in ["SELECT 1", " /* app */ -- x\n insert into t", "(SELECT 1)", "With x AS ()"] {
            assert!(is_query(query), "{query}");
        }
        for other in ["COPY t TO STDOUT", "selected", "", "/* SELECT", "-- SELECT"] {
            assert!(!is_query(other), "{other}");
        }
    }

    #[test]
    fn statement_visits_every_partition_if_each_is_scanned() {
        let append = |plans: Vec<_>| json!({"Node Type": "Append", "Plans": plans});
        let update = |plans: Vec<_>| json!({"Node Type": "ModifyTable", "Target Tables": [scan("t_0"), scan("t_1")], "Plans": plans});
        for (plan, verdict) in [
            (append(vec![scan("t_0"), scan("t_1")]), Verdict::VisitsEveryPartition),
            (append(vec![scan("t_0")]), Verdict::Good),
            (append(vec![]), Verdict::Good),
            (update(vec![append(vec![])]), Verdict::Good),
            (update(vec![scan("t_1"), scan("t_0")]), Verdict::VisitsEveryPartition),
            (scan("other"), Verdict::Good),
        ] {
            assert_eq!(judged(&plan), verdict, "{plan}");
        }
    }

    #[test]
    fn statement_that_reads_the_plain_table_is_not_judged() {
        assert!(matches!(judged(&scan("t")), Verdict::NotJudged(_)));
    }
}
