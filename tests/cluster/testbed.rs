use std::process::Output;
use std::time::Duration;

use crate::support::kube::Cluster;
use crate::support::operator::Operator;
use crate::support::proxy::{Mode, Proxy};
use crate::support::{signal, wait_until};

#[test]
fn rbac_holds_for_users_and_groups() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let rule =
        ["create", "role", "reader", "--verb=get,list", "--resource=secrets", "-n", &namespace];
    succeeds(&cluster.kubectl(&rule));
    let binding = ["create", "rolebinding", "reader", "--role=reader", "--group=readers"];
    succeeds(&cluster.kubectl(&[&binding[..], &["-n", &namespace]].concat()));

    let reader = cluster.kubeconfig_for("alice", &["readers"]);
    let other = cluster.kubeconfig_for("bob", &[]);
    let secrets = ["get", "secrets", "-n", &namespace];
    succeeds(&cluster.kubectl_as(&reader, &secrets));
    let refused = cluster.kubectl_as(&other, &secrets);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("User \"bob\" cannot list"));
}

#[tokio::test]
async fn killed_api_server_restarts_with_its_data() {
    let mut cluster = Cluster::start();
    let namespace = cluster.namespace();
    signal(cluster.pid(), "KILL");
    wait_until("the API server has stopped", Duration::from_secs(10), async || {
        !cluster.kubectl(&["get", "namespaces"]).status.success()
    })
    .await;

    cluster.restart();

    succeeds(&cluster.kubectl(&["get", "namespace", &namespace]));
}

#[tokio::test(flavor = "multi_thread")]
async fn api_server_is_reached_through_a_proxy() {
    let cluster = Cluster::shared();
    let mut proxy = Proxy::start(cluster.port()).await;
    let kubeconfig = cluster.kubeconfig_through(proxy.port(), cluster.kubeconfig());
    succeeds(&cluster.kubectl_as(&kubeconfig, &["get", "namespaces"]));

    proxy.set(Mode::Refuse).await;
    assert!(!cluster.kubectl_as(&kubeconfig, &["get", "namespaces"]).status.success());
}

#[tokio::test]
async fn operator_starts() {
    let mut operator = Operator::start(&["--version"], &[]);
    wait_until("it ends", Duration::from_secs(10), async || operator.status().is_some()).await;
    assert!(operator.status().unwrap().success(), "{}", operator.stderr());
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}
