//! Access to the cluster as a user: their kubeconfig, one resource, and the objects that it refers to.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config};
use serde_json::json;
use tokio::time::sleep;

use super::patch::within_deadline;
use super::{ClusterError, login};
use crate::api::v1alpha1::PartitionedTable;
use crate::postgres::ConnectionSettings;

/// Field manager of the annotations that a user sets through this program.
const FIELD_MANAGER: &str = "kubectl-pgpartition";

/// Interval between two polls of a resource.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Cluster and namespace.
#[derive(Debug, Clone, Default)]
pub struct ClusterSettings {
    /// Kubeconfig; `None` for that of kubectl, or the account of a Pod.
    pub kubeconfig: Option<PathBuf>,
    /// Context; `None` for the current one.
    pub context: Option<String>,
    /// Namespace; `None` for that of the context.
    pub namespace: Option<String>,
}

/// A namespace of a cluster.
pub struct Cluster {
    client: Client,
    namespace: String,
}

/// Error of a request of a user.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The kubeconfig does not exist, is invalid, or lacks the context.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(KubeconfigError),
    /// There is neither a kubeconfig nor the account of a Pod.
    #[error("no cluster is configured: {0}")]
    NoCluster(InferConfigError),
    /// The kubeconfig is unusable.
    #[error("cannot create the Kubernetes client")]
    Client(#[source] kube::Error),
    /// No resource has this name in the namespace.
    #[error(
        "PartitionedTable {name:?} does not exist in the namespace {namespace:?}: select another namespace with -n"
    )]
    NoSuchResource {
        /// Namespace of the search.
        namespace: String,
        /// Name of the resource.
        name: String,
    },
    /// The cluster does not have the `CustomResourceDefinition`.
    #[error("the cluster has no PartitionedTable kind: install the CustomResourceDefinition")]
    NotInstalled,
    /// The resource has changed since it was read.
    #[error("another client changed the resource")]
    Changed,
    /// The API server rejected the request.
    #[error("{0}")]
    Refused(String),
    /// No API server answered.
    #[error("cannot reach the API server")]
    Unanswered(#[source] Box<kube::Error>),
    /// The API server did not answer in time.
    #[error("the API server did not respond within {} s", .0.as_secs())]
    Silent(Duration),
    /// The login to the database is unknown.
    #[error("{0}")]
    NoLogin(String),
}

impl Cluster {
    /// Reads the kubeconfig, without a request to the cluster.
    ///
    /// # Errors
    /// Returns an error if it cannot be read or is unusable.
    pub async fn connect(settings: ClusterSettings) -> Result<Self, AccessError> {
        // Fails only if a provider is installed already, which is fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        let ClusterSettings { kubeconfig, context, namespace } = settings;
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        let config = if let Some(path) = kubeconfig {
            let kubeconfig = Kubeconfig::read_from(path).map_err(AccessError::Kubeconfig)?;
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(AccessError::Kubeconfig)?
        } else if options.context.is_some() {
            Config::from_kubeconfig(&options).await.map_err(AccessError::Kubeconfig)?
        } else {
            Config::infer().await.map_err(AccessError::NoCluster)?
        };
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(AccessError::Client)?;
        Ok(Self { client, namespace })
    }

    /// Returns the name of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns a resource by its name.
    ///
    /// # Errors
    /// Returns an error if it does not exist, or the API server does not answer.
    pub async fn get(&self, name: &str) -> Result<PartitionedTable, AccessError> {
        let resources = self.resources();
        let found = within_deadline(resources.get(name)).await;
        found.map_err(|error| self.explain(error, name))
    }

    /// Annotates a resource; if a resource version is given, only if the resource has that version.
    ///
    /// # Errors
    /// Returns an error if it has changed, or the API server rejects the patch.
    pub async fn annotate(
        &self,
        name: &str,
        (annotation, value): (&str, &str),
        version: Option<&str>,
    ) -> Result<(), AccessError> {
        let annotations = json!({annotation: value});
        let metadata = match version {
            Some(version) => json!({"annotations": annotations, "resourceVersion": version}),
            None => json!({"annotations": annotations}),
        };
        let patch = json!({"metadata": metadata});
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let (resources, patch) = (self.resources(), Patch::Merge(&patch));
        let patched = within_deadline(resources.patch_metadata(name, &parameters, &patch)).await;
        patched.map(drop).map_err(|error| self.explain(error, name))
    }

    /// Polls until a condition holds or `timeout` is over, and returns the last resource, and whether the condition held. It
    /// polls because a user who can get a resource might not have permission to watch it.
    ///
    /// # Errors
    /// Returns an error if the API server does not answer.
    pub async fn wait(
        &self,
        name: &str,
        timeout: Duration,
        predicate: impl Fn(&PartitionedTable) -> bool,
    ) -> Result<(PartitionedTable, bool), AccessError> {
        let started = Instant::now();
        loop {
            let table = self.get(name).await?;
            let so = predicate(&table);
            if so || started.elapsed() >= timeout {
                return Ok((table, so));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns the connection settings of the Secret of a resource.
    ///
    /// # Errors
    /// Returns an error if the Secret cannot be read, or is incomplete.
    pub async fn login(&self, table: &PartitionedTable) -> Result<ConnectionSettings, AccessError> {
        let namespace = table.metadata.namespace.clone().unwrap_or_default();
        let database = table.spec.database.as_ref();
        let settings = login::settings(&namespace, database, &self.client).await;
        settings.map_err(|error| AccessError::NoLogin(error.to_string()))
    }

    fn resources(&self) -> Api<PartitionedTable> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn explain(&self, error: ClusterError, name: &str) -> AccessError {
        let error = match error {
            ClusterError::Silent(after) => return AccessError::Silent(after),
            ClusterError::Shared(message) => return AccessError::Refused(message),
            ClusterError::Refused(error) => error,
        };
        let kube::Error::Api(status) = *error else { return AccessError::Unanswered(error) };
        let names_it = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        if status.is_conflict() {
            AccessError::Changed
        } else if status.is_not_found() && names_it {
            let namespace = self.namespace.clone();
            AccessError::NoSuchResource { namespace, name: name.to_owned() }
        } else if status.is_not_found() {
            AccessError::NotInstalled
        } else {
            AccessError::Refused(status.message)
        }
    }
}
