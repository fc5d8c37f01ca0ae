//! Files that are generated and checked in.

use std::path::Path;
use std::{env, fs};

/// Asserts that the file at `path` has this text, or writes the text if `PGPARTITION_UPDATE` is set.
pub(crate) fn expect_file(path: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("PGPARTITION_UPDATE").is_some() {
        fs::write(&file, generated).expect("the file can be written");
    }
    let checked_in = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in == generated,
        "{path} is out of date:\n{}\nrun this test again with PGPARTITION_UPDATE=1",
        first_difference(&checked_in, generated)
    );
}

/// The first line in which the two differ, as a diff shows it.
fn first_difference(old: &str, new: &str) -> String {
    let common = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
    let line = |text: &str| text.lines().nth(common).unwrap_or("(end of file)").to_owned();
    format!("@@ line {}\n-{}\n+{}", common + 1, line(old), line(new))
}
