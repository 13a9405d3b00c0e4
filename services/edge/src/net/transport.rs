//! The byte stream under a websocket: plain TCP or TLS, with or without a PROXY header before it.
//!
//! The certificate of `wss://` is reloaded when its files change; open connections stay. If the new files cannot be
//! read or do not match, the old certificate stays in use, with a warning in the log.

use super::address::table::{AddressPlace, AddressTable};
use super::handshake::{self, HandshakeError, Refusal};
use super::proxy_header;
use super::rewound::Rewound;
use common::sync::Mutex;
use common::transport::Transport;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use service::wire_protocol::WireProtocol;
use service::{ClientAddress, TrustedProxies};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How many bytes are read at once to tell whether a client speaks TLS.
const FIRST_READ: usize = 1024;
/// How often the files are checked for changes.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// An accepted connection, ready for the websocket's handshake.
pub struct Opened {
    pub transport: Box<dyn Transport>,
    /// The address that the connection comes from, according to the PROXY header of a trusted proxy if there is one.
    pub source: IpAddr,
    /// Its place; none if a trusted proxy may still name the client in the request.
    pub place: Option<AddressPlace>,
}

/// Prepares an accepted connection: reads the PROXY header of a trusted proxy, and accepts TLS if there is an acceptor.
///
/// # Errors
/// When the connection breaks, or the client does not speak TLS where it must, until the deadline.
pub async fn open(
    mut stream: TcpStream,
    address: IpAddr,
    proxies: &TrustedProxies,
    addresses: &AddressTable,
    tls: Option<&TlsAcceptor>,
    deadline: Instant,
) -> Result<Opened, HandshakeError> {
    // With Nagle's algorithm an event waits up to 40 ms for the acknowledgement of the previous one.
    stream.set_nodelay(true).map_err(|_| HandshakeError::Closed)?;
    let (mut read, mut source) = (Vec::new(), address);
    if proxies.contains(address) {
        match timeout_at(deadline, proxy_header::read(&mut stream, &mut read)).await {
            Ok(Ok(client)) => source = client.unwrap_or(address),
            Err(_) if read.is_empty() => return Err(HandshakeError::Closed),
            Ok(Err(HandshakeError::Refused(refusal))) => return Err(refuse(stream, refusal, &read).await),
            Err(_) => return Err(refuse(stream, Refusal::Timeout, &read).await),
            Ok(Err(error)) => return Err(error),
        }
    }
    let place = if proxies.contains(source) {
        None
    } else {
        match addresses.admit(ClientAddress::of_client(source), Instant::now()) {
            Ok(place) => Some(place),
            Err(limit) => {
                // A client that speaks TLS could not read it.
                if tls.is_none()
                    && let Some(_permit) = addresses.refusal_permit()
                {
                    handshake::refuse(Rewound::new(read, stream), Refusal::Address(limit), false).await;
                }
                return Err(Refusal::Address(limit).into());
            }
        }
    };
    let transport: Box<dyn Transport> = match tls {
        None if read.is_empty() => Box::new(stream),
        None => Box::new(Rewound::new(read, stream)),
        Some(tls) => {
            Box::new(timeout_at(deadline, accept_tls(stream, read, tls)).await.map_err(io::Error::from)??)
        }
    };
    Ok(Opened { transport, source, place })
}

/// Tells a client that speaks TLS wrongly from one that has gone, as the TLS health checks of proxies do.
fn tls_error(error: io::Error) -> HandshakeError {
    if error.kind() == io::ErrorKind::InvalidData { error.into() } else { HandshakeError::Closed }
}

/// Accepts TLS. A client that speaks something else gets a response that it can read. `read` was read already.
async fn accept_tls(
    mut stream: TcpStream,
    mut read: Vec<u8>,
    tls: &TlsAcceptor,
) -> Result<TlsStream<Rewound<TcpStream>>, HandshakeError> {
    if read.is_empty() {
        read.reserve(FIRST_READ);
        stream.read_buf(&mut read).await.map_err(|_| HandshakeError::Closed)?;
    }
    let refusal = match WireProtocol::detect(&read) {
        _ if read.is_empty() => return Err(HandshakeError::Closed),
        // The TLS library answers with an alert what it cannot read.
        Some(WireProtocol::Tls | WireProtocol::Unknown) => {
            return tls.accept(Rewound::new(read, stream)).await.map_err(tls_error);
        }
        Some(WireProtocol::ProxyHeader) => Refusal::Protocol(WireProtocol::ProxyHeader),
        Some(WireProtocol::Http1 | WireProtocol::Http2) | None => Refusal::PlainHttp,
    };
    Err(refuse(stream, refusal, &read).await)
}

/// Responds with the reason.
async fn refuse(stream: TcpStream, refusal: Refusal, read: &[u8]) -> HandshakeError {
    handshake::refuse(stream, refusal, read.starts_with(b"HEAD ")).await;
    refusal.into()
}

#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot read {0}: {1}")]
    File(PathBuf, rustls::pki_types::pem::Error),
    /// The key belongs to another certificate, or has an unknown type.
    #[error("cannot use the certificate with its key: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate in use, shared with the task that reloads it.
#[derive(Debug)]
struct CurrentCertificate(Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.lock().clone())
    }
}

/// Returns an acceptor with the certificate in these files, which it reloads.
///
/// # Errors
/// When the files cannot be used now.
pub fn tls_acceptor(files: CertificateFiles) -> Result<TlsAcceptor, CertificateError> {
    let current = Arc::new(CurrentCertificate(Mutex::new(read_certificate(&files)?)));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    tokio::spawn(watch_files(files, Arc::downgrade(&current)));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Reloads the certificate until its acceptor is dropped.
async fn watch_files(files: CertificateFiles, current: Weak<CurrentCertificate>) {
    let mut known = fingerprint(&files);
    loop {
        tokio::time::sleep(RELOAD_INTERVAL).await;
        let Some(current) = current.upgrade() else { return };
        let now = fingerprint(&files);
        if now == known {
            continue;
        }
        known = now;
        match read_certificate(&files) {
            Ok(certificate) => {
                *current.0.lock() = certificate;
                tracing::info!("reloaded the TLS certificate");
            }
            Err(error) => tracing::warn!(%error, "failed to reload the TLS certificate, keeping the old one"),
        }
    }
}

fn read_certificate(files: &CertificateFiles) -> Result<Arc<CertifiedKey>, CertificateError> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| CertificateError::File(files.certificate.clone(), error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| CertificateError::File(files.key.clone(), error))?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider())?))
}

/// Size and time of modification of both files.
fn fingerprint(files: &CertificateFiles) -> [Option<(SystemTime, u64)>; 2] {
    let of = |path: &Path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    [of(&files.certificate), of(&files.key)]
}
