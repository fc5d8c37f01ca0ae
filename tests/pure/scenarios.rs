//! Every file in `scenarios/` yields the output below its `---`.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure scenarios` writes that part again.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::{scenario, source};

const RULE: &str = "---\n";

#[test]
fn every_scenario_is_golden() {
    let mut wrong = Vec::new();
    for path in files() {
        if let Err(problem) = compare(&path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            wrong.push(format!("{name}: {problem}"));
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Every scenario, those in folders included.
pub(crate) fn files() -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![source::root().join("tests/pure/scenarios")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "scenario") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn compare(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).expect("a file can be read");
    let (script, expected) = text.split_once(RULE).unwrap_or((&text, ""));
    let seen = catch_unwind(|| scenario::run(script)).map_err(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        message.or(panic.downcast_ref::<&str>().map(|&s| s.to_owned())).unwrap_or_default()
    })?;
    if seen == expected {
        return Ok(());
    }
    if env::var_os("PGPARTITION_UPDATE").is_some() {
        fs::write(path, format!("{script}{RULE}{seen}")).expect("the file can be written");
        return Ok(());
    }
    Err(format!("expected\n{expected}but saw\n{seen}"))
}
