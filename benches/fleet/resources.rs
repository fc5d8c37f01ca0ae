//! Resources for the tables of several databases, created concurrently.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use pg_partition_operator::api::v1alpha1::PartitionedTable;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::kube::Cluster;
use crate::support::postgres::Database;
use crate::{AHEAD, crd};

/// Requests at the same time.
const REQUESTS: usize = 32;

/// Creates a Secret for each database, and these resources.
pub(crate) async fn create(
    cluster: &Cluster,
    namespace: &str,
    databases: &[Database],
    resources: impl IntoIterator<Item = Value>,
) {
    for arguments in [
        vec!["apply", "--server-side", "-f", crd().to_str().unwrap()],
        vec!["wait", "--for=condition=Established", "crd/partitionedtables.pgpartition.dev"],
    ] {
        assert!(cluster.kubectl(&arguments).status.success());
    }
    let client = client(cluster).await;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    for (number, database) in databases.iter().enumerate() {
        create_one(&secrets, &secret(number, database)).await;
    }
    let tables: Api<PartitionedTable> = Api::namespaced(client, namespace);
    stream::iter(resources)
        .for_each_concurrent(REQUESTS, |resource| {
            let tables = tables.clone();
            async move { create_one(&tables, &resource).await }
        })
        .await;
}

/// Returns so many resources for tables `t0`, `t1`, … of each database.
pub(crate) fn monthly(databases: usize, tables: usize) -> impl Iterator<Item = Value> {
    (0..tables).map(move |number| resource(number % databases, number / databases))
}

async fn client(cluster: &Cluster) -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.read_timeout = Some(Duration::from_mins(1));
    Client::try_from(config).unwrap()
}

async fn create_one<K>(api: &Api<K>, object: &Value)
where
    K: DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    let object = serde_json::from_value(object.clone()).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn secret(number: usize, database: &Database) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("db-{number}")},
        "stringData": {"uri": format!("{}?sslmode=disable", database.url())},
    })
}

pub(crate) fn resource(database: usize, table: usize) -> Value {
    json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": format!("d{database}-t{table}")},
        "spec": {
            "database": {"secretRef": {"name": format!("db-{database}")}},
            "table": format!("t{table}"),
            "partitionBy": {"range": {"column": "at", "interval": "Month"}},
            "ahead": AHEAD,
        },
    })
}
