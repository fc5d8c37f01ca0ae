//! TLS in the five strengths that Postgres' clients know.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, OtherError,
    RootCertStore, SignatureScheme, SupportedProtocolVersion, version,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connect::{ClientCertificate, ConnectionSettings, SslMode, TlsVersions};
use super::error::{DatabaseError, ErrorKind};

/// Returns the TLS connector of the settings.
pub(super) fn connector(settings: &ConnectionSettings) -> Result<MakeRustlsConnect, DatabaseError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match settings.ssl_mode {
        SslMode::Disable | SslMode::Prefer | SslMode::Require => {
            Arc::new(AnyCertificate { provider: provider.clone() })
        }
        SslMode::VerifyCa => Arc::new(KnownCertificate::new(settings, &provider, true)?),
        SslMode::VerifyFull => Arc::new(KnownCertificate::new(settings, &provider, false)?),
    };
    let transport = &settings.transport;
    let versions: &[&SupportedProtocolVersion] = match transport.tls_versions {
        TlsVersions::Both => &[&version::TLS13, &version::TLS12],
        TlsVersions::Only12 => &[&version::TLS12],
        TlsVersions::Only13 => &[&version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|_| unusable("these versions of TLS are not supported"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.client_certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => with_certificate(builder, certificate)?,
    };
    config.enable_sni = transport.names_server;
    if transport.direct_tls {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

/// The certificate of who logs in. Errors repeat nothing of it: the driver's quote lines of the file.
fn with_certificate(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: &ClientCertificate,
) -> Result<ClientConfig, DatabaseError> {
    let ClientCertificate { chain, key } = certificate;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.expose()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| unusable("the client certificate is not PEM"))?;
    let key = PrivateKeyDer::from_pem_slice(key.expose())
        .map_err(|_| unusable("the private key of the client is not PEM, or it is encrypted"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|_| unusable("the client certificate and its private key do not belong together"))
}

/// The certificate authorities that vouch for the server.
fn authorities(
    settings: &ConnectionSettings,
) -> Result<Vec<CertificateDer<'static>>, DatabaseError> {
    match &settings.ca {
        Some(pem) => {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let found = found.ok().filter(|found| !found.is_empty());
            found.ok_or_else(|| unusable("the certificate authority is not PEM: correct caRef"))
        }
        None => Ok(rustls_native_certs::load_native_certs().certs),
    }
}

fn unusable(problem: &str) -> DatabaseError {
    DatabaseError::new(ErrorKind::Tls, problem)
}

/// Accepts any certificate: this prevents eavesdropping, but not a server in the place of the real one.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes a certificate of a known authority, and one that is itself among those that are known, byte for
/// byte, as libpq does: what `openssl req -new -x509` makes is an authority, too.
#[derive(Debug)]
struct KnownCertificate {
    verifier: Arc<WebPkiServerVerifier>,
    known: Vec<CertificateDer<'static>>,
    /// Whether it may be in the name of another host.
    any_name: bool,
}

impl KnownCertificate {
    fn new(
        settings: &ConnectionSettings,
        provider: &Arc<CryptoProvider>,
        any_name: bool,
    ) -> Result<Self, DatabaseError> {
        let known = authorities(settings)?;
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(known.iter().cloned());
        if settings.ca.is_some() && usable < known.len() {
            return Err(unusable("a certificate authority cannot be read: correct caRef"));
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|_| {
                    unusable("no certificate authority is known: set caRef (sslrootcert)")
                })?;
        let known = if settings.ca.is_some() { known } else { Vec::new() };
        Ok(Self { verifier, known, any_name })
    }

    /// The name is looked at last: if it is all that is wrong, all else is right. The role as an
    /// authority is looked at after the dates, and before the name.
    fn judge(
        &self,
        verified: Result<ServerCertVerified, Error>,
        end_entity: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            Err(Error::InvalidCertificate(CertificateError::Other(ref cause)))
                if is_authority(cause) && self.known.contains(end_entity) =>
            {
                if !self.any_name {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }
}

fn is_authority(cause: &OtherError) -> bool {
    cause.to_string() == "CaUsedAsEndEntity"
}

impl ServerCertVerifier for KnownCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        self.judge(verified, end_entity, server_name)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
