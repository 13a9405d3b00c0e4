//! Accepts clients and opens their websockets.

use crate::connection::Connection;
use crate::shared::Shared;
use crate::socket::{self, Socket};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_util::task::TaskTracker;

/// The websocket subprotocol of the Janus API.
const SUBPROTOCOL: &str = "janus-protocol";
/// How long a client may take to open its websocket.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// Accepts until the edge stops, then waits for the connections to end.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, max_connections: usize) {
    let places = Arc::new(Semaphore::new(max_connections));
    let connections = TaskTracker::new();
    let stop = shared.context.shutdown.clone();
    while let Some(Some((stream, place))) = stop.run_until_cancelled(accept(&listener, &places)).await {
        let shared = shared.clone();
        connections.spawn(async move {
            if let Some(stream) = open(stream).await {
                metrics::gauge!("switchboard_edge_connections").increment(1.0);
                Connection::new(Socket::new(stream), shared).run().await;
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

async fn open(stream: TcpStream) -> Option<WebSocketStream<TcpStream>> {
    stream.set_nodelay(true).ok()?;
    let opening = tokio_tungstenite::accept_hdr_async_with_config(stream, negotiate, Some(socket::config()));
    match tokio::time::timeout(HANDSHAKE_PATIENCE, opening).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no websocket was opened");
            None
        }
        Err(_) => None,
    }
}

#[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
fn negotiate(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if offered.map(str::trim).any(|protocol| protocol == SUBPROTOCOL) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some(format!("Ask for the websocket subprotocol {SUBPROTOCOL}.\n")));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}
