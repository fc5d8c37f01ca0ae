//! A hint for looking up partitions by name.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Position at which the last partition was found by its name. Steps come in the order of the partitions, so the
/// next one is near; without the hint, a plan for thousands of partitions costs the square of their number.
///
/// It is not part of the observed state: all hints are equal.
#[derive(Default)]
pub struct SearchHint(AtomicUsize);

impl SearchHint {
    /// The position of the first element after the hint of which something is true, or else of any.
    pub(super) fn find<T>(&self, all: &[T], predicate: impl Fn(&T) -> bool) -> Option<usize> {
        let start = self.0.load(Ordering::Relaxed).min(all.len());
        let (before, after) = all.split_at(start);
        let found = match after.iter().position(&predicate) {
            Some(found) => start + found,
            None => before.iter().position(&predicate)?,
        };
        self.0.store(found, Ordering::Relaxed);
        Some(found)
    }
}

impl fmt::Debug for SearchHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Near")
    }
}

impl Clone for SearchHint {
    fn clone(&self) -> Self {
        Self(AtomicUsize::new(self.0.load(Ordering::Relaxed)))
    }
}

impl PartialEq for SearchHint {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SearchHint {}
