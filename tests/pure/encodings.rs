//! Texts that the operator stores or compares have encoders of their own: the texts are golden, and depend neither on
//! `Debug` nor on messages.

use std::collections::BTreeMap;
use std::fs;

use pg_partition_operator::partition::Canonical;

use crate::golden::expect_file;
use crate::samples;

/// The files that write what is stored.
const WRITERS: [&str; 9] = [
    "src/partition/canonical.rs",
    "src/partition/constraint.rs",
    "src/partition/conversion.rs",
    "src/partition/index.rs",
    "src/partition/marker.rs",
    "src/partition/stored_name.rs",
    "src/plan/canonical/blocker.rs",
    "src/plan/canonical/mod.rs",
    "src/plan/fingerprint.rs",
];

/// Beginnings of markers, records of adoptions, and names of constraints.
const GRAMMAR: [&str; 4] =
    ["pgpartition.dev ", "pgpartition_not_", "pgpartition_of_", "pgpartition_bounds"];

fn source(path: &str) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The canonical text of each step and of each blocker.
fn texts() -> Vec<String> {
    let text = |encoded: &mut Canonical| encoded.as_str().to_owned();
    let steps = samples::steps();
    let steps = steps.iter().map(|step| text(Canonical::new("step", 1).with(step)));
    let blockers = samples::blockers();
    let blockers = blockers.iter().map(|blocker| text(Canonical::new("blocker", 1).with(blocker)));
    steps.chain(blockers).collect()
}

/// A line that changes is another encoding: give it the next version in `src/plan/fingerprint.rs`, and say in the
/// changelog that open approvals have to be given again.
#[test]
fn canonical_texts_of_steps_and_blockers_are_golden() {
    expect_file("tests/pure/encodings.txt", &(texts().join("\n") + "\n"));
}

#[test]
fn no_two_steps_or_blockers_share_a_canonical_text() {
    let mut seen = BTreeMap::new();
    for (number, text) in texts().into_iter().enumerate() {
        let other = seen.insert(text.clone(), number);
        assert_eq!(other, None, "{number}: {text}");
    }
}

#[test]
fn stored_text_is_neither_debug_output_nor_message_text() {
    for path in WRITERS {
        let source = source(path);
        for word in [":?}", ".shown()", "shown_text"] {
            assert!(!source.contains(word), "{path} has {word}");
        }
    }
}

#[test]
fn marker_and_constraint_grammar_is_written_once() {
    let sql = fs::read_dir("src/sql")
        .expect("a folder")
        .chain(fs::read_dir("src/postgres").expect("a folder"));
    for file in sql {
        let path = file.expect("a file").path();
        if path.is_file() {
            let text = source(path.to_str().expect("UTF-8"));
            for word in GRAMMAR {
                assert!(!text.contains(word), "{} has {word}", path.display());
            }
        }
    }
}
