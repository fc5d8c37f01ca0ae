//! Which database a resource is about, and how to log in there.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::serde::de::DeserializeOwned;
use kube::{Api, Client, Resource};

use super::context::Context;
use super::failure::ReconcileError;
use super::logins::Login;
use super::patch::within_deadline;
use super::{ClusterError, credentials};
use crate::api::Reason;
use crate::api::v1alpha1::{CaKind, CaRef, Database};
use crate::postgres::ConnectionSettings;
use crate::status::Failure;

/// Returns the connection settings of a resource with this login, from the current Secret.
pub(super) async fn log_in(
    login: &Login,
    uid: &str,
    context: &Context,
) -> Result<Arc<ConnectionSettings>, ReconcileError> {
    let settings = context.logins.settings(login, &context.client, &context.requests).await?;
    if let Some(former) = context.tables.set_settings(uid, Arc::clone(&settings))
        && former != settings
    {
        context.pool.forget(&former);
    }
    Ok(settings)
}

/// Returns the connection settings for a `spec.database`, with the permissions of the client.
pub(super) async fn settings(
    namespace: &str,
    database: Option<&Database>,
    client: &Client,
) -> Result<ConnectionSettings, ReconcileError> {
    let Some(database) = database else {
        return Err(ReconcileError::Of(Failure {
            reason: Reason::InvalidSpec,
            message: "spec.database: is required in a cluster".to_owned(),
        }));
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let name = &database.secret_ref.name;
    let data = read(&secrets, name).await?.data.unwrap_or_default();
    let ca = match &database.ca_ref {
        Some(reference) => Some(read_ca(reference, namespace, client).await?),
        None => None,
    };
    let client_certificate = match &database.client_cert_ref {
        Some(reference) => Some(read(&secrets, &reference.name).await?.data.unwrap_or_default()),
        None => None,
    };
    let client_certificate = client_certificate.as_ref();
    let references = credentials::References { secret: &data, ca, client_certificate };
    Ok(credentials::settings(database, namespace, references)?)
}

async fn read_ca(
    reference: &CaRef,
    namespace: &str,
    client: &Client,
) -> Result<Vec<u8>, ReconcileError> {
    let CaRef { kind, name, key } = reference;
    let found = match kind {
        CaKind::Secret => {
            let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
            read(&secrets, name).await?.data.unwrap_or_default().remove(key).map(|value| value.0)
        }
        CaKind::ConfigMap => {
            let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            read(&maps, name).await?.data.unwrap_or_default().remove(key).map(String::into_bytes)
        }
    };
    found.ok_or_else(|| {
        ReconcileError::Of(Failure {
            reason: Reason::SecretInvalid,
            message: format!("{kind:?} {name:?} has no key {key:?}"),
        })
    })
}

/// An object that a resource refers to. That it is not there, or not for us, is the resource's
/// error; all else is the API server's.
async fn read<K>(objects: &Api<K>, name: &str) -> Result<K, ReconcileError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    let message = match within_deadline(objects.get_opt(name)).await {
        Ok(Some(object)) => return Ok(object),
        Ok(None) => format!("{kind} {name:?} does not exist in the namespace of this resource"),
        Err(ClusterError::Refused(error)) if is_forbidden(&error) => {
            format!(
                "the operator lacks the permission to get {kind} {name:?} in the namespace of this resource"
            )
        }
        Err(error) => return Err(ReconcileError::Cluster(error)),
    };
    Err(ReconcileError::Of(Failure { reason: Reason::SecretNotFound, message }))
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}
