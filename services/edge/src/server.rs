//! Accepts clients and opens their websockets.

use crate::connection::Connection;
use crate::handshake::{self, Failed};
use crate::options::Manners;
use crate::shared::Shared;
use crate::socket::{self, Socket};
use crate::transport;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// How long a client may take to open its websocket.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// Accepts until the edge stops, then waits for the connections to end.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, tls: Option<TlsAcceptor>) {
    let places = Arc::new(Semaphore::new(shared.manners.max_connections));
    let connections = TaskTracker::new();
    let stop = shared.context.shutdown.clone();
    while let Some(Some((stream, place))) = stop.run_until_cancelled(accept(&listener, &places)).await {
        let (shared, tls) = (shared.clone(), tls.clone());
        connections.spawn(async move {
            if let Some(socket) = open(stream, tls, &shared.manners).await {
                metrics::gauge!("switchboard_edge_connections").increment(1.0);
                Connection::new(socket, shared).run().await;
                metrics::gauge!("switchboard_edge_connections").decrement(1.0);
            }
            drop(place);
        });
    }
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
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

async fn open(stream: TcpStream, tls: Option<TlsAcceptor>, manners: &Manners) -> Option<Socket> {
    let opening = async {
        let stream = transport::open(stream, tls.as_ref()).await.map_err(Failed::Broken)?;
        handshake::open(stream, socket::config(manners)).await
    };
    match tokio::time::timeout(HANDSHAKE_PATIENCE, opening).await {
        Ok(Ok(stream)) => Some(Socket::new(stream, manners.clone())),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no websocket was opened");
            None
        }
        Err(_) => None,
    }
}
