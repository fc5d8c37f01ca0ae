//! Rules for the source: which module uses which, how long files and functions are, and which words names avoid.

use std::collections::BTreeSet;
use std::path::Path;

use pg_partition_operator::plan::StepKind;

use crate::source;

/// Modules that each module can use. `kubernetes` and `cli` are last, where everything meets the outside.
const ALLOWED_MODULES: [(&str, &[&str]); 11] = [
    ("partition", &[]),
    ("api", &[]),
    ("desired", &["api", "partition"]),
    ("observed", &["partition"]),
    ("plan", &["partition", "desired", "observed"]),
    ("sql", &["partition", "observed", "plan"]),
    ("status", &["partition", "api", "desired", "observed", "plan"]),
    ("postgres", &["partition", "observed", "plan", "sql"]),
    ("converge", &["partition", "desired", "observed", "plan", "sql", "postgres"]),
    (
        "kubernetes",
        &["partition", "api", "desired", "observed", "plan", "status", "postgres", "converge"],
    ),
    (
        "cli",
        &[
            "partition",
            "api",
            "desired",
            "observed",
            "plan",
            "sql",
            "status",
            "postgres",
            "converge",
            "kubernetes",
        ],
    ),
];

/// Clocks that show the date, and the modules below `src` that can read them. `converge` compares the clock of the
/// database with it.
const CALENDAR_CLOCKS: [&str; 3] = ["Timestamp::now", "SystemTime", "Zoned::now"];
const CLOCK_READERS: [&str; 3] = ["kubernetes", "cli", "converge/observe.rs"];

/// Clocks that only measure durations, and the modules that can read them.
const STOPWATCHES: [&str; 3] = ["Instant::now", "tokio::time", "thread::sleep"];
const STOPWATCH_READERS: [&str; 3] = ["kubernetes", "converge", "postgres"];

/// Files, the network, and the environment, and the modules that can use them.
const OUTSIDE: [&str; 3] = ["std::fs", "std::net", "std::env"];
const OUTSIDE_USERS: [&str; 3] = ["kubernetes", "cli", "postgres"];

const MAX_FILE_LINES: usize = 350;
const MAX_FUNCTION_LINES: usize = 60;

/// Words that say nothing; a module that can only be called `util` is two modules.
const BANNED: [&str; 11] = [
    "manager", "handler", "helper", "helpers", "util", "utils", "common", "misc", "data", "info",
    "process",
];

/// Names whose words are Kubernetes': a Secret has `data`.
const EXTERNAL_NAMES: [&str; 1] = ["SecretData"];

/// Code that the planner decides with. The checker decides again, by other means.
const PLANNER_NAMES: [&str; 11] = [
    "Calendar",
    "Gaps",
    "Grid",
    "Coverage",
    "rules::",
    "next_action",
    "questions",
    "draft",
    "preconditions",
    "plan::conversion",
    "preflight",
];

/// The exception: the checker does not compute again which losses a conversion has.
const LIST_OF_LOSSES: [(&str, &str); 2] = [
    (
        "plan/check/conversion_spec.rs",
        "use crate::plan::conversion::{Finding, FoundLoss, preflight};",
    ),
    ("plan/check/conversion_spec.rs", "let found = preflight(desired, observed, time);"),
];

#[test]
fn checker_uses_only_the_list_of_losses_of_the_planner() {
    let (checker, others): (Vec<_>, Vec<_>) =
        source::files().into_iter().partition(|(path, _)| path.starts_with("plan/check"));
    assert!(checker.len() > 4, "the checker has files: {}", checker.len());
    let mut used = Vec::new();
    for (path, text) in &checker {
        let names_it = |line: &&str| PLANNER_NAMES.iter().any(|name| line.contains(name));
        used.extend(code(text).filter(names_it).map(|line| (path.display().to_string(), line)));
    }
    let used: Vec<_> = used.iter().map(|(path, line)| (path.as_str(), *line)).collect();
    assert_eq!(used, LIST_OF_LOSSES);
    for name in PLANNER_NAMES {
        let mut planner = others.iter().filter(|(path, _)| path.starts_with("plan"));
        let is_used = planner.any(|(_, text)| code(text).any(|line| line.contains(name)));
        assert!(is_used, "the planner has no {name}");
    }
}

#[test]
fn modules_use_only_allowed_modules() {
    let mut wrong = Vec::new();
    for (path, text) in source::files() {
        let Some(user) = module_of(&path) else { continue };
        let (_, allowed) = ALLOWED_MODULES
            .iter()
            .find(|(name, _)| *name == user)
            .unwrap_or_else(|| panic!("{user} is not in the table of modules"));
        for used in used_by(&text) {
            if used != user && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {user} must not use {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_listed_modules_use_clocks_files_and_the_network() {
    let mut wrong = Vec::new();
    for (names, allowed) in [
        (CALENDAR_CLOCKS, CLOCK_READERS),
        (STOPWATCHES, STOPWATCH_READERS),
        (OUTSIDE, OUTSIDE_USERS),
    ] {
        let mut users = BTreeSet::new();
        for (path, text) in source::files() {
            let found = names.iter().find(|name| code(&text).any(|line| line.contains(**name)));
            let Some(name) = found else { continue };
            match allowed.iter().find(|place| path.starts_with(place)) {
                Some(place) => drop(users.insert(*place)),
                None => wrong.push(format!("{}: {name}", path.display())),
            }
        }
        assert_eq!(users.len(), allowed.len(), "only {users:?} of {allowed:?} use {names:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_functions_fit_the_screen() {
    let mut wrong = Vec::new();
    for (path, text) in source::files().into_iter().chain(source::files_of("sql")) {
        let path = path.display();
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            wrong.push(format!("{path}: {lines} lines"));
        }
        for (name, lines) in functions(&text) {
            if lines > MAX_FUNCTION_LINES {
                wrong.push(format!("{path}: fn {name} has {lines} lines"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that match over all steps, and so must be opened for a new one.
const MATCHES_OVER_ALL_STEPS: [&str; 5] = [
    "plan/canonical/mod.rs",
    "plan/check/mod.rs",
    "plan/simulate/mod.rs",
    "plan/step/facts.rs",
    "sql/mod.rs",
];

#[test]
fn only_five_files_match_over_all_steps() {
    let names_it = |text: &str, name: &str| {
        let ways = [format!("Step::{name}("), format!("Self::{name}(")];
        code(text).any(|line| ways.iter().any(|way| line.contains(way)))
    };
    let matching: Vec<_> = source::files()
        .into_iter()
        .filter(|(_, text)| StepKind::ALL.iter().all(|kind| names_it(text, kind.name())))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(matching, MATCHES_OVER_ALL_STEPS);
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(source::root().join(page)).expect("a page");
        let missing: Vec<_> = MATCHES_OVER_ALL_STEPS
            .iter()
            .filter(|path| !text.contains(&format!("`{path}`")))
            .collect();
        assert!(missing.is_empty(), "{page} does not name {missing:?}");
    }
}

#[test]
fn family_of_steps_has_one_name() {
    let families = source::variants(&source::file("plan/step/facts.rs"), "Family");
    assert!(families.len() > 4, "{families:?}");
    for (family, _) in families {
        let family = family.to_lowercase();
        source::file(&format!("plan/step/{family}.rs"));
        let of_sql = [format!("sql/{family}.rs"), format!("sql/{family}/mod.rs")];
        let has_file = source::files().iter().any(|(path, _)| of_sql.iter().any(|of| path == of));
        assert!(has_file, "{of_sql:?}");
    }
}

#[test]
fn each_drop_of_a_relation_is_listed() {
    let drops = ["DROP TABLE", "DROP INDEX", "DROP VIEW"];
    let is_drop = |line: &str| {
        // `ALTER PUBLICATION … DROP TABLE` drops no relation.
        drops.iter().any(|drop| line.contains(drop)) && !line.contains("ALTER PUBLICATION")
    };
    let is_dropping = |path: &Path, text: &str| path.starts_with("sql") && code(text).any(is_drop);
    let list = source::file("sql/mod.rs");
    let list: Vec<_> = list.lines().take_while(|line| line.starts_with("//!")).collect();
    let mut seen = 0;
    let files = source::files().into_iter().chain(source::files_of("sql"));
    for (path, _) in files.filter(|(path, text)| is_dropping(path, text)) {
        let file = path.strip_prefix("sql").expect("a file of sql").display();
        let file = format!("`{file}`");
        assert!(list.join(" ").contains(&file), "sql/mod.rs does not list the DROP of {file}");
        seen += 1;
    }
    assert!(seen > 4, "files that drop something: {seen}");
    for row in list.iter().filter_map(|line| line.strip_prefix("//! | `")) {
        let (file, _) = row.split_once('`').expect("a name");
        let text = source::file(&format!("sql/{file}"));
        assert!(code(&text).any(is_drop), "sql/{file} drops nothing");
    }
}

#[test]
fn names_avoid_empty_words() {
    let mut wrong = Vec::new();
    for (path, text) in source::files() {
        for line in code(&text) {
            if let Some(name) = declared(line).filter(|name| !EXTERNAL_NAMES.contains(name))
                && (name.starts_with("do_")
                    || words(name).iter().any(|w| BANNED.contains(&w.as_str())))
            {
                wrong.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the folder or file directly below `src`, or `None` for the root of the crate.
fn module_of(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?.trim_end_matches(".rs");
    (!matches!(first, "lib" | "main" | "bin")).then(|| first.to_owned())
}

/// Returns the lines that are not comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"))
}

/// Returns the modules after `crate::`: one, or several in braces.
fn used_by(text: &str) -> Vec<String> {
    let code: String = code(text).collect::<Vec<_>>().join("\n");
    let first = |path: &str| -> String {
        path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut used = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => used.push(first(after)),
            Some(group) => {
                let mut depth = 0;
                let top = group.split(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth == 0 && c == ',' || depth < 0
                });
                let end = group.find(';').unwrap_or(group.len());
                let within = |part: &&str| part.as_ptr() < group[end..].as_ptr();
                used.extend(top.take_while(within).map(first).filter(|name| !name.is_empty()));
            }
        }
    }
    used
}

/// Each function with the number of its lines, from its signature to its closing brace.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = declared(line.trim_start()).filter(|_| line.contains("fn ")) else {
            continue;
        };
        let is_end = |line: &&str| line.trim_end() == format!("{}}}", " ".repeat(indent));
        let has_body = |line: &&str| line.ends_with('{');
        let is_whole = line.ends_with('}') || line.ends_with(';');
        if !is_whole && lines[at..].iter().any(has_body) {
            let length = lines[at..].iter().position(is_end).unwrap_or(0) + 1;
            functions.push((name.to_owned(), length));
        }
    }
    functions
}

/// The name that a line declares, where it declares a module, a type or a function.
fn declared(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub")
            || word.ends_with(')')
            || matches!(*word, "async" | "const" | "unsafe" | "in")
    });
    let keyword = words.next()?;
    let is_declaration = matches!(keyword, "mod" | "struct" | "enum" | "trait" | "type" | "fn");
    let name = words.next().filter(|_| is_declaration)?;
    name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
}

/// The words of a name in snake case or camel case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
    }
    words
}
