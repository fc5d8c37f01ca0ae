//! Statements of the documents are true: link targets and flags exist, and examples are accepted.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pg_partition_operator::api::v1alpha1::{PartitionedTable, PartitionedTableSpec};
use pg_partition_operator::desired::DesiredTable;
use serde::Deserialize as _;
use serde_json::Value;

use pg_partition_operator::cli::admission::Admission;

const PROGRAM: &str = "pg-partition-operator";

/// Call of the program as a plugin of kubectl, and the name of its executable.
const PLUGIN: (&str, &str) = ("kubectl pgpartition", "kubectl-pgpartition");

#[test]
fn every_link_has_a_target() {
    for page in pages() {
        let folder = page.parent().expect("a page is in a folder");
        for target in links(&text(&page)) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { page.clone() } else { folder.join(file) };
            assert!(file.exists(), "{}: no {target}", page.display());
            let leads = heading.is_empty() || headings(&text(&file)).any(|h| h == heading);
            assert!(leads, "{}: no heading for {target}", page.display());
        }
    }
}

/// Pages name tests as `tests/pure/docs.rs::every_named_test_exists`.
#[test]
fn every_named_test_exists() {
    let mut seen = 0;
    for page in pages() {
        for rest in text(&page).split("`tests/").skip(1) {
            let name = rest.split('`').next().unwrap_or_default();
            let Some((file, test)) = name.split_once("::") else { continue };
            let source = root().join("tests").join(file);
            let source = fs::read_to_string(&source).unwrap_or_default();
            assert!(source.contains(&format!("fn {test}(")), "{}: no {name}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "pages name tests: {seen}");
}

/// `ARCHITECTURE.md` prints words of the project in italics, in the rule *Words*.
#[test]
fn every_word_of_the_architecture_is_in_the_glossary() {
    let page = text(&root().join("ARCHITECTURE.md"));
    let (_, rule) = page.split_once("- **Words.**").expect("a rule about words");
    let rule = rule.split("\n- **").next().unwrap_or_default();
    let words: Vec<_> = rule.split('*').skip(1).step_by(2).collect();
    let glossary = text(&root().join("docs/reference/glossary.md"));
    let cells = glossary.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let rows: Vec<_> = cells.flat_map(|(cell, _)| cell.split(", ")).collect();
    let missing: Vec<_> = words.iter().filter(|word| !rows.contains(word)).collect();
    assert!(missing.is_empty(), "the glossary has no row for {missing:?}");
    assert!(words.len() > 8, "words in italics: {words:?}");
}

#[test]
fn every_named_bench_exists() {
    let manifest = text(&root().join("Cargo.toml"));
    let mut seen = 0;
    for page in pages() {
        for rest in text(&page).split("cargo bench --bench ").skip(1) {
            let end = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-';
            let name = rest.split(end).next().unwrap_or_default();
            let entry = format!("[[bench]]\nname = \"{name}\"\n");
            assert!(name == "NAME" || manifest.contains(&entry), "{}: no {name}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "pages name benches: {seen}");
}

#[test]
fn every_page_is_reachable_from_the_first() {
    let mut found = vec![root().join("docs/README.md")];
    let mut next = 0;
    while let Some(page) = found.get(next).cloned() {
        next += 1;
        let folder = page.parent().expect("a page is in a folder");
        for target in links(&text(&page)).iter().filter(|target| !target.contains("://")) {
            let target = folder.join(target.split('#').next().unwrap_or_default());
            let Ok(target) = target.canonicalize() else { continue };
            let inside = if target.is_dir() { markdown(&target) } else { vec![target] };
            let pages =
                inside.into_iter().filter(|page| page.extension().is_some_and(|e| e == "md"));
            found.extend(pages.filter(|page| !found.contains(page)).collect::<Vec<_>>());
        }
    }
    for page in files("docs", "md") {
        let page = page.canonicalize().expect("a page is there");
        assert!(found.contains(&page), "no link leads to {}", page.display());
    }
}

#[test]
fn every_command_and_flag_exists() {
    let mut seen = 0;
    for page in pages() {
        let text = text(&page);
        for (program, called, verbs) in
            [(PROGRAM, PROGRAM, &VERBS[..]), (PLUGIN.0, PLUGIN.1, &PLUGIN_VERBS[..])]
        {
            for (command, flags) in text.lines().flat_map(|line| commands(line, program, verbs)) {
                let help = help(called, &command);
                for flag in flags {
                    let exists = help.split([' ', ',', '\n', '[']).any(|word| word == flag);
                    assert!(exists, "{}: {command} has no {flag}", page.display());
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 0, "the documents name flags");
}

#[test]
fn every_example_is_accepted() {
    let mut texts: Vec<_> = files("examples", "yaml").iter().map(|file| text(file)).collect();
    texts.extend(pages().iter().flat_map(|page| blocks(&text(page), "yaml")));
    let admission = Admission::on_command_line().expect("a schema");
    let mut seen = 0;
    for text in texts {
        for document in serde_yaml::Deserializer::from_str(&text) {
            let object = Value::deserialize(document).expect("examples are YAML");
            if object["kind"] != "PartitionedTable" {
                continue;
            }
            let admitted = admission.admit(&mut object.clone(), None);
            admitted.unwrap_or_else(|found| panic!("{found:?}:\n{text}"));
            let spec: PartitionedTableSpec =
                serde_json::from_value(object["spec"].clone()).expect("a spec");
            DesiredTable::parse(&spec).unwrap_or_else(|errors| panic!("{errors:?}:\n{text}"));
            serde_json::from_value::<PartitionedTable>(object).expect("a resource");
            seen += 1;
        }
    }
    assert!(seen > 3, "the documents have examples");
}

/// Returns the help of a command under this name of the program; a command that does not exist has no help.
fn help(program: &str, command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
        .arg0(program)
        .args([command, "--help"])
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "there is no {program} {command}");
    String::from_utf8(output.stdout).expect("help is text")
}

/// The commands of a program in a line, each with its flags.
fn commands(line: &str, program: &str, verbs: &[&str]) -> Vec<(String, Vec<String>)> {
    let called = format!("{program} ");
    line.split(&called).skip(1).filter_map(|text| command(text, verbs)).collect()
}

/// Returns the command and the flags at the start of a text, or `None` if it only mentions the program.
fn command(text: &str, verbs: &[&str]) -> Option<(String, Vec<String>)> {
    let end = text.find(['`', '#', '|', ';', '>']).unwrap_or(text.len());
    let mut words = text.get(..end)?.split_whitespace();
    let verb = words.next().filter(|verb| verbs.contains(verb))?;
    let words = words.map(|word| word.trim_matches(['[', ']']));
    let flags = words.filter(|word| word.starts_with('-') && *word != "-");
    let flags = flags.map(|flag| flag.split(['[', '=']).next().unwrap_or(flag).to_owned());
    Some((verb.to_owned(), flags.collect()))
}

const VERBS: [&str; 7] = ["run", "check", "crd", "plan", "apply", "verify", "inspect"];

const PLUGIN_VERBS: [&str; 5] = ["status", "plan", "approve", "verify", "reconcile"];

/// The headings of a page, as GitHub names them in links.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    })
}

/// Returns the targets of a page's links.
fn links(page: &str) -> Vec<String> {
    let targets = page.split("](").skip(1);
    targets.filter_map(|rest| rest.split(')').next().map(str::to_owned)).collect()
}

/// The code blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let rest = page.split(opening.as_str()).skip(1);
    rest.filter_map(|block| block.split("```").next().map(str::to_owned)).collect()
}

fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend(markdown(root()));
    pages
}

/// The pages in a folder, without those below it.
fn markdown(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("a file").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The files below a folder of the project.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("documents are text")
}
