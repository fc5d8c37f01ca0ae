//! The cluster with the rights of a person: their kubeconfig, one resource, and what it refers to.

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

/// Who owns the annotations that a person sets by way of us.
const FIELD_MANAGER: &str = "kubectl-pgpartition";

/// How long between two looks at a resource that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Which cluster, and which namespace of it.
#[derive(Debug, Clone, Default)]
pub struct ClusterSettings {
    /// The kubeconfig; none for the one that kubectl would use, or a pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// The context; none for the current one.
    pub context: Option<String>,
    /// The namespace; none for the context's.
    pub namespace: Option<String>,
}

/// A namespace of a cluster.
pub struct Cluster {
    client: Client,
    namespace: String,
}

/// Why a person's wish came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The kubeconfig is not there, or is none, or has no such context.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(KubeconfigError),
    /// Neither a kubeconfig nor a pod's own account.
    #[error("no cluster is configured: {0}")]
    NoCluster(InferConfigError),
    /// What the kubeconfig says cannot be used.
    #[error("the Kubernetes client cannot be made")]
    Client(#[source] kube::Error),
    /// Nothing has this name here.
    #[error(
        "there is no PartitionedTable {name:?} in the namespace {namespace:?}; -n names another"
    )]
    NoSuchResource {
        /// Where it was looked for.
        namespace: String,
        /// The name.
        name: String,
    },
    /// The definition of the resource is not there.
    #[error("the cluster knows no PartitionedTable: install the CustomResourceDefinition")]
    NotInstalled,
    /// It is not of the version that was named.
    #[error("the resource has changed meanwhile")]
    Changed,
    /// The API server refused, and says why.
    #[error("{0}")]
    Refused(String),
    /// No answer came from an API server.
    #[error("the API server cannot be asked")]
    Unanswered(#[source] Box<kube::Error>),
    /// No answer came in time.
    #[error("the API server did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// How to log in to the database cannot be told.
    #[error("{0}")]
    NoLogin(String),
}

impl Cluster {
    /// Reads the kubeconfig; nothing is asked of the cluster yet.
    ///
    /// # Errors
    /// When it cannot be read, or says nothing that can be used.
    pub async fn connect(settings: ClusterSettings) -> Result<Self, AccessError> {
        // Fails only where one is installed already, which serves as well.
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

    /// The namespace's name.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A resource by its name.
    ///
    /// # Errors
    /// When there is none, or the API server does not tell.
    pub async fn get(&self, name: &str) -> Result<PartitionedTable, AccessError> {
        let resources = self.resources();
        let found = within_deadline(resources.get(name)).await;
        found.map_err(|error| self.explain(error, name))
    }

    /// Gives a resource an annotation; where a version is named, only while it is of this version.
    ///
    /// # Errors
    /// When it has changed, or the API server does not do it.
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

    /// Looks until it is so or `patience` is over: the resource as it was last seen, and whether it
    /// was so. It polls, because who may get a resource may not always watch it.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub async fn wait(
        &self,
        name: &str,
        patience: Duration,
        is_so: impl Fn(&PartitionedTable) -> bool,
    ) -> Result<(PartitionedTable, bool), AccessError> {
        let started = Instant::now();
        loop {
            let table = self.get(name).await?;
            let so = is_so(&table);
            if so || started.elapsed() >= patience {
                return Ok((table, so));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// How to log in to the database of a resource, as its Secret says.
    ///
    /// # Errors
    /// When the Secret may not be read, or does not say it.
    pub async fn login(&self, table: &PartitionedTable) -> Result<ConnectionSettings, AccessError> {
        let settings = login::settings(table, &self.client).await;
        settings.map_err(|trouble| AccessError::NoLogin(trouble.to_string()))
    }

    fn resources(&self) -> Api<PartitionedTable> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn explain(&self, error: ClusterError, name: &str) -> AccessError {
        let error = match error {
            ClusterError::Silent(after) => return AccessError::Silent(after),
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
