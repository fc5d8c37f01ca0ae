//! Postgres versions.

use std::fmt;

/// A server's version as `server_version_num` gives it: 170010 is 17.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// The oldest version that has all that is needed: `DETACH … CONCURRENTLY` and `date_bin` came
    /// with 14. <https://www.postgresql.org/docs/release/14.0/>
    pub const OLDEST_SUPPORTED: Self = Self(140_000);

    /// The major version.
    #[must_use]
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.0 % 10_000)
    }
}
