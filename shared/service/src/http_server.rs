//! An HTTP server with bounds, for the admin routes and for the rest service.
//!
//! | bound | when it is reached |
//! |---|---|
//! | [`MAX_CONNECTIONS`] | the next connection waits in the kernel until one ends |
//! | [`HEAD_TIMEOUT`], [`MAX_HEAD`] | the connection is closed (431 where the head is too large) |
//! | [`REQUEST_TIMEOUT`] | 408 |
//! | [`MAX_BODY`] | 413 from whatever reads the body |
//! | [`CONNECTION_LIFE`] | the connection is closed after its running request |
//!
//! At shutdown no connection is taken any more, and running requests have [`GRACE`] to finish.

use crate::CancellationToken;
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

/// Connections at a time.
pub const MAX_CONNECTIONS: usize = 1_024;
/// How long the head of a request may take to arrive, counted from the end of the last request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest head of a request, in bytes.
pub const MAX_HEAD: usize = 32 * 1024;
/// How long a request may take from the end of its head to its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// How long a connection may live, however busy.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// How long running requests may take after shutdown.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Ends the connection that a request came on, whatever is still to be written there; each request has one
/// among its extensions. For answers without an end, whose reader may have stopped reading.
#[derive(Clone, Default)]
pub struct ConnectionCloser(CancellationToken);

impl ConnectionCloser {
    /// Ends it.
    pub fn now(&self) {
        self.0.cancel();
    }
}

/// Answers requests until shutdown; returns when the last connection has ended.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let router = router.layer(from_fn(with_timeout)).layer(DefaultBodyLimit::max(MAX_BODY));
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    while let Some(Some((client, slot))) = shutdown.run_until_cancelled(accept(&listener, &slots)).await {
        connections.spawn(serve_connection(client, slot, router.clone(), shutdown.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// A connection and where it comes from.
type Accepted = (TcpStream, SocketAddr);

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(Accepted, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok(client) => return Some((client, slot)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// One connection, from its first byte to its end. Every request says where it comes from.
async fn serve_connection(
    (stream, peer): Accepted,
    slot: OwnedSemaphorePermit,
    router: Router,
    shutdown: CancellationToken,
) {
    // Without it small answers wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let hang_up = ConnectionCloser::default();
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(hang_up.clone());
        router.call(request)
    });
    let connection = http1_builder().serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        result = connection.as_mut() => Some(result),
        () = shutdown.cancelled() => None,
        () = sleep(MAX_CONNECTION_AGE) => None,
        () = hang_up.0.cancelled() => return,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(SHUTDOWN_GRACE, connection).await;
    }
    drop(slot);
}

fn http1_builder() -> http1::Builder {
    let mut settings = http1::Builder::new();
    settings.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
    settings
}

async fn with_timeout(request: Request, next: Next) -> Response {
    match timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response(),
    }
}
