//! The certificate of `wss://`, read anew when its files change, without dropping anybody.
//!
//! A pair of files that cannot be read or does not fit together leaves the old one in use, and says
//! so in the log.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio_rustls::TlsAcceptor;

const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// The two files.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file that is not there or no PEM.
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, rustls::pki_types::pem::Error),
    /// The key is not the certificate's, or of a kind that is not known.
    #[error("the certificate and its key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Accepts TLS with the certificate in these files, as they are at each moment.
///
/// # Errors
/// [`BadCertificate`] when they are of no use now.
pub fn acceptor(files: CertificateFiles) -> Result<TlsAcceptor, CertificateError> {
    let current = Arc::new(CurrentCertificate(RwLock::new(read(&files)?)));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    tokio::spawn(watch_files(files, Arc::downgrade(&current)));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Looks at the files until nobody uses the certificate any more.
async fn watch_files(files: CertificateFiles, current: std::sync::Weak<CurrentCertificate>) {
    let mut known = fingerprint(&files);
    loop {
        tokio::time::sleep(RELOAD_INTERVAL).await;
        let Some(current) = current.upgrade() else { return };
        let now = fingerprint(&files);
        if now == known {
            continue;
        }
        known = now;
        match read(&files) {
            Ok(certificate) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
                tracing::info!("the TLS certificate was read anew");
            }
            Err(error) => tracing::warn!(%error, "the old TLS certificate stays in use"),
        }
    }
}

fn read(files: &CertificateFiles) -> Result<Arc<CertifiedKey>, CertificateError> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| CertificateError::File(files.certificate.clone(), error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| CertificateError::File(files.key.clone(), error))?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider())?))
}

/// Changes when a file does.
fn fingerprint(files: &CertificateFiles) -> [Option<(SystemTime, u64)>; 2] {
    let of = |path: &Path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    [of(&files.certificate), of(&files.key)]
}
