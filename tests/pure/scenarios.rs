//! Every file in `scenarios/` comes to what stands below its `---`.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure scenarios` writes that part anew.

use std::panic::catch_unwind;
use std::path::Path;
use std::{env, fs};

use crate::scenario;

const RULE: &str = "---\n";

#[test]
fn every_scenario_comes_to_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/scenarios");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).expect("there are scenarios") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "scenario")
            && let Err(problem) = compare(&path)
        {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            wrong.push(format!("{name}: {problem}"));
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
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
