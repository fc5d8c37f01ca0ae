//! The supported majors of Postgres: every file that lists them lists the same ones. A test takes a major from
//! `SUPPORTED`, unless it is about a difference between two of them.

use std::fs;
use std::ops::RangeInclusive;

use pg_partition_operator::partition::ServerVersion;
use regex::{Captures, Regex};

use crate::language::{is_of, tracked_files};
use crate::source::{self, Allowed, allowed};

/// Forms of code that name a major, where `N` is its number. A line that contains `major` and the number of one is such
/// a form.
const FORMS: [&str; 5] = [
    r"(?i:major).*\bN\b|\bN\b.*(?i:major)",
    r"\[N, N\]",
    r"\b((Server|World)::\w+|server|rows|world)\(([^()]*, )?N\b",
    r"^\s*\(?N,",
    r"^\s*((\.\.=?)?N|N\.\.) =>",
];

/// Lines that name a major, by the start of their text.
#[rustfmt::skip]
const ALLOWED: [Allowed; 28] = [
    allowed("benches/conversion/main.rs", "Err(_) => vec![15, NEWEST_MAJOR]", "published measurements are of 15 and the newest"),
    allowed("benches/cutover.rs", "Err(_) => vec![15, NEWEST_MAJOR]", "as above"),
    allowed("benches/expiry/main.rs", "const MAJOR_OF_PARTMAN: u16 = 15", "tools/setup fetches pg_partman for 15"),
    allowed("tests/postgres/attach.rs", "let what = if world.major < 15", "before 15 a publication has all rows and columns"),
    allowed("tests/postgres/attach_races.rs", "let expected = (major < 17)", "before 17 a partition has no identity"),
    allowed("tests/postgres/copy_follows.rs", "for major in majors().into_iter().filter(|major| *major >= 18)", "virtual columns exist since 18"),
    allowed("tests/postgres/copy_properties.rs", "if major < 18 {", "WITHOUT OVERLAPS exists since 18"),
    allowed("tests/postgres/copy_properties.rs", "..17 =>", "before 17 a partitioned table has no exclusion constraint"),
    allowed("tests/postgres/copy_properties.rs", "17 =>", "WITHOUT OVERLAPS exists since 18"),
    allowed("tests/postgres/copy_properties.rs", "if major < 17 {", "before 17 a partitioned table has no access method"),
    allowed("tests/postgres/exclusion_constraints.rs", "for major in majors().into_iter().filter(|major| *major >= 17)", "before 17 a partitioned table has no exclusion constraint"),
    allowed("tests/postgres/exclusion_constraints.rs", "for major in majors().into_iter().filter(|major| *major >= 18)", "WITHOUT OVERLAPS exists since 18"),
    allowed("tests/postgres/external_changes.rs", "for major in majors().into_iter().filter(|major| *major >= 15)", "NULLS NOT DISTINCT exists since 15"),
    allowed("tests/postgres/inheritance.rs", r#"("identity", column("id", "attidentity"), text(if major < 17"#, "before 17 a partition does not inherit identity"),
    allowed("tests/postgres/inheritance.rs", "let method = if major < 17", "before 17 a partitioned table has no access method"),
    allowed("tests/postgres/inheritance.rs", "let expected = if major < 17", "before 17 a partitioned table has no access method"),
    allowed("tests/postgres/live_load/many.rs", "if table.major < 15", "MERGE exists since 15"),
    allowed("tests/postgres/locks.rs", "if let (14, Step::AttachPartition(attach))", "since 15 ATTACH PARTITION locks referencing tables in a stronger mode"),
    allowed("tests/postgres/merge.rs", "for major in majors().into_iter().filter(|major| *major >= 15)", "MERGE exists since 15"),
    allowed("tests/postgres/preflight/mod.rs", "(17, by_owner(", "before 17 a partitioned table has no exclusion constraint"),
    allowed("tests/postgres/preflight/mod.rs", "15,", "FOR TABLES IN SCHEMA exists since 15"),
    allowed("tests/postgres/preflight/mod.rs", "18,", "NOT NULL can be NOT VALID since 18"),
    allowed("tests/postgres/preflight/mod.rs", "(18, by_owner(", "NOT ENFORCED exists since 18"),
    allowed("tests/postgres/reverse_sync.rs", "if major >= 15", "MERGE exists since 15"),
    allowed("tests/postgres/routing.rs", "if major < 15", "before 15 a view has no security_invoker"),
    allowed("tests/postgres/sync.rs", r#"if major < 15 && write.starts_with("MERGE")"#, "MERGE exists since 15"),
    allowed("tests/support/postgres.rs", "pub const DEFAULT_MAJOR: u16 =", "one major for all tests that need one server"),
    allowed("tests/support/postgres.rs", "let [start, stop] = if major < 15", "the functions of a backup have other names since 15"),
];

#[test]
fn test_names_a_major_only_for_a_difference_between_two() {
    let (forms, mut used, mut wrong, mut seen) = (forms(), [false; ALLOWED.len()], Vec::new(), 0);
    let is_test = |path: &String| {
        is_of(path, "rs") && (path.starts_with("tests/") || path.starts_with("benches/"))
    };
    for path in tracked_files().into_iter().filter(is_test) {
        let text = read(&path);
        seen += 1;
        let code = without_texts(&text);
        for ((code, line), number) in code.lines().zip(text.lines().map(str::trim)).zip(1..) {
            if !forms.is_match(code) {
                continue;
            }
            let is_allowed = |of: &Allowed| of.path == path && line.starts_with(of.line);
            match ALLOWED.iter().position(is_allowed) {
                Some(at) => used[at] = true,
                None => wrong.push(format!("{path}:{number}: {line}")),
            }
        }
    }
    assert!(seen > 100, "files: {seen}");
    assert!(
        wrong.is_empty(),
        "take the major from tests/support/postgres.rs, or state the difference between two in \
         tests/pure/majors.rs:\n{}",
        wrong.join("\n")
    );
    for (Allowed { path, line, .. }, used) in ALLOWED.iter().zip(used) {
        assert!(used, "remove {line:?} of {path} from the list of allowed lines");
    }
}

#[test]
fn every_list_has_the_same_majors() {
    let supported = supported();
    let expected: Vec<_> = supported.clone().collect();
    let package = Regex::new(r#""postgres-(\d+)": "npm:[^"]*@(\d+)\."#).expect("a pattern");
    for file in ["package.json", "package-lock.json"] {
        let text = read(&format!("tools/postgres/{file}"));
        let found: Vec<u32> = package.captures_iter(&text).map(|of| number(&of[1])).collect();
        assert_eq!(found, expected, "{file}");
        assert!(package.captures_iter(&text).all(|of| of[1] == of[2]), "{file}");
    }
    let (oldest, newest) = (*supported.start(), *supported.end());
    assert_eq!(ServerVersion::OLDEST_SUPPORTED.major(), oldest, "src/partition/version.rs");
    for (page, start) in [("README.md", "Postgres "), ("demo", "another major, ")] {
        let range = Regex::new(&format!(r"{start}(\d+) to (\d+)\b")).expect("a pattern");
        let text = read(page);
        let found: Vec<_> =
            range.captures_iter(&text).map(|of| (number(&of[1]), number(&of[2]))).collect();
        assert!(!found.is_empty(), "{page} does not state {oldest} to {newest}");
        assert!(found.iter().all(|of| *of == (oldest, newest)), "{page}: {found:?}");
    }
}

#[test]
fn form_with_a_major_is_found() {
    let forms = forms();
    let (oldest, next) = (*supported().start(), supported().end() + 1);
    for (code, is_found) in [
        (format!("let stride = if major == {oldest} {{ 1 }} else {{ 5 }};"), true),
        (format!("[{oldest}, {next}].contains(&m)"), true),
        (format!("Server::shared({next}).database()"), true),
        (format!("let world = World::on(&server, {next}).await;"), true),
        (format!("    ({next}, by_owner(\"\")),"), true),
        (format!("    ..{next} => 1,"), true),
        (format!("// before major {oldest}\nlet major = \"{oldest}\";"), false),
        (format!("Duration::from_secs({next})"), false),
    ] {
        assert_eq!(forms.is_match(&without_texts(&code)), is_found, "{code}");
    }
}

/// Returns what matches a line that names a supported major, or the one after the newest.
fn forms() -> Regex {
    let majors: Vec<_> =
        (*supported().start()..=supported().end() + 1).map(|major| major.to_string()).collect();
    let forms = FORMS.join("|").replace('N', &format!("({})", majors.join("|")));
    Regex::new(&format!("(?m){forms}")).expect("a pattern")
}

fn supported() -> RangeInclusive<u32> {
    let list = Regex::new(r"(?m)^const SUPPORTED: .* = (\d+)\.\.=(\d+);$").expect("a pattern");
    let text = read("tests/support/postgres.rs");
    let list = list.captures(&text).expect("the list of majors");
    number(&list[1])..=number(&list[2])
}

/// Returns code without comments and the contents of string literals, with the same lines.
fn without_texts(code: &str) -> String {
    let texts = r###"'(\\.|[^\\'\n])'|r##"(?s:.*?)"##|r#"(?s:.*?)"#|\br"[^"]*"|"(\\(?s:.)|[^\\"])*"|//[^\n]*"###;
    let lines = |of: &Captures<'_>| "\n".repeat(of[0].matches('\n').count());
    Regex::new(texts).expect("a pattern").replace_all(code, lines).into_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(source::root().join(path)).expect("a text in UTF-8")
}

fn number(digits: &str) -> u32 {
    digits.parse().expect("a number")
}
