//! Resources as the watch reports them, in a form that needs little memory.
//!
//! The store keeps each resource as long as it exists. So it keeps only the metadata that the operator uses, and the
//! spec and the status as compressed text, which a reconcile parses again.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use serde::{Deserialize, Deserializer, Serialize};

use super::packed::Packed;
use crate::api::v1alpha1::{
    ADOPT_ANNOTATION, APPROVE_ANNOTATION, PartitionedTable, PartitionedTableSpec,
    PartitionedTableStatus, RECONCILE_ANNOTATION,
};

/// Annotations that the operator reads.
const ANNOTATIONS: [&str; 3] = [RECONCILE_ANNOTATION, ADOPT_ANNOTATION, APPROVE_ANNOTATION];

/// A resource, which might not parse.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    meta: ObjectMeta,
    content: Content,
    /// Hashes of the names of the objects that the resource refers to.
    references: [u32; 3],
    /// Whether the resource differs from the one that the store had, so that it must be reconciled.
    pub(super) is_news: bool,
}

#[derive(Debug, Clone)]
enum Content {
    /// Spec and status as JSON.
    Readable(Packed),
    /// Why the resource cannot be parsed.
    Unreadable(Box<str>),
}

/// The fields of a resource that are compressed.
#[derive(Serialize)]
struct Written<'a> {
    spec: &'a PartitionedTableSpec,
    status: Option<&'a PartitionedTableStatus>,
}

#[derive(Deserialize)]
struct Read {
    spec: PartitionedTableSpec,
    status: Option<PartitionedTableStatus>,
}

impl Watched {
    /// Returns the resource, with the metadata that the operator uses.
    ///
    /// # Errors
    /// Returns why the resource cannot be parsed.
    pub(super) fn table(&self) -> Result<PartitionedTable, String> {
        match &self.content {
            Content::Readable(packed) => {
                let Read { spec, status } =
                    serde_json::from_str(&packed.text()).map_err(|error| error.to_string())?;
                Ok(PartitionedTable { metadata: self.meta.clone(), spec, status })
            }
            Content::Unreadable(error) => Err(error.to_string()),
        }
    }

    /// Returns whether the resource may refer to an object of this name. Few resources that do not refer to it have
    /// the same hash.
    pub(super) fn may_refer_to(&self, name: &str) -> bool {
        self.references.contains(&hash_name(name))
    }

    /// Returns a hash of the parts of a resource whose change triggers a reconcile. A change of the status does not.
    pub(super) fn trigger_hash(&self) -> u64 {
        let meta = &self.meta;
        let mut hasher = DefaultHasher::new();
        (&meta.uid, meta.generation, meta.deletion_timestamp.is_some()).hash(&mut hasher);
        for annotation in ANNOTATIONS {
            meta.annotations.as_ref().and_then(|all| all.get(annotation)).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn new(meta: ObjectMeta, content: Content, references: [u32; 3]) -> Self {
        Self { meta: used_metadata(meta), content, references, is_news: true }
    }
}

impl From<PartitionedTable> for Watched {
    fn from(table: PartitionedTable) -> Self {
        let written = Written { spec: &table.spec, status: table.status.as_ref() };
        let content = match serde_json::to_string(&written) {
            Ok(text) => Content::Readable(Packed::new(&text)),
            Err(error) => Content::Unreadable(error.to_string().into()),
        };
        let references = references(&table.spec);
        Self::new(table.metadata, content, references)
    }
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let guarded = DeserializeGuard::<PartitionedTable>::deserialize(deserializer)?;
        Ok(match guarded.0 {
            Ok(table) => Self::from(table),
            Err(invalid) => {
                Self::new(invalid.metadata, Content::Unreadable(invalid.error.into()), [0; 3])
            }
        })
    }
}

impl Resource for Watched {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        PartitionedTable::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        PartitionedTable::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        PartitionedTable::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        PartitionedTable::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// Returns the metadata that the operator uses. Managed fields alone are often larger than the spec.
fn used_metadata(meta: ObjectMeta) -> ObjectMeta {
    let annotations = meta.annotations.unwrap_or_default();
    let used = |(name, _): &(String, String)| ANNOTATIONS.contains(&name.as_str());
    let annotations: std::collections::BTreeMap<_, _> =
        annotations.into_iter().filter(used).collect();
    ObjectMeta {
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        creation_timestamp: meta.creation_timestamp,
        deletion_timestamp: meta.deletion_timestamp,
        generation: meta.generation,
        name: meta.name,
        namespace: meta.namespace,
        resource_version: meta.resource_version,
        uid: meta.uid,
        ..ObjectMeta::default()
    }
}

/// Returns hashes of the names of the Secret, of the client certificate, and of the certificate authorities.
fn references(spec: &PartitionedTableSpec) -> [u32; 3] {
    let Some(database) = &spec.database else { return [0; 3] };
    let client = database.client_cert_ref.as_ref().map(|client| hash_name(&client.name));
    let ca = database.ca_ref.as_ref().map(|ca| hash_name(&ca.name));
    [hash_name(&database.secret_ref.name), client.unwrap_or_default(), ca.unwrap_or_default()]
}

/// Returns the hash of a name, which is not 0.
fn hash_name(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).max(1)
}

#[cfg(test)]
mod tests;
