//! Accepts clients, opens their websockets and runs their connections.

use super::handshake::{self, HandshakeError, OriginPolicy, Refusal, Upgraded};
use super::socket::Socket;
use super::transport::{self, Opened};
use crate::components::Components;
use crate::connection::Connection;
use crate::metrics;
use common::transport::Transport;
use common::{ErrorLog, warn_failure};
use service::ClientAddress;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

static ACCEPTING: ErrorLog = ErrorLog::new("accepting clients");

/// The pause after a failed `accept`, which usually means that the process has too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Accepts clients until the edge shuts down.
pub async fn accept_all(
    listener: TcpListener,
    parts: &Arc<Components>,
    tls: Option<TlsAcceptor>,
    origins: &OriginPolicy,
) {
    let shutdown = &parts.context.shutdown;
    while let Some(Some(accepted)) = shutdown.run_until_cancelled(accept(&listener, parts)).await {
        let Accepted { stream, address, permit } = accepted;
        let (tls, deadline, components) = (tls.clone(), handshake::deadline(), parts.clone());
        let opened = async move {
            let (proxies, addresses) = (&components.context.trusted_proxies, &components.addresses);
            transport::open(stream, address, proxies, addresses, tls.as_ref(), deadline).await
        };
        spawn_connection(opened, deadline, permit, parts, origins);
    }
}

/// Serves a client over a transport that was opened elsewhere. Its address has no limits.
pub async fn serve_transport(transport: Box<dyn Transport>, parts: Arc<Components>, origins: OriginPolicy) {
    let permit = parts.context.shutdown.run_until_cancelled(parts.context.connection_permit()).await;
    if let Some(Some(permit)) = permit {
        let (source, now) = (Ipv4Addr::LOCALHOST.into(), Instant::now());
        let place = parts.addresses.admit(ClientAddress::of_proxy(source), now).ok();
        let opened = Opened { transport, source, place };
        spawn_connection(async { Ok(opened) }, handshake::deadline(), permit, &parts, &origins);
    }
}

struct Accepted {
    stream: TcpStream,
    address: IpAddr,
    permit: OwnedSemaphorePermit,
}

async fn accept(listener: &TcpListener, parts: &Components) -> Option<Accepted> {
    let permit = parts.context.connection_permit().await?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                ACCEPTING.succeeded();
                return Some(Accepted { stream, address: address.ip(), permit });
            }
            Err(error) => {
                warn_failure!(ACCEPTING, %error, "failed to accept a client, retrying");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Opens a client's websocket and serves it. The future of the handshake is boxed and dropped after the handshake, to
/// save memory: there are many clients, and most are idle.
fn spawn_connection(
    opened: impl Future<Output = Result<Opened, HandshakeError>> + Send + 'static,
    deadline: Instant,
    permit: OwnedSemaphorePermit,
    parts: &Arc<Components>,
    origins: &OriginPolicy,
) {
    let handshake = Box::pin(open(opened, deadline, permit, parts.clone(), origins.clone()));
    parts.context.connections.spawn(async move {
        let connection = handshake.await;
        if let Some(connection) = connection {
            connection.run().await;
        }
    });
}

async fn open(
    opened: impl Future<Output = Result<Opened, HandshakeError>>,
    deadline: Instant,
    permit: OwnedSemaphorePermit,
    parts: Arc<Components>,
    origins: OriginPolicy,
) -> Option<Box<Connection>> {
    let handshake = async {
        let mut opened = opened.await?;
        let (source, known) = (opened.source, opened.place.take());
        let admit = |forwarded_for: &mut dyn DoubleEndedIterator<Item = &[u8]>| match known {
            Some(place) => Ok(place),
            None => {
                let client = parts.context.trusted_proxies.client(source, forwarded_for);
                parts.addresses.admit(client, Instant::now()).map_err(Refusal::Address)
            }
        };
        handshake::open(opened.transport, &origins, deadline, admit).await
    };
    match parts.context.shutdown.run_until_cancelled(handshake).await? {
        Ok(Upgraded { stream, early, admitted: place }) => {
            let options = parts.context.socket_options.clone();
            let socket = Socket::open(stream, early, options, &parts.context.client_memory).await;
            Some(Connection::new(socket, place, permit, parts.clone()))
        }
        Err(HandshakeError::Refused(refusal)) => {
            metrics::handshake_refused(refusal);
            tracing::debug!(cause = refusal.name(), "refused a client: {}", refusal.text());
            None
        }
        Err(HandshakeError::Io(error)) => {
            tracing::debug!(%error, "a connection broke before its websocket was open");
            None
        }
        Err(HandshakeError::Closed) => None,
    }
}
