//! Whether the cluster is prepared: the definition is installed, and whoever asks has the rights that
//! the operator needs.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt};

use super::ClusterError;
use super::patch::within_deadline;
use crate::api::v1alpha1::PartitionedTable;

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// The namespaces whose resources are kept; none for those of all.
    pub namespaces: Vec<String>,
    /// The Lease's name.
    pub lease_name: String,
    /// Its namespace; none for that of the client.
    pub lease_namespace: Option<String>,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No way to an API server is configured, or it cannot be used.
    #[error("no Kubernetes API server is configured")]
    Configuration(#[source] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("the Kubernetes client cannot be made")]
    Client(#[source] kube::Error),
    /// The API server did not answer.
    #[error("{0}")]
    Asking(String),
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What has to be so.
    pub what: String,
    /// What is to be done where it is not.
    pub missing: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            None => write!(f, "ok       {}", self.what),
            Some(help) => write!(f, "missing  {}: {help}", self.what),
        }
    }
}

/// A right that is needed.
struct Right {
    group: &'static str,
    resource: &'static str,
    part: &'static str,
    verbs: &'static [&'static str],
}

const ON_TABLES: [Right; 3] = [
    Right {
        group: "pgpartition.dev",
        resource: "partitionedtables",
        part: "",
        verbs: &["get", "list", "watch"],
    },
    Right {
        group: "pgpartition.dev",
        resource: "partitionedtables",
        part: "status",
        verbs: &["patch"],
    },
    Right { group: "events.k8s.io", resource: "events", part: "", verbs: &["create", "patch"] },
];

const ON_CREDENTIALS: [Right; 2] = [
    Right { group: "", resource: "secrets", part: "", verbs: &["get", "list", "watch"] },
    Right { group: "", resource: "configmaps", part: "", verbs: &["get", "list", "watch"] },
];

/// Without a watch on all namespaces, a change is noticed at the next look.
const ON_CREDENTIALS_OF_ONE: [Right; 2] = [
    Right { group: "", resource: "secrets", part: "", verbs: &["get"] },
    Right { group: "", resource: "configmaps", part: "", verbs: &["get"] },
];

const ON_LEASES: Right =
    Right { group: "coordination.k8s.io", resource: "leases", part: "", verbs: &["create"] };
const ON_THE_LEASE: Right =
    Right { group: "coordination.k8s.io", resource: "leases", part: "", verbs: &["get", "update"] };

/// Where a right is needed.
#[derive(Clone, Copy)]
struct Place<'a> {
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

/// Checks all that the operator needs of the cluster, as whoever the client is.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn check(settings: &CheckSettings) -> Result<Vec<Finding>, CheckError> {
    // Fails only where one is installed already, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = kube::Config::infer().await.map_err(CheckError::Configuration)?;
    let own = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(CheckError::Client)?;
    let asked = ask(&client, settings, &own).await;
    asked.map_err(|error| CheckError::Asking(error.chain()))
}

async fn ask(
    client: &Client,
    settings: &CheckSettings,
    own: &str,
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    let lease_namespace = Some(settings.lease_namespace.as_deref().unwrap_or(own));
    let leases = Place { namespace: lease_namespace, name: None };
    findings.push(has(client, &ON_LEASES, leases).await?);
    let lease = Place { namespace: lease_namespace, name: Some(&settings.lease_name) };
    findings.push(has(client, &ON_THE_LEASE, lease).await?);
    if settings.namespaces.is_empty() {
        let everywhere = Place { namespace: None, name: None };
        let (served, users) = is_served(client, None).await?;
        findings.push(served);
        findings.extend(have(client, &ON_TABLES, everywhere).await?);
        for namespace in &users {
            let place = Place { namespace: Some(namespace), name: None };
            findings.extend(have(client, &ON_CREDENTIALS_OF_ONE, place).await?);
        }
    }
    for namespace in &settings.namespaces {
        let place = Place { namespace: Some(namespace), name: None };
        findings.push(is_served(client, Some(namespace)).await?.0);
        findings.extend(have(client, &ON_TABLES, place).await?);
        findings.extend(have(client, &ON_CREDENTIALS, place).await?);
    }
    Ok(findings)
}

/// Whether the resources can be listed, and in which namespaces there are any.
async fn is_served(
    client: &Client,
    namespace: Option<&str>,
) -> Result<(Finding, BTreeSet<String>), ClusterError> {
    let tables: Api<PartialObjectMeta<PartitionedTable>> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let what = format!("the definition of PartitionedTable {}", place(namespace));
    let mut users = BTreeSet::new();
    let missing = match within_deadline(tables.list_metadata(&ListParams::default())).await {
        Ok(found) => {
            users.extend(found.items.iter().filter_map(ResourceExt::namespace));
            None
        }
        Err(ClusterError::Refused(error)) => {
            Some(reason(&error).ok_or(ClusterError::Refused(error))?)
        }
        Err(error) => return Err(error),
    };
    Ok((Finding { what, missing }, users))
}

async fn have(
    client: &Client,
    rights: &[Right],
    place: Place<'_>,
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    for right in rights {
        findings.push(has(client, right, place).await?);
    }
    Ok(findings)
}

/// Asks the API server whether we have a right.
async fn has(client: &Client, right: &Right, at: Place<'_>) -> Result<Finding, ClusterError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let mut lacking = Vec::new();
    for verb in right.verbs {
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let attributes = ResourceAttributes {
            group: optional(right.group),
            resource: optional(right.resource),
            subresource: optional(right.part),
            verb: optional(verb),
            namespace: at.namespace.map(str::to_owned),
            name: at.name.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            metadata: ObjectMeta::default(),
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..SelfSubjectAccessReviewSpec::default()
            },
            status: None,
        };
        let answer = within_deadline(reviews.create(&PostParams::default(), &review)).await?;
        if !answer.status.is_some_and(|status| status.allowed) {
            lacking.push(*verb);
        }
    }
    let part = if right.part.is_empty() { String::new() } else { format!("/{}", right.part) };
    let name = at.name.map(|name| format!(" {name}")).unwrap_or_default();
    let resource = format!("{}{part}{name}", right.resource);
    let missing = (!lacking.is_empty())
        .then(|| format!("no role of this account grants {}", lacking.join(", ")));
    let what = format!("{} {resource} {}", right.verbs.join(", "), place(at.namespace));
    Ok(Finding { what, missing })
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "in all namespaces".to_owned(), |name| format!("in {name}"))
}

/// What to do about an answer to the question for resources; none where that is not known.
fn reason(error: &kube::Error) -> Option<String> {
    let kube::Error::Api(status) = error else { return None };
    if status.is_not_found() {
        let install = "pg-partition-operator crd | kubectl apply --server-side -f -";
        return Some(format!("install it: {install}"));
    }
    status.is_forbidden().then(|| status.message.clone())
}
