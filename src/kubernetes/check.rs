//! Checks that the cluster has the `CustomResourceDefinition`, and that the caller has the permissions of the operator.

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

/// Settings of the check.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Namespaces of the operator; empty for all.
    pub namespaces: Vec<String>,
    /// Name of the Lease.
    pub lease_name: String,
    /// Namespace of the Lease; `None` for that of the client.
    pub lease_namespace: Option<String>,
}

/// Error of a check that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The configuration of the API server is missing or unusable.
    #[error("no Kubernetes API server is configured")]
    Configuration(#[source] kube::config::InferConfigError),
    /// The client could not be created.
    #[error("cannot create the Kubernetes client")]
    Client(#[source] kube::Error),
    /// The API server did not answer.
    #[error("{0}")]
    RulingFuture(String),
}

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Requirement.
    pub what: String,
    /// Remedy, or `None` if the requirement is met.
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

/// A permission that the operator needs.
struct Permission {
    group: &'static str,
    resource: &'static str,
    part: &'static str,
    verbs: &'static [&'static str],
}

const ON_TABLES: [Permission; 3] = [
    Permission {
        group: "pgpartition.dev",
        resource: "partitionedtables",
        part: "",
        verbs: &["get", "list", "watch"],
    },
    Permission {
        group: "pgpartition.dev",
        resource: "partitionedtables",
        part: "status",
        verbs: &["patch"],
    },
    Permission {
        group: "events.k8s.io",
        resource: "events",
        part: "",
        verbs: &["create", "patch"],
    },
];

const ON_CREDENTIALS: [Permission; 2] = [
    Permission { group: "", resource: "secrets", part: "", verbs: &["get", "list", "watch"] },
    Permission { group: "", resource: "configmaps", part: "", verbs: &["get", "list", "watch"] },
];

/// Without a watch on all namespaces, the operator notices a change at the next reconcile.
const ON_CREDENTIALS_OF_ONE: [Permission; 2] = [
    Permission { group: "", resource: "secrets", part: "", verbs: &["get"] },
    Permission { group: "", resource: "configmaps", part: "", verbs: &["get"] },
];

const ON_LEASES: Permission =
    Permission { group: "coordination.k8s.io", resource: "leases", part: "", verbs: &["create"] };
const ON_THE_LEASE: Permission = Permission {
    group: "coordination.k8s.io",
    resource: "leases",
    part: "",
    verbs: &["get", "update"],
};

/// Namespace of a permission.
#[derive(Clone, Copy)]
struct Place<'a> {
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

/// Checks everything that the operator needs in the cluster, as the identity of the client.
///
/// # Errors
/// Returns an error if the API server does not answer.
pub async fn check(settings: &CheckSettings) -> Result<Vec<Finding>, CheckError> {
    // Fails only if a provider is installed already, which is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = kube::Config::infer().await.map_err(CheckError::Configuration)?;
    let own = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(CheckError::Client)?;
    let asked = ask(&client, settings, &own).await;
    asked.map_err(|error| CheckError::RulingFuture(error.chain()))
}

async fn ask(
    client: &Client,
    settings: &CheckSettings,
    own: &str,
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    let lease_namespace = Some(settings.lease_namespace.as_deref().unwrap_or(own));
    let leases = Place { namespace: lease_namespace, name: None };
    findings.push(check_permission(client, &ON_LEASES, leases).await?);
    let lease = Place { namespace: lease_namespace, name: Some(&settings.lease_name) };
    findings.push(check_permission(client, &ON_THE_LEASE, lease).await?);
    if settings.namespaces.is_empty() {
        let everywhere = Place { namespace: None, name: None };
        let (served, users) = is_served(client, None).await?;
        findings.push(served);
        findings.extend(check_permissions(client, &ON_TABLES, everywhere).await?);
        for namespace in &users {
            let place = Place { namespace: Some(namespace), name: None };
            findings.extend(check_permissions(client, &ON_CREDENTIALS_OF_ONE, place).await?);
        }
    }
    for namespace in &settings.namespaces {
        let place = Place { namespace: Some(namespace), name: None };
        findings.push(is_served(client, Some(namespace)).await?.0);
        findings.extend(check_permissions(client, &ON_TABLES, place).await?);
        findings.extend(check_permissions(client, &ON_CREDENTIALS, place).await?);
    }
    Ok(findings)
}

/// Checks that resources can be listed, and finds the namespaces that have any.
async fn is_served(
    client: &Client,
    namespace: Option<&str>,
) -> Result<(Finding, BTreeSet<String>), ClusterError> {
    let tables: Api<PartialObjectMeta<PartitionedTable>> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let what = format!("the definition of PartitionedTable {}", describe_place(namespace));
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

async fn check_permissions(
    client: &Client,
    permissions: &[Permission],
    place: Place<'_>,
) -> Result<Vec<Finding>, ClusterError> {
    let mut findings = Vec::new();
    for permission in permissions {
        findings.push(check_permission(client, permission, place).await?);
    }
    Ok(findings)
}

/// Asks the API server whether the caller has a permission.
async fn check_permission(
    client: &Client,
    permission: &Permission,
    at: Place<'_>,
) -> Result<Finding, ClusterError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let mut lacking = Vec::new();
    for verb in permission.verbs {
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let attributes = ResourceAttributes {
            group: optional(permission.group),
            resource: optional(permission.resource),
            subresource: optional(permission.part),
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
    let part =
        if permission.part.is_empty() { String::new() } else { format!("/{}", permission.part) };
    let name = at.name.map(|name| format!(" {name}")).unwrap_or_default();
    let resource = format!("{}{part}{name}", permission.resource);
    let missing = (!lacking.is_empty())
        .then(|| format!("no role of this account grants {}", lacking.join(", ")));
    let what =
        format!("{} {resource} {}", permission.verbs.join(", "), describe_place(at.namespace));
    Ok(Finding { what, missing })
}

fn describe_place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "in all namespaces".to_owned(), |name| format!("in {name}"))
}

/// Returns the remedy for an answer of the API server, or `None` if it is not known.
fn reason(error: &kube::Error) -> Option<String> {
    let kube::Error::Api(status) = error else { return None };
    if status.is_not_found() {
        let install = "pg-partition-operator crd | kubectl apply --server-side -f -";
        return Some(format!("install it: {install}"));
    }
    status.is_forbidden().then(|| status.message.clone())
}
