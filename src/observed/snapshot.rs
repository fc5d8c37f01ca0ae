//! A snapshot as the catalog query returns it and as `inspect -o json` prints it.

#![allow(clippy::struct_excessive_bools, reason = "the catalog answers yes or no")]

use serde::{Deserialize, Serialize};

use super::{Answer, BoundsCheck, CountedRows};
use crate::partition::{ManagedTable, is_attached_source};

/// Result of one inspection of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The schema that was looked in.
    pub schema: String,
    /// The table that was looked for.
    pub table: String,
    /// The relation of the schema that was read for it; absent if that has the name of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) relation_name: Option<String>,
    pub(crate) server: RawServer,
    pub(crate) relation: Option<RawRelation>,
    pub(crate) partitions: Vec<RawPartition>,
    pub(crate) taken: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unattached: Vec<String>,
    /// The answers to what the catalog does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// Rows of the default partition, as versions without `answers` printed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_rows: Option<CountedRows>,
}

impl Snapshot {
    /// Returns whether the schema has a relation of that name.
    #[must_use]
    pub fn has_relation(&self) -> bool {
        self.relation.is_some()
    }

    /// Returns whether the relation is a plain table, which can have a copy.
    #[must_use]
    pub fn is_plain_table(&self) -> bool {
        self.relation.as_ref().is_some_and(|relation| relation.kind == "r")
    }

    /// Returns whether the relation is the copy of the table.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.relation.as_ref().is_some_and(|relation| relation.kind == "p" && relation.is_copy)
    }

    /// Returns the object identifier of the relation if the table is in a conversion or can be: it is a plain table, the copy,
    /// or has a source, as a table of its own or as a partition.
    #[must_use]
    pub fn oid_in_conversion(&self, table: &ManagedTable) -> Option<u32> {
        let relation = self.relation.as_ref()?;
        let has_source = relation.is_copy || relation.has_source;
        let is_source = |partition: &RawPartition| {
            let comment = partition.comment.as_deref();
            comment.is_some_and(|comment| is_attached_source(comment, table))
        };
        let is_in_conversion =
            self.is_plain_table() || has_source || self.partitions.iter().any(is_source);
        is_in_conversion.then_some(relation.oid)
    }

    /// Removes the name of the login role, which came from a Secret: that of the session, and `user`, as which it
    /// logged in. Other sessions and prepared transactions may have them too.
    pub fn hide_login_role(&mut self, user: Option<&str>) {
        let role = self.server.role.take();
        for holder in self.partitions.iter_mut().flat_map(|p| &mut p.blocked_by) {
            holder
                .role
                .take_if(|name| Some(&*name) == role.as_ref() || Some(name.as_str()) == user);
        }
        let owner = self.relation.as_ref().map(|relation| &relation.owner);
        self.server.hides_owner = role.is_some() && role.as_ref() == owner;
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawServer {
    pub(crate) version: u32,
    pub(crate) in_recovery: bool,
    /// Absent in what older versions printed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) read_only: bool,
    /// Absent if the name came from a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// Whether the role is the table's owner, and absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) hides_owner: bool,
    #[serde(default)]
    pub(crate) superuser: bool,
    pub(crate) clock: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawRelation {
    pub(crate) oid: u32,
    pub(crate) kind: String,
    pub(crate) owner: String,
    pub(crate) owned: bool,
    pub(crate) may_create: bool,
    pub(crate) key: RawKey,
    pub(crate) columns: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) generated: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) column_operators: Vec<(String, String, String, String)>,
    pub(crate) row_security: bool,
    pub(crate) force_row_security: bool,
    pub(crate) replica_identity: String,
    pub(crate) replica_identity_index: Option<String>,
    pub(crate) statistics: Vec<(String, i32)>,
    pub(crate) tablespace: Option<String>,
    pub(crate) access_method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) adopted: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) owner_code: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) powers: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_copy: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_copy_of_other: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_source: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) publications: Vec<String>,
    /// The catalog query tells these apart from the rest.
    #[serde(default)]
    pub(crate) indexes: Vec<RawIndex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inherited_bounds: Option<String>,
    pub(crate) references: Vec<(String, String)>,
    pub(crate) referenced_by: Vec<RawForeignKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawForeignKey {
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) columns: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) operators: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawKey {
    pub(crate) method: Option<String>,
    pub(crate) columns: Option<Vec<RawKeyColumn>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawKeyColumn {
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawPartition {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bounds: Option<String>,
    pub(crate) attached: bool,
    pub(crate) detach_pending: bool,
    pub(crate) comment: Option<String>,
    pub(crate) owned: bool,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) total_bytes: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lacks_identity: bool,
    /// Whether a user attached it to a table and detached it again since its comment was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) moved_since_marked: bool,
    pub(crate) storage: Vec<String>,
    pub(crate) indexes: Vec<RawIndex>,
    #[serde(alias = "exclusions")]
    pub(crate) default_checks: Option<Vec<RawDefaultCheck>>,
    pub(crate) fits: bool,
    #[serde(default)]
    pub(crate) bounds_check: BoundsCheck,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) referenced_by: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) publications: Vec<RawPublication>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dependents: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", alias = "heldBy")]
    pub(crate) blocked_by: Vec<RawBlockingTransaction>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) triggers: Vec<RawTrigger>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawPublication {
    pub(crate) name: String,
    pub(crate) owned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawBlockingTransaction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<i32>,
    /// The name of a prepared transaction, which has no process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gid: Option<String>,
    pub(crate) role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) application: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawTrigger {
    pub(crate) name: String,
    pub(crate) enabled: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawIndex {
    pub(crate) name: String,
    pub(crate) of: Option<String>,
    pub(crate) valid: bool,
    #[serde(default)]
    pub(crate) building: bool,
    #[serde(default)]
    pub(crate) unique: bool,
    #[serde(default)]
    pub(crate) exclusion: bool,
    pub(crate) constraint: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) shape: Option<RawShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dependents: Vec<String>,
    pub(crate) definition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<RawIndexSettings>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawIndexSettings {
    pub(crate) tablespace: Option<String>,
    pub(crate) parameters: Vec<String>,
    pub(crate) statistics: Vec<(u16, i32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawShape {
    pub(crate) method: String,
    pub(crate) unique: bool,
    pub(crate) columns: Vec<RawIndexColumn>,
    pub(crate) include: Vec<String>,
    pub(crate) predicate: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawIndexColumn {
    pub(crate) column: String,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawDefaultCheck {
    pub(crate) name: String,
    pub(crate) validated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn login_role_is_hidden_among_blocking_sessions() {
        let blocking = |role: &str| json!({"pid": 1, "role": role, "application": "a"});
        let prepared = json!({"gid": "g", "role": "user-of-secret"});
        let blocked_by =
            [blocking("user-of-secret"), blocking("role-of-secret"), blocking("other"), prepared];
        let snapshot = json!({
            "schema": "s", "table": "t", "relation": null, "taken": [],
            "server": {"version": 180_000, "inRecovery": false, "role": "role-of-secret", "clock": ""},
            "partitions": [{
                "oid": 1, "schema": "s", "name": "p", "kind": "r", "bounds": null, "attached": true,
                "detachPending": true, "comment": null, "owned": true, "rows": null, "bytes": 0,
                "storage": [], "indexes": [], "defaultChecks": null, "fits": true, "blockedBy": blocked_by,
            }],
        });
        let mut snapshot: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
        snapshot.hide_login_role(Some("user-of-secret"));
        let shown = serde_json::to_string(&snapshot).expect("JSON");
        assert!(shown.contains("other") && !shown.contains("-of-secret"), "{shown}");
    }

    #[test]
    fn reads_words_of_earlier_versions() {
        let partition = |words: serde_json::Value| {
            let mut partition = json!({
                "oid": 1, "schema": "s", "name": "p", "kind": "r", "bounds": null, "attached": true,
                "detachPending": true, "comment": null, "owned": true, "rows": null, "bytes": 0,
                "storage": [], "indexes": [], "fits": true,
            });
            let words = words.as_object().expect("an object").clone();
            partition.as_object_mut().expect("an object").extend(words);
            serde_json::from_value::<RawPartition>(partition).expect("a partition")
        };
        let (check, session) =
            (json!([{"name": "c", "validated": true}]), json!([{"pid": 1, "role": "r"}]));
        for (before, now) in [("proven", "validated"), ("stated", "notValid")] {
            let earlier = json!({"exclusions": check, "heldBy": session, "boundsCheck": before});
            let today = json!({"defaultChecks": check, "blockedBy": session, "boundsCheck": now});
            assert_eq!(partition(earlier), partition(today));
        }
        let counted = |text| serde_json::from_str::<CountedRows>(text).expect("counted rows");
        assert_eq!(counted(r#"{"count":1,"stretches":[]}"#), counted(r#"{"count":1,"bins":[]}"#));
    }
}
