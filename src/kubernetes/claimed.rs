//! A table that a resource may have claimed.

use std::sync::Arc;

use crate::partition::ManagedTable;
use crate::postgres::ConnectionSettings;

/// A table that a resource may have claimed, and how to log in to its database.
#[derive(Debug, Clone)]
pub(super) struct ClaimedTable {
    pub(super) settings: Arc<ConnectionSettings>,
    pub(super) table: ManagedTable,
}

impl ClaimedTable {
    /// Returns whether both are the same claim.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let place =
            |claimed: &Self| (claimed.settings.servers.clone(), claimed.settings.dbname.clone());
        self.table == other.table && place(self) == place(other)
    }
}
