//! Changes of the triggers and functions of a conversion since their installation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::partition::{Identifier, QualifiedName};

/// Difference of a trigger or function from the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncChange {
    /// The trigger or function.
    pub object: SyncObject,
    /// Difference from the installation.
    pub change: Change,
}

/// An object of the sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncObject {
    /// A trigger.
    Trigger(Identifier),
    /// A trigger on one partition.
    PartitionTrigger {
        /// Name of the trigger.
        trigger: Identifier,
        /// Name of the partition.
        partition: QualifiedName,
    },
    /// A function.
    Function(Identifier),
}

/// A difference from what was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It is not there.
    Dropped,
    /// It does not fire in every session.
    Disabled,
    /// It was altered, or created again.
    Replaced,
    /// There is no record that it was installed.
    Unrecorded,
}

impl fmt::Display for SyncChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = match &self.object {
            SyncObject::Trigger(name) => format!("trigger {}", name.display()),
            SyncObject::PartitionTrigger { trigger, partition } => {
                format!("trigger {} of partition {}", trigger.display(), partition.display())
            }
            SyncObject::Function(name) => format!("function {}", name.display()),
        };
        let change = match self.change {
            Change::Dropped => "was dropped",
            Change::Disabled => "is disabled",
            Change::Replaced => "was replaced",
            Change::Unrecorded => "is not recorded",
        };
        write!(f, "{object} {change}")
    }
}
