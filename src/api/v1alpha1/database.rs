//! `spec.database`: which database the table is in, and how to reach it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{forbidden, host, identifier, key_in_secret, resource_name};

/// Where the database is and who logs in. What is given here overrides what the Secret says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = forbidden(
    ".caRef",
    "!has(self.caRef) || !has(self.sslMode) || self.sslMode in ['VerifyCA', 'VerifyFull']",
    "a CA is only asked with sslMode VerifyCA or VerifyFull: remove sslMode (with a caRef it \
     defaults to VerifyFull), or remove caRef"
))]
#[x_kube(validation = forbidden(
    ".clientCertRef",
    "!has(self.clientCertRef) || !has(self.sslMode) || self.sslMode != 'Disable'",
    "a client certificate is only sent over TLS: remove sslMode Disable, or remove clientCertRef"
))]
pub struct Database {
    /// The Secret with the credentials, in the namespace of this resource.
    pub secret_ref: SecretRef,
    /// Host name or address of the server; a direct endpoint, never a transaction pooler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "host")]
    pub host: Option<String>,
    /// Port of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Name of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "identifier")]
    pub dbname: Option<String>,
    /// Role to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "identifier")]
    pub user: Option<String>,
    /// How much TLS has to prove: Disable is without TLS, Require takes any certificate, VerifyCA
    /// one of a known authority, VerifyFull one in the name of the host besides. Default:
    /// VerifyFull with a caRef, else what the Secret's uri says, else Require.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SslMode")]
    pub ssl_mode: Option<SslMode>,
    /// The certificate authority that vouches for the server. Default: those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaRef>,
    /// Secret of type kubernetes.io/tls with the certificate and the private key of the role.
    /// Default: the keys `sslcert` and `sslkey` of the Secret, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_ref: Option<ClientCertRef>,
}

/// A Secret with the certificate that logs in, in the namespace of this resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertRef {
    /// Name of the Secret, which has the keys `tls.crt` and `tls.key`.
    #[schemars(schema_with = "resource_name")]
    pub name: String,
}

/// A Secret with the credentials of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(schema_with = "resource_name")]
    pub name: String,
    /// Which key holds what. Not needed for the layouts of CloudNativePG, Crunchy, Zalando and
    /// Service Binding, nor for a Secret with a key `uri`: these are recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<SecretKeys>,
}

/// The keys of a Secret whose layout is none of the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
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
    /// Key of the database's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub dbname: Option<String>,
    /// Key of the role's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub user: Option<String>,
    /// Key of the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "key_in_secret")]
    pub password: Option<String>,
}

/// How much TLS has to prove before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS, with whoever answers.
    Require,
    /// TLS, and a certificate from a known authority.
    #[serde(rename = "VerifyCA")]
    VerifyCa,
    /// TLS, a certificate from a known authority, and in the name of the host.
    VerifyFull,
}

/// A certificate authority, kept in the namespace of this resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaRef {
    /// What kind of object holds it.
    pub kind: CaKind,
    /// Name of the object.
    #[schemars(schema_with = "resource_name")]
    pub name: String,
    /// Key of the PEM certificates.
    #[schemars(schema_with = "key_in_secret")]
    pub key: String,
}

/// What kind of object holds a certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CaKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}
