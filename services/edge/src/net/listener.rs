//! Accepts clients and opens their websockets.

use crate::connection::Connection;
use crate::net::counted::CountingTransport;
use crate::net::handshake::{self, HandshakeError};
use crate::net::socket::{self, Socket};
use crate::net::transport::{self, Transport};
use crate::shared::Shared;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

/// How long a client may take to open its websocket.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts until the edge stops.
pub async fn accept_all(listener: TcpListener, shared: &Arc<Shared>, tls: Option<TlsAcceptor>) {
    let stop = &shared.context.shutdown;
    while let Some(Some((stream, place))) = stop.run_until_cancelled(accept(&listener, shared)).await {
        let tls = tls.clone();
        let stream = async move { transport::open(stream, tls.as_ref()).await };
        spawn_connection(stream, place, shared);
    }
}

/// Serves a client whose bytes come from elsewhere.
pub async fn serve_transport(stream: Box<dyn Transport>, shared: Arc<Shared>) {
    let place = shared.context.shutdown.run_until_cancelled(shared.connection_permit()).await;
    if let Some(Some(place)) = place {
        spawn_connection(async { Ok(stream) }, place, &shared);
    }
}

/// Opens a client's websocket and serves it. What that takes before it is open is gone afterwards: most
/// clients are idle, and there are many.
fn spawn_connection(
    stream: impl Future<Output = io::Result<Box<dyn Transport>>> + Send + 'static,
    place: OwnedSemaphorePermit,
    shared: &Arc<Shared>,
) {
    let opening = Box::pin(open(stream, place, shared.clone()));
    shared.connections.spawn(async move {
        let opened = opening.await;
        if let Some(connection) = opened {
            connection.run().await;
        }
    });
}

async fn accept(listener: &TcpListener, shared: &Shared) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = shared.connection_permit().await?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn open(
    stream: impl Future<Output = io::Result<Box<dyn Transport>>>,
    place: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) -> Option<Box<Connection>> {
    let opening = async {
        let stream = CountingTransport::new(stream.await.map_err(HandshakeError::Io)?);
        handshake::open(stream, socket::websocket_config(&shared.socket_options)).await
    };
    let opening = tokio::time::timeout(HANDSHAKE_TIMEOUT, opening);
    match shared.context.shutdown.clone().run_until_cancelled(opening).await? {
        Ok(Ok(stream)) => {
            let socket = Socket::new(stream, shared.socket_options.clone());
            Some(Connection::new(socket, place, shared.clone()))
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "no websocket was opened");
            None
        }
        Err(_) => None,
    }
}
