//! `docs/reference/preflight.md` has a row for everything that the preflight of a conversion finds.

use std::collections::BTreeSet;
use std::fs;

use crate::{scenarios, source};

const PAGE: &str = "docs/reference/preflight.md";

/// Each scenario that the page links to. If it is the test of a finding that has a name in code, with this name, which is
/// in the first cell of the row.
fn linked() -> Vec<(String, Option<String>)> {
    let page = fs::read_to_string(source::root().join(PAGE)).expect("the page");
    page.lines().flat_map(linked_in).collect()
}

fn linked_in(line: &str) -> Vec<(String, Option<String>)> {
    let cell = line.strip_prefix("| ").and_then(|row| row.split(" |").next()).unwrap_or_default();
    let name = cell.split('`').nth(1);
    let links = line.split("](../../tests/pure/scenarios/conversion/").collect::<Vec<_>>();
    let pairs = links.windows(2).map(|pair| {
        let [before, after] = pair else { unreachable!("a window of two") };
        let label = before.rsplit('[').next().unwrap_or_default();
        let name = name.filter(|_| label == "Test");
        (after.split(')').next().unwrap_or_default().to_owned(), name.map(str::to_owned))
    });
    pairs.collect()
}

#[test]
fn every_finding_of_the_preflight_has_a_row() {
    let refusals = source::variants(&source::file("plan/conversion/refusal.rs"), "Refusal");
    let losses = source::variants(&source::file("desired/loss.rs"), "Loss");
    // An unacknowledged loss has the name of the loss.
    let found = refusals.into_iter().chain(losses).map(|(name, _)| name);
    let mut found: BTreeSet<_> = found.filter(|name| name != "NotAcknowledged").collect();
    found.insert("UnsupportedKeyType".to_owned());
    assert_eq!(linked().into_iter().filter_map(|(_, name)| name).collect::<BTreeSet<_>>(), found);
}

#[test]
fn every_row_of_the_preflight_has_a_scenario_that_shows_it() {
    let folder = source::root().join("tests/pure/scenarios/conversion");
    let mut scenarios = BTreeSet::new();
    for (scenario, name) in linked() {
        let text = fs::read_to_string(folder.join(&scenario)).expect(&scenario);
        let (_, seen) = text.split_once("---").expect("the output");
        assert!(name.is_none_or(|name| seen.contains(&name)), "{scenario}");
        scenarios.insert(folder.join(scenario));
    }
    let files = scenarios::files().into_iter().filter(|path| path.starts_with(&folder));
    assert_eq!(files.collect::<BTreeSet<_>>(), scenarios);
}
