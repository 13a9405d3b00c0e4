//! Accepts clients and opens their websockets.

use crate::connection::Connection;
use crate::counted::Counted;
use crate::handshake::{self, Failed};
use crate::shared::Shared;
use crate::socket::{self, Socket};
use crate::transport::{self, Transport};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

/// How long a client may take to open its websocket.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// Accepts until the edge stops.
pub async fn accept_all(listener: TcpListener, shared: &Arc<Shared>, tls: Option<TlsAcceptor>) {
    let stop = &shared.context.shutdown;
    while let Some(Some((stream, place))) = stop.run_until_cancelled(accept(&listener, shared)).await {
        let (shared, tls) = (shared.clone(), tls.clone());
        shared.connections.clone().spawn(async move {
            let stream = async { transport::open(stream, tls.as_ref()).await };
            converse(stream, place, shared).await;
        });
    }
}

/// Serves a client whose bytes come from elsewhere.
pub async fn welcome(stream: Box<dyn Transport>, shared: Arc<Shared>) {
    let place = shared.context.shutdown.run_until_cancelled(shared.place()).await;
    if let Some(Some(place)) = place {
        converse(async { Ok(stream) }, place, shared).await;
    }
}

async fn accept(listener: &TcpListener, shared: &Shared) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = shared.place().await?;
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

/// Opens a client's websocket and serves it.
async fn converse(
    stream: impl Future<Output = io::Result<Box<dyn Transport>>>,
    place: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) {
    let opening = Box::pin(async {
        let stream = Counted::over(stream.await.map_err(Failed::Broken)?);
        handshake::open(stream, socket::config(&shared.manners)).await
    });
    let opening = tokio::time::timeout(HANDSHAKE_PATIENCE, opening);
    let opened = shared.context.shutdown.clone().run_until_cancelled(opening).await;
    match opened {
        Some(Ok(Ok(stream))) => {
            let socket = Socket::new(stream, shared.manners.clone());
            Connection::new(socket, place, shared).run().await;
        }
        Some(Ok(Err(error))) => tracing::debug!(%error, "no websocket was opened"),
        Some(Err(_)) | None => {}
    }
}
