//! A self-signed certificate for `localhost`, and clients that trust it.

use common::transport::Transport;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A certificate and its key, in files that servers read.
pub struct Certificate {
    certificate: CertificateDer<'static>,
    folder: TempDir,
}

impl Certificate {
    /// Creates a certificate.
    #[expect(clippy::new_without_default, reason = "writes files")]
    pub fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = TempDir::new().unwrap();
        let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
        fs::write(folder.path().join("both.pem"), format!("{certificate}{key}")).unwrap();
        fs::write(folder.path().join("certificate.pem"), certificate).unwrap();
        fs::write(folder.path().join("key.pem"), key).unwrap();
        Self { certificate: cert.into(), folder }
    }

    /// Returns the file of the certificate (PEM).
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Returns the file of the key (PEM).
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Returns the file with the certificate and the key (PEM), as HAProxy wants them.
    pub fn combined_file(&self) -> PathBuf {
        self.folder.path().join("both.pem")
    }

    /// Connects over TLS to `HOST:PORT`, which must show this certificate.
    pub async fn connect(&self, address: &str) -> Box<dyn Transport> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }
}
