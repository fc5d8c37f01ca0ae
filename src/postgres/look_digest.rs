//! A digest of the rows that the catalog query returns for a table.

use jiff::Timestamp;

use crate::plan::clocks_differ;

/// Digest of the rows that the catalog query returns for one table, without the clock of the server. Two equal digests mean
/// that an inspection of the table finds the same.
///
/// Only digests of the same process can be compared: the hashes have seeds of the process, so that no table owner can prepare a
/// change that keeps the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LookDigest([u64; 2]);

impl LookDigest {
    /// Returns the digest of no row.
    pub(super) fn new() -> Self {
        Self([0; 2])
    }

    /// Adds the hashes of a row, or the sums of the hashes of several rows. The order of the rows does not matter.
    pub(super) fn add(&mut self, hashes: [u64; 2]) {
        for (sum, hash) in self.0.iter_mut().zip(hashes) {
            *sum = sum.wrapping_add(hash);
        }
    }

    /// Returns the digest with the one fact about the clocks that a plan depends on: whether they differ too much.
    #[must_use]
    pub fn with_clocks(self, server: Timestamp, operator: Timestamp) -> Self {
        let Self([first, second]) = self;
        Self([first, second ^ u64::from(clocks_differ(server.duration_since(operator)))])
    }
}
