//! The language of documents, messages, comments, and names: no line matches a pattern that makes a reader stop. Commit
//! subjects and names of tests have one form.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::{Regex, RegexSet};

use crate::source::{self, Allowed, allowed};

/// Pages that the code writes, and files that a test compares word for word with what it renders.
const GENERATED: [&str; 14] = [
    "charts/pg-partition-operator/README.md",
    "charts/pg-partition-operator/crds/",
    "crds/",
    "docs/reference/blockers.md",
    "docs/reference/cli.md",
    "docs/reference/conditions.md",
    "docs/reference/metrics.md",
    "docs/reference/plan.md",
    "docs/reference/resource.md",
    "docs/reference/safety-rules.md",
    "docs/reference/steps.md",
    "manifests/",
    "tests/cluster/chart/",
    "tests/postgres/fixtures/",
];

/// Folders that a checkout without Git can have beside the sources.
const NOT_SOURCES: [&str; 3] = [".git", "target", "node_modules"];

/// A pattern, and the words to use instead.
struct Pattern {
    regex: &'static str,
    instead: &'static str,
    scope: Scope,
}

/// Which files a pattern is for, and whether it distinguishes case.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    AnyCase,
    SameCase,
    Markdown,
    Rust,
}

const fn any(regex: &'static str, instead: &'static str) -> Pattern {
    Pattern { regex, instead, scope: Scope::AnyCase }
}

const fn scoped(scope: Scope, regex: &'static str, instead: &'static str) -> Pattern {
    Pattern { regex, instead, scope }
}

#[rustfmt::skip]
const PATTERNS: [Pattern; 26] = [
    any(r"\b(let|lets|letting)\b( \w+){0,3} go\b", "expire, detach, drop, release"),
    any(r"\bnone (where|on|if|for|while)\b", "default: …, `None` if …"),
    any(r"\b((some|no|any|every)body|who(so|m|se)?ever)\b", "the actor"),
    any(r"\b(made|detached|held|used|taken) by others\b|\b(of|that|what|as|which) others\b", "unmanaged; another session"),
    any(r"\bh(old|olds|eld|olding)( \w+)? (back|up)\b", "deferred; blocks"),
    any(r"\bpromis(e[sd]?|ing)\b", "default-partition check"),
    any(r"(\b|_)(patience|linger|elders?|namesakes?|strangers?|twins?|readmit)(\b|_)", "the word of the glossary"),
    any(r"\bcuts? off\b", "interrupted"),
    any(r"\b(comes?|came|becomes?) (about|of|true|to nothing|to (its|their) end)\b", "happens, result, ends"),
    any(r"\b(be|is|are|was|were) had\b", "acquired, available"),
    scoped(Scope::Markdown, r"^#{1,6} (What|How|Who|Whose|Whether|When|Where|Why|Which|Something|Nothing|It|Then|Of|If|Is|Was|May)\b", "a noun or a task"),
    scoped(Scope::Rust, r"^\s*//[/!] (What|How|Where|When|Who|Whose|That|Those|Of|So|Else|None)\b", "a verb or a noun phrase"),
    scoped(Scope::Rust, r"^\s*/// (Its|The|Their|Those|It) \w+\.$", "a fact that the name does not state"),
    scoped(Scope::Markdown, r"(^|[.;] |- )(Who|Whoever|What|Where) [^?]*$", "a subject; “If”"),
    scoped(Scope::SameCase, r"(^|[.;] |//[/!]? |- )(By (it|them|that|which|what)|Of (two|these|those|many|what|such|the|several|a|an|all)|From (here|then) on)\b", "the subject first"),
    any(r"\bbut for\b|\bbe (it|they)\b", "except; whether … or"),
    any(r"\b(shall|anew|mend|mends|mended|gravest|in vain|woken|alike|at hand|for want of|heeded|besides)\b", "must, again, fix, most severe, also"),
    any(r"[^e] (is|are|was|were) no(ne)? [a-km-z]", "is not a …"),
    any(r"\b(tells?|told) (of|apart|which|what|who|how|whether|why)\b", "reports, distinguishes, shows"),
    any(r"\blook(s|ed|ing)? (after|whether|again)\b", "manages, checks, retries"),
    any(r"\b(in|out of) (the|its|their) way\b", "blocks"),
    any(r"\b(is|are|of|not|was|were) ours\b", "managed"),
    any(r"\bof now\b|\bholes?\b|\bodd pieces?\b", "current period, gap, partial period"),
    any(r"\b(is|are|was|were) (not )?to (be|have|stay|go|come|take)\b", "must, will"),
    any(r"\bat once\b", "in one run; immediately; at the same time"),
    any(r"(finalis|recognis|colour|behaviour|honour|normalis|organis|serialis|initialis|cancell(ed|ing)|labell|judgement|artefact|favour|analyse)", "US spelling"),
];

/// Lines that a pattern matches and that are right, by a regular expression.
#[rustfmt::skip]
const ALLOWED: [Allowed; 11] = [
    allowed("CHANGELOG.md", r"^\| (label|reason|JSON|text|`inspect)", "old names, for a reader who upgrades"),
    allowed("CHANGELOG.md", r"^What breaks an existing installation:$", "an indirect question before a list"),
    allowed("docs/reference/kubectl-pgpartition.md", r"^What to do$", "a heading in the output of the plugin"),
    allowed("src/kubernetes/", r"\.(is_)?cancelled\(\)", "a function of tokio"),
    allowed("src/observed/copy.rs", r#"alias = "twin""#, "a key of earlier snapshots"),
    allowed("src/plan/canonical/mod.rs", r#""twin""#, "a word of canonical texts, which never change"),
    allowed("src/", r"^\s*(\w+::)?None if .* => ", "a guard of a match"),
    allowed("tests/", r"^\s*(\w+::)?None if .* => ", "a guard of a match"),
    allowed("tests/postgres/", r"(chown |--reuid=)nobody", "a user of the operating system"),
    allowed("tests/pure/language.rs", r#"^    (any|scoped|allowed)\(|= "\(\^\|_\)"#, "the patterns themselves"),
    allowed("tests/support/proxy.rs", r"set_zero_linger\(\)", "a function of tokio"),
];

#[test]
fn no_line_matches_a_banned_pattern() {
    let allowed = ALLOWED.map(|of| (of.path, Regex::new(of.line).expect("a pattern")));
    let mut used = [false; ALLOWED.len()];
    let (any_pattern, mut wrong, mut seen) = (any_pattern(), Vec::new(), 0);
    for path in tracked_files().into_iter().filter(|path| is_prose(path)) {
        let text = fs::read_to_string(source::root().join(&path)).expect("a text in UTF-8");
        seen += 1;
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| any_pattern.is_match(line)) {
            let is_allowed =
                |(of, regex): &(&str, Regex)| path.starts_with(of) && regex.is_match(line);
            if let Some(at) = allowed.iter().position(is_allowed) {
                used[at] = true;
                continue;
            }
            let matching = any_pattern.matches(line).into_iter().map(|at| &PATTERNS[at]);
            wrong.extend(matching.filter(|pattern| pattern.scope.has(&path)).map(|pattern| {
                let Pattern { regex, instead, .. } = pattern;
                format!("{path}:{number}: {}\n  {regex}\n  write: {instead}", line.trim())
            }));
        }
    }
    assert!(seen > 500, "files: {seen}");
    let count = wrong.len();
    assert!(wrong.is_empty(), "see docs/reference/glossary.md\n{}\n{count} hits", wrong.join("\n"));
    for (allowed, used) in ALLOWED.iter().zip(used) {
        let Allowed { path, line, .. } = allowed;
        assert!(used, "remove {line:?} of {path} from the list of allowed lines");
    }
}

fn any_pattern() -> RegexSet {
    let regexes = PATTERNS.iter().map(|Pattern { regex, scope, .. }| match scope {
        Scope::AnyCase => format!("(?i){regex}"),
        Scope::SameCase | Scope::Markdown | Scope::Rust => (*regex).to_owned(),
    });
    RegexSet::new(regexes).expect("patterns")
}

impl Scope {
    fn has(self, path: &str) -> bool {
        match self {
            Self::AnyCase | Self::SameCase => true,
            Self::Markdown => is_of(path, "md"),
            Self::Rust => is_of(path, "rs"),
        }
    }
}

/// Returns whether the patterns apply to a file. Tools and generated files are left out.
fn is_prose(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_prose = ["rs", "md", "yaml", "toml", "tpl"].iter().any(|of| is_of(path, of))
        || (path.starts_with("src/") && is_of(path, "sql"))
        || ["NOTES.txt", "demo", "test"].contains(&name);
    is_prose && !path.starts_with("tools/") && !GENERATED.iter().any(|of| path.starts_with(of))
}

pub(crate) fn is_of(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// Returns the paths that Git tracks, or all of a checkout without Git.
pub(crate) fn tracked_files() -> Vec<String> {
    match git(&["ls-files", "-z"]) {
        Some(files) => {
            let exists = |path: &&str| source::root().join(path).is_file();
            files
                .split('\0')
                .filter(|path| !path.is_empty())
                .filter(exists)
                .map(str::to_owned)
                .collect()
        }
        None => files_below(source::root()),
    }
}

fn files_below(root: &Path) -> Vec<String> {
    let (mut folders, mut files) = (vec![PathBuf::new()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("a folder can be listed") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            let path = folder.join(&name);
            if entry.path().is_dir() && !NOT_SOURCES.contains(&name.as_str()) {
                folders.push(path);
            } else if entry.path().is_file() {
                files.push(path.into_os_string().into_string().expect("a path in UTF-8"));
            }
        }
    }
    files
}

/// Returns what Git prints, or `None` if the sources are not in a repository of their own.
fn git(arguments: &[&str]) -> Option<String> {
    let root = source::root();
    if !root.join(".git").exists() {
        return None;
    }
    let mut git = Command::new("git");
    let output = git.args(["-c", "safe.directory=*", "-C"]).arg(root).args(arguments).output();
    let output = output.expect("git can be started: the sources are in a repository");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Time since which subjects of commits have this form, in seconds since 1970.
const SUBJECTS_SINCE: u64 = 1_796_045_600;

#[test]
fn commit_subject_has_an_area_and_at_most_72_characters() {
    let form = Regex::new("^[a-z][a-z0-9/_-]*: [a-z].{0,70}[^.]$").expect("a pattern");
    for (subject, is_right) in [
        ("plan: drain a default partition", true),
        ("Drain a default partition", false),
        ("plan: drain a default partition.", false),
        ("plan, sql: drain a default partition", false),
    ] {
        assert_eq!(form.is_match(subject), is_right, "{subject}");
    }
    // A shallow clone has the last commits only, and sources that were unpacked from an archive have none.
    let Some(log) = git(&["log", "--no-merges", "--format=%ct %h %s"]) else { return };
    let commits: Vec<_> = log.lines().filter_map(|line| line.split_once(' ')).collect();
    assert!(!commits.is_empty(), "a repository has a commit");
    let is_wrong = |subject: &str| !form.is_match(subject) || subject.chars().count() > 72;
    let wrong: Vec<_> = commits
        .into_iter()
        .filter(|(time, _)| time.parse::<u64>().expect("a time") > SUBJECTS_SINCE)
        .filter(|(_, commit)| commit.split_once(' ').is_none_or(|(_, subject)| is_wrong(subject)))
        .map(|(_, commit)| commit)
        .collect();
    assert!(wrong.is_empty(), "write `area: verb object`:\n{}", wrong.join("\n"));
}

/// Words that hide the subject of a test's name.
const WORDS_OF_NAMES: &str = "(^|_)(what|who|whoever|nobody|somebody|others|let_go|lets_go|told|tells|comes?|came|ours|stranger)(_|$)";

#[test]
fn name_of_a_test_states_behavior() {
    let banned = Regex::new(WORDS_OF_NAMES).expect("a pattern");
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in tracked_files().into_iter().filter(|path| is_of(path, "rs")) {
        let source = fs::read_to_string(source::root().join(&path)).expect("a source");
        for name in names_of_tests(&source) {
            seen += 1;
            if banned.is_match(name) {
                wrong.push(format!("{path}: {name}"));
            }
        }
    }
    assert!(seen > 500, "names of tests: {seen}");
    assert!(wrong.is_empty(), "state who does what:\n{}", wrong.join("\n"));
}

/// Returns the name of each function that follows the attribute of a test.
fn names_of_tests(source: &str) -> impl Iterator<Item = &str> {
    let is_test = |line: &&str| ["#[test]", "#[tokio::test"].iter().any(|of| line.starts_with(of));
    let mut lines = source.lines().map(str::trim_start);
    std::iter::from_fn(move || {
        lines.find(is_test)?;
        let (_, name) = lines.find_map(|line| line.split_once("fn "))?;
        name.split('(').next()
    })
}
