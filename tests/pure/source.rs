//! The source of this program, as far as a test reads it.

use std::fs;
use std::path::{Path, PathBuf};

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src`, with its path from there.
pub(crate) fn files() -> Vec<(PathBuf, String)> {
    files_of("rs")
}

/// Every file with this extension below `src`, with its path from there.
pub(crate) fn files_of(wanted: &str) -> Vec<(PathBuf, String)> {
    let root = root().join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry").path();
            let is_wanted = path.extension().is_some_and(|extension| extension == wanted);
            if path.is_dir() {
                folders.push(path);
            } else if is_wanted {
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

/// The name of each variant of an enum, with the words of its doc comment.
pub(crate) fn variants(text: &str, of: &str) -> Vec<(String, String)> {
    let start = format!("pub enum {of} {{");
    let body = text
        .lines()
        .skip_while(|line| *line != start.as_str())
        .skip(1)
        .take_while(|line| *line != "}");
    let (mut variants, mut words) = (Vec::new(), Vec::new());
    for line in body {
        let Some(line) = line.strip_prefix("    ").filter(|line| !line.starts_with([' ', '}']))
        else {
            continue;
        };
        if let Some(doc) = line.strip_prefix("/// ") {
            words.push(doc.to_owned());
        } else if !line.starts_with("// ") && !line.starts_with("#[") {
            let name = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            variants.push((name.to_owned(), std::mem::take(&mut words).join(" ")));
        }
    }
    variants
}

/// The names below each heading of a list in a file: an enum, or the arguments of a macro, which begins with the line
/// `start`. A heading is a comment `// # Heading`.
pub(crate) fn groups(text: &str, start: &str) -> Vec<(String, Vec<String>)> {
    let body =
        text.lines().skip_while(|line| *line != start).skip(1).take_while(|line| *line != "}");
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for line in body {
        let Some(line) = line.strip_prefix("    ") else { continue };
        if let Some(heading) = line.strip_prefix("// # ") {
            groups.push((heading.to_owned(), Vec::new()));
        } else if line.starts_with(|c: char| c.is_ascii_uppercase()) {
            let name = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            groups.last_mut().expect("a heading before the first name").1.push(name.to_owned());
        }
    }
    groups
}

/// An exception of a test that reads files: a file or folder, what the line there has, and why it is right.
pub(crate) struct Allowed {
    pub(crate) path: &'static str,
    pub(crate) line: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
}

pub(crate) const fn allowed(
    path: &'static str,
    line: &'static str,
    reason: &'static str,
) -> Allowed {
    Allowed { path, line, reason }
}
