//! A digest of the rows that the catalog query returns for a table.

use jiff::Timestamp;

use crate::plan::clocks_differ;

/// Digest of the rows that the catalog query returns for one table, without the clock of the server. Two equal digests mean
/// that an inspection of the table finds the same.
///
/// Only digests of the same process can be compared: the hashes have a seed of the process, so that no table owner can prepare
/// a change that keeps the digest.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LookDigest {
    /// Sum of the hashes of the rows, modulo 2^64.
    rows: u64,
    /// Whether the clocks of the server and the operator differ too much.
    clocks_differ: bool,
}

impl LookDigest {
    /// Adds the hash of a row, or the sum of the hashes of several rows. The order of the rows does not matter.
    pub(super) fn add(&mut self, hash: u64) {
        self.rows = self.rows.wrapping_add(hash);
    }

    /// Returns the digest with the one fact about the clocks that a plan depends on.
    #[must_use]
    pub fn with_clocks(self, server: Timestamp, operator: Timestamp) -> Self {
        Self { clocks_differ: clocks_differ(server.duration_since(operator)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan as _};

    use super::LookDigest;

    #[test]
    fn digest_changes_with_a_hash_and_with_clocks_that_differ() {
        let digest = |hashes: &[u64]| {
            let mut digest = LookDigest::default();
            for hash in hashes {
                digest.add(*hash);
            }
            digest
        };
        assert_eq!(digest(&[1, u64::MAX, 7]), digest(&[7, 1, u64::MAX]));
        assert_ne!(digest(&[1, 7]), digest(&[1, 8]));
        let (now, digest) = (Timestamp::UNIX_EPOCH, digest(&[7]));
        let later = |span| digest.with_clocks(now, now + span);
        assert_eq!(later(0.seconds()), later(1.minute()));
        assert_eq!(later((-60).seconds()), later(1.minute()));
        assert_ne!(later(0.seconds()), later(61.seconds()));
        assert_ne!(later(0.seconds()), later((-61).seconds()));
    }
}
