//! `spec.database`: which database the table is in, and how to reach it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{forbidden, host, identifier, key_in_secret, resource_name};

/// Address of the database and login. Each field overrides the Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = forbidden(
    ".caRef",
    "!has(self.caRef) || !has(self.sslMode) || self.sslMode in ['VerifyCA', 'VerifyFull']",
    "sslMode Disable and Require use no certificate authority: remove sslMode (with a caRef it \
     defaults to VerifyFull), or remove caRef"
))]
#[x_kube(validation = forbidden(
    ".clientCertRef",
    "!has(self.clientCertRef) || !has(self.sslMode) || self.sslMode != 'Disable'",
    "a client certificate is only sent over TLS: remove sslMode Disable, or remove clientCertRef"
))]
pub struct Database {
    /// Secret with the login, in the namespace of this resource.
    pub secret_ref: SecretRef,
    /// Host name or address of the server itself, not of a connection pooler. Default: the value in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "host")]
    pub host: Option<String>,
    /// Port of the server. Default: the value in the Secret, else 5432.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Name of the database. Default: the value in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "identifier")]
    pub dbname: Option<String>,
    /// Login role. Default: the value in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "identifier")]
    pub user: Option<String>,
    /// TLS mode: Disable uses no TLS, Require accepts any certificate, VerifyCA requires a certificate of a
    /// trusted authority, VerifyFull also requires the name of the host in it. Default: VerifyFull with a caRef,
    /// else the sslmode of the uri in the Secret, else Require.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SslMode")]
    pub ssl_mode: Option<SslMode>,
    /// Certificate authority of the server. Default: the authorities of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaRef>,
    /// Secret of type kubernetes.io/tls with the certificate and the private key of the role.
    /// Default: the keys `sslcert` and `sslkey` of the Secret in `secretRef`, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_ref: Option<ClientCertRef>,
}

/// A Secret with the certificate that logs in, in the namespace of this resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertRef {
    /// Name of the Secret, which has the keys `tls.crt` and `tls.key`.
    #[schemars(schema_with = "resource_name")]
    pub name: String,
}

/// A Secret with the credentials of a database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(schema_with = "resource_name")]
    pub name: String,
    /// Keys of the Secret. Default: the layouts of CloudNativePG, Crunchy, Zalando, and Service Binding, and a
    /// Secret with a key `uri`, are recognized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<SecretKeys>,
}

/// Keys of a Secret with a layout of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeys {
    /// Key of the connection URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub uri: Option<String>,
    /// Key of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub host: Option<String>,
    /// Key of the port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub port: Option<String>,
    /// Key of the name of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub dbname: Option<String>,
    /// Key of the name of the login role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub user: Option<String>,
    /// Key of the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub password: Option<String>,
}

/// TLS mode of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS with any certificate.
    Require,
    /// TLS with a certificate of a trusted authority.
    #[serde(rename = "VerifyCA")]
    VerifyCa,
    /// TLS with a certificate of a trusted authority that contains the name of the host.
    VerifyFull,
}

/// Object with the certificate of an authority, in the namespace of this resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaRef {
    /// Kind of the object.
    pub kind: CaKind,
    /// Name of the object.
    #[schemars(schema_with = "resource_name")]
    pub name: String,
    /// Key of the PEM certificates.
    #[schemars(schema_with = "key_in_secret")]
    pub key: String,
}

/// Kind of the object with the certificate of an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CaKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}
