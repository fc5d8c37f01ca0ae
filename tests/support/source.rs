//! The source of this program, as far as a test reads it.

use std::fs;
use std::path::{Path, PathBuf};

use pg_partition_operator::plan::Step;

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src`, with its path from there; tests are left out.
pub(crate) fn files() -> Vec<(PathBuf, String)> {
    let root = root().join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry").path();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() {
                folders.push(path);
            } else if is_rust && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).expect("source can be read");
                let path = path.strip_prefix(&root).expect("below the root").to_owned();
                files.push((path, text));
            }
        }
    }
    files.sort();
    files
}

/// The text of one file below `src`.
pub(crate) fn file(path: &str) -> String {
    let (_, text) =
        files().into_iter().find(|(found, _)| found == Path::new(path)).expect("it is there");
    text
}

/// Names of all kinds of steps, as the program declares them.
pub(crate) fn kinds_of_steps() -> Vec<String> {
    variants(&file("plan/step/mod.rs"), "Step").into_iter().map(|(name, _)| name).collect()
}

/// Name of the kind of a step: that of its variant.
pub(crate) fn kind_of(step: &Step) -> String {
    format!("{step:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// The name of each variant of an enum, with the words of its doc comment.
pub(crate) fn variants(text: &str, of: &str) -> Vec<(String, String)> {
    documented(text, &format!("pub enum {of} {{"))
}

/// The name that begins each entry of a list, from this line to the next `}`, with the words of its doc comment.
pub(crate) fn documented(text: &str, start: &str) -> Vec<(String, String)> {
    let body =
        text.lines().skip_while(|line| *line != start).skip(1).take_while(|line| *line != "}");
    let (mut variants, mut words) = (Vec::new(), Vec::new());
    for line in body {
        let Some(line) = line.strip_prefix("    ").filter(|line| !line.starts_with([' ', '}']))
        else {
            continue;
        };
        if let Some(doc) = line.strip_prefix("/// ") {
            words.push(doc.to_owned());
        } else if !line.starts_with("// ") {
            let name = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            variants.push((name.to_owned(), std::mem::take(&mut words).join(" ")));
        }
    }
    variants
}
