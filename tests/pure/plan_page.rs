//! `docs/reference/plan.md` describes the fields of `plan -o json`, every rule with its file, and every note.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure plan_page` writes the page again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pg_partition_operator::plan::Rule;
use serde_json::Value;

use crate::generated::expect_file;
use crate::source;

const FIELDS: &str = "# The output of plan

`plan` prints a plan as text, as SQL, or with `-o json` for programs. For each step, the text names the locks on relations other than the subject of the step: the three strongest, and the number of the others. The JSON names all locks.

This page describes the fields of the JSON. Then it lists the rules and the notes that
a plan names. The top level has the field `plans`, with one plan for each document, in the order of the documents. A field is `null` only if its description says so; then it has no value. A test writes this page: `PGPARTITION_UPDATE=1 cargo test --test pure plan_page`.

A plan with one step and one deferred step:

```json
{
  \"plans\": [
    {
      \"table\": \"public.revenues\",
      \"fingerprint\": \"552f46acccaee460\",
      \"steps\": [
        {
          \"step\": \"mark-expired\",
          \"subject\": \"public.revenues\",
          \"detail\": \"revenues_2024_10\",
          \"rule\": \"expire\",
          \"cause\": \"past its retention\",
          \"locks\": [{\"relation\": \"public.revenues_2024_10\", \"mode\": \"SHARE UPDATE EXCLUSIVE\"}],
          \"transaction\": true,
          \"risk\": \"None\",
          \"undo\": \"set the previous comment with COMMENT ON TABLE\",
          \"sql\": [\"SET LOCAL ROLE \\\"finance_owner\\\"\", \"COMMENT ON TABLE …\"]
        }
      ],
      \"work\": null,
      \"deferred\": [
        {
          \"step\": \"drop\",
          \"subject\": \"public.revenues_2024_09\",
          \"rule\": \"drop\",
          \"blocker\": \"InGracePeriod\",
          \"message\": \"the table is dropped after 2026-12-22T03:00:00Z (spec.retention.dropAfter)\",
          \"resolvedBy\": \"Time\"
        }
      ],
      \"notes\": []
    }
  ]
}
```

## Plan

| field | meaning |
|---|---|
| `table` | the table that the spec names |
| `fingerprint` | the value for `kubectl pgpartition approve` and for the annotation `pgpartition.dev/approve` |
| `steps` | the [steps](#step), in their order; empty if there is nothing to do, or if a precondition is not met |
| `work` | the [work](#work) after the steps; `null` if no rows are copied or compared |
| `deferred` | the [deferred steps](#deferred-step) |
| `notes` | the [notes](#note) |

## Step

| field | meaning |
|---|---|
| `step` | the kind of the step: [steps](steps.md) |
| `subject` | the relation that it is about. For a step that marks partitions, this is the partitioned table, and `detail` names the partitions |
| `detail` | a few words about it, such as the bounds of a partition; empty if there are none |
| `rule` | the [rule](#rules) that plans it |
| `cause` | why the rule plans it |
| `locks` | the locks that it takes: each `relation` with its `mode` |
| `transaction` | whether the statements are one transaction |
| `risk` | `None`: no statement waits, except one that names the detached table itself, or the view through which routed roles read. `DelaysWrites`: writes can wait. `DelaysReadsAndWrites`: reads and writes can wait. No statement waits longer than `limits.lockTimeout` |
| `undo` | how a user reverses it |
| `sql` | its statements |

## Work

| field | meaning |
|---|---|
| `verb` | `copy` or `compare` |
| `source` | the plain table |
| `copy` | its copy |
| `rows` | the number of rows that are copied or compared already |
| `estimated` | the estimated number of rows of the source; `null` if the source was never analyzed |
| `rule` | the [rule](#rules) that plans it |
| `cause` | why the rule plans it |
| `locks` | the locks that each page takes: each `relation` with its `mode` |
| `ifInterrupted` | what the next run finds and does after an interruption |

## Deferred step

| field | meaning |
|---|---|
| `step` | the kind of the step; `null` if the blocker is about the table as a whole, and then there is no single step |
| `subject` | the relation that the step is about; `null` if `step` is `null` |
| `rule` | the [rule](#rules) that defers it |
| `blocker` | why: [blockers](blockers.md) |
| `message` | the blocker in a sentence, with names and numbers |
| `resolvedBy` | how the blocker ends: `Time` passes, `OtherSessions` end, or a `User` acts |

## Note

The notes in the output of `verify -o json` have the same fields.

| field | meaning |
|---|---|
| `note` | the kind of the note: [notes](#notes) |
| `rule` | the [rule](#rules) that adds it |
| `message` | the note in a sentence, with names and numbers |
";

const RULES: &str = "
## Rules

The rules of the planner, in the order in which the planner asks them. The log names the rule of each step and of each deferred step. The files are in `src/`.

| rule | effect | file |
|---|---|---|
";

const NOTES: &str = "
## Notes

| note | meaning |
|---|---|
";

/// The rules that the planner asks before it has the facts for the others, and their files.
const FIRST_RULES: [(Rule, &str); 2] = [
    (Rule::Preconditions, "plan/preconditions.rs"),
    (Rule::Preflight, "plan/conversion/preflight.rs"),
];

#[test]
fn every_field_rule_and_note_has_its_row() {
    let (plan, output) = ("cli/plan/json.rs", "cli/output.rs");
    for (heading, file, function) in [
        ("Plan", plan, "plan"),
        ("Step", plan, "step"),
        ("Work", plan, "work"),
        ("Deferred step", plan, "deferral"),
        ("Note", output, "note_for_programs"),
    ] {
        let printed: Vec<_> =
            keys(file, function).into_iter().filter(|key| !is_of_lock(key)).collect();
        assert_eq!(described(heading), printed, "the fields of {heading} in {file}");
    }
    for (heading, at) in [
        ("Plan", "/plans/0"),
        ("Step", "/plans/0/steps/0"),
        ("Deferred step", "/plans/0/deferred/0"),
    ] {
        let described: BTreeSet<_> = described(heading).into_iter().collect();
        assert_eq!(described, keys_of_example(at), "the example of {heading}");
    }
    expect_file("docs/reference/plan.md", &(FIELDS.to_owned() + &rules() + &notes()));
}

/// Returns the fields of an object in the example of the page.
fn keys_of_example(at: &str) -> BTreeSet<String> {
    let (_, example) = FIELDS.split_once("```json\n").expect("an example");
    let example: Value = serde_json::from_str(example.split("```").next().unwrap_or_default())
        .expect("the example is JSON");
    let object = example.pointer(at).and_then(Value::as_object).expect("an object");
    object.keys().cloned().collect()
}

/// Returns the fields in the section of the page.
fn described(heading: &str) -> Vec<String> {
    let (_, section) = FIELDS.split_once(&format!("\n## {heading}\n")).expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect()
}

/// Returns the keys that a function writes: `"key": value`.
fn keys(file: &str, function: &str) -> Vec<String> {
    let text = source::file(file);
    let (_, body) = text.split_once(&format!("fn {function}(")).expect("a function");
    let body = body.split("\n}\n").next().unwrap_or_default();
    let quoted: Vec<_> = body.split('"').collect();
    let pairs = quoted.iter().zip(quoted.iter().skip(1)).skip(1).step_by(2);
    pairs.filter(|(_, after)| after.starts_with(": ")).map(|(key, _)| (*key).to_owned()).collect()
}

fn is_of_lock(key: &str) -> bool {
    matches!(key, "relation" | "mode")
}

fn rules() -> String {
    let declared = source::variants(&source::file("plan/rules/mod.rs"), "Rule");
    assert_eq!(declared.len(), Rule::ALL.len());
    let row = |(rule, (name, words)): (&Rule, &(String, String))| {
        assert_eq!(*name, format!("{rule:?}"));
        format!("| `{}` | {words} | `{}` |\n", rule.name(), file(*rule))
    };
    RULES.to_owned() + &Rule::ALL.iter().zip(&declared).map(row).collect::<String>()
}

/// Returns the file with the function that a rule calls, as `plan/rules/mod.rs` names it.
fn file(rule: Rule) -> String {
    if let Some((_, file)) = FIRST_RULES.iter().find(|(first, _)| *first == rule) {
        source::file(file);
        return (*file).to_owned();
    }
    let calls = source::file("plan/rules/mod.rs");
    let (_, call) = calls.rsplit_once(&format!("Self::{rule:?} => ")).expect("a call");
    let (path, _) = call.split_once("(context, draft)").expect("a call with the draft");
    let (module, function) = path.split_once("::").expect("a function of a module");
    let folder = PathBuf::from("plan").join(if module == "conversion" { "" } else { "rules" });
    let (alone, module) = (folder.join(format!("{module}.rs")), folder.join(module));
    let has_it = |(path, text): &(PathBuf, String)| {
        (path.starts_with(&module) || *path == alone)
            && ["context", "_"].iter().any(|context| {
                text.contains(&format!("fn {function}({context}: &Context<'_>, draft: &mut Draft)"))
            })
    };
    let found: Vec<_> = source::files().into_iter().filter(has_it).collect();
    let [(path, _)] = found.as_slice() else { panic!("{path} is in {} files", found.len()) };
    path.display().to_string()
}

fn notes() -> String {
    let of_conversion =
        source::variants(&source::file("plan/conversion/note.rs"), "ConversionNote");
    let mut declared = source::variants(&source::file("plan/cause.rs"), "Note");
    declared.retain(|(name, _)| name != "Conversion");
    declared.extend(of_conversion);
    assert!(declared.len() > 20, "{declared:?}");
    let row = |(name, words): &(String, String)| format!("| `{name}` | {words} |\n");
    NOTES.to_owned() + &declared.iter().map(row).collect::<String>()
}
