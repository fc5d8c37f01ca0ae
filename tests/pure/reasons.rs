//! Reasons of conditions: they follow the grammar of Kubernetes, and a user understands them.

use std::collections::BTreeSet;
use std::path::Path;

use pg_partition_operator::api::{ConditionType, Reason};

use crate::source;

#[test]
fn reason_is_a_camel_case_word_with_a_meaning_and_at_most_one_remedy() {
    for reason in Reason::ALL {
        let (word, sentence) = (reason.as_str(), reason.describe());
        assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
        assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
        assert!(sentence.ends_with('.'), "{word}: {sentence}");
        assert!(
            sentence.matches(". ").count() <= 1,
            "{word} needs more than two sentences: {sentence}"
        );
    }
}

#[test]
fn no_reason_has_two_meanings() {
    let reasons: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.describe()).collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
    let types: BTreeSet<_> = ConditionType::ALL.iter().map(|of| of.as_str()).collect();
    assert_eq!(types.len(), ConditionType::ALL.len());
}

#[test]
fn every_reason_is_used() {
    let gives = |path: &Path| path.starts_with("status") || path.starts_with("kubernetes");
    let is_test = |path: &Path| {
        path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
    };
    let files = source::files().into_iter().filter(|(path, _)| gives(path) && !is_test(path));
    let text: String = files.map(|(_, text)| text).collect();
    let named: BTreeSet<_> = text
        .split("Reason::")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next())
        .collect();
    for word in Reason::ALL.iter().map(|reason| reason.as_str()) {
        assert!(named.contains(word), "no status and no event has the reason {word}: remove it");
    }
}
