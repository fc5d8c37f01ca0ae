//! Texts that the operator keeps for each resource, compressed.
//!
//! Such a text is short, and most of it is the same for all resources. So a dictionary contains what is usual.

use std::fmt;

use lz4_flex::block;

/// Parts of the JSON of resources and partitions. Nothing stores a compressed text, so the dictionary can change.
const DICTIONARY: &str = include_str!("dictionary.txt");

/// A compressed text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn new(text: &str) -> Self {
        let dictionary = DICTIONARY.as_bytes();
        let packed = block::compress_prepend_size_with_dict(text.as_bytes(), dictionary);
        Self(packed.into_boxed_slice())
    }

    /// Returns the text.
    pub(super) fn text(&self) -> String {
        let unpacked = block::decompress_size_prepended_with_dict(&self.0, DICTIONARY.as_bytes());
        // Only `new` makes the bytes, so that there is no error.
        String::from_utf8(unpacked.unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Packed;

    #[test]
    fn text_is_unchanged_by_packing() {
        let long = "0123456789äöü".repeat(10_000);
        for text in ["", "a", "{}", "{\"spec\":{\"table\":\"orders\"}}", &long] {
            assert_eq!(Packed::new(text).text(), text);
        }
    }

    #[test]
    fn usual_status_needs_few_bytes() {
        let conditions: String = ["Ready", "Reachable", "Covered", "Retained", "Indexed"]
            .map(|name| {
                format!(
                    "{{\"lastTransitionTime\":\"2026-11-22T08:00:00Z\",\"message\":\"covered until \
                     2027-03-01T00:00:00Z\",\"observedGeneration\":3,\"reason\":\"Succeeded\",\
                     \"status\":\"True\",\"type\":\"{name}\"}},"
                )
            })
            .concat();
        let packed = Packed::new(&conditions).0.len();
        assert!(packed * 5 < conditions.len(), "{packed} of {} bytes", conditions.len());
    }
}
