//! What is needed to connect to Redis.

use crate::address::AddressError;
use redis::{ClientTlsConfig, TlsCertificates};

/// The address of a Redis, credentials and TLS files. It has no `Debug`, because it holds secrets.
#[derive(Clone, Default)]
pub struct ServerConfig {
    /// One server, `redis[s]://[USER:SECRET@]HOST[:PORT][/DB]`, or the Sentinels that know the master,
    /// `redis[s]+sentinel://[USER:SECRET@]HOST[:PORT],.../MASTER[/DB]`. User and secret are those of Redis.
    pub url: String,
    /// The password at Redis, if the address has none.
    pub password: Option<String>,
    /// Certificates (PEM) of the authorities that sign the certificates of servers. Without it those that the system
    /// trusts.
    pub ca: Option<Vec<u8>>,
    /// The client's own certificate, for servers that require one.
    pub client_certificate: Option<ClientCertificate>,
    /// How to connect to Sentinels.
    pub sentinel: SentinelConfig,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate and its chain.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// How to connect to Sentinels, which have users of their own.
#[derive(Clone, Default)]
pub struct SentinelConfig {
    /// The user; without one the default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// Whether Sentinels speak TLS.
    pub tls: bool,
}

impl From<&str> for ServerConfig {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::default() }
    }
}

impl ServerConfig {
    /// The files for TLS, if there are any.
    pub(crate) fn certificates(&self) -> Option<TlsCertificates> {
        if self.ca.is_none() && self.client_certificate.is_none() {
            return None;
        }
        let client_tls = self
            .client_certificate
            .as_ref()
            .map(|it| ClientTlsConfig { client_cert: it.certificate.clone(), client_key: it.key.clone() });
        Some(TlsCertificates { client_tls, root_cert: self.ca.clone() })
    }
}

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There are files for TLS, but no connection has it.
    #[error("certificates are for rediss:// and for Sentinels with TLS")]
    CertificatesWithoutTls,
    /// A certificate or key is malformed.
    #[error("{0}")]
    Certificates(String),
}
