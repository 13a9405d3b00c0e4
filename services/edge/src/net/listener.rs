//! Accepts clients, opens their websockets and runs their connections.

use super::handshake::{self, HandshakeError};
use super::socket::Socket;
use super::transport;
use crate::components::Components;
use crate::connection::Connection;
use crate::metrics;
use common::transport::Transport;
use common::{ErrorLog, warn_failure};
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
pub async fn accept_all(listener: TcpListener, parts: &Arc<Components>, tls: Option<TlsAcceptor>) {
    let shutdown = &parts.context.shutdown;
    while let Some(Some((stream, permit))) = shutdown.run_until_cancelled(accept(&listener, parts)).await {
        let (tls, deadline) = (tls.clone(), handshake::deadline());
        let stream = async move { transport::open(stream, tls.as_ref(), deadline).await };
        spawn_connection(stream, deadline, permit, parts);
    }
}

/// Serves a client over a transport that was opened elsewhere.
pub async fn serve_transport(stream: Box<dyn Transport>, parts: Arc<Components>) {
    let permit = parts.context.shutdown.run_until_cancelled(parts.context.connection_permit()).await;
    if let Some(Some(permit)) = permit {
        spawn_connection(async { Ok(stream) }, handshake::deadline(), permit, &parts);
    }
}

async fn accept(listener: &TcpListener, parts: &Components) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = parts.context.connection_permit().await?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                ACCEPTING.succeeded();
                return Some((stream, permit));
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
    stream: impl Future<Output = Result<Box<dyn Transport>, HandshakeError>> + Send + 'static,
    deadline: Instant,
    permit: OwnedSemaphorePermit,
    parts: &Arc<Components>,
) {
    let handshake = Box::pin(open(stream, deadline, permit, parts.clone()));
    parts.context.connections.spawn(async move {
        let connection = handshake.await;
        if let Some(connection) = connection {
            connection.run().await;
        }
    });
}

async fn open(
    stream: impl Future<Output = Result<Box<dyn Transport>, HandshakeError>>,
    deadline: Instant,
    permit: OwnedSemaphorePermit,
    parts: Arc<Components>,
) -> Option<Box<Connection>> {
    let options = &parts.context.socket_options;
    let handshake = async { handshake::open(stream.await?, deadline).await };
    match parts.context.shutdown.run_until_cancelled(handshake).await? {
        Ok((stream, early)) => {
            let socket = Socket::open(stream, early, options.clone()).await;
            Some(Connection::new(socket, permit, parts.clone()))
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
