//! A bounded HTTP/1 server, for the admin routes and for the rest service.
//!
//! | bound | when it is reached |
//! |---|---|
//! | [`MAX_HTTP_CONNECTIONS`](open_files::MAX_HTTP_CONNECTIONS), fewer if the limit of open files is low | the next connection waits in the kernel until one ends |
//! | [`MAX_CONNECTIONS_PER_ADDRESS`], at most a quarter of all; none for trusted proxies | the next connection of that address is closed |
//! | [`WRITE_TIMEOUT`] | the connection is closed |
//! | [`HEAD_TIMEOUT`] | the connection is closed |
//! | [`MAX_HEAD`], [`MAX_HEADERS`] | 431 |
//! | [`REQUEST_TIMEOUT`] | 408 |
//! | [`MAX_BODY`] | 413 from the extractor that reads the body |
//! | [`MAX_CONNECTION_AGE`] | the connection is closed after its current request |
//!
//! A client that speaks another protocol, for instance TLS, is told so at once. A handler that panics is counted, and
//! its request is answered with 500.
//!
//! At shutdown the server accepts no more connections; current requests have [`SHUTDOWN_GRACE`] to finish.

use crate::client_address::AddressGroup;
use crate::connection_limits::{AddressGuard, AddressLimit, WriteTimeout};
use crate::lingering_close::respond_and_close;
use crate::trusted_proxies::TrustedProxies;
use crate::wire_protocol::WireProtocol;
use crate::{metrics, open_files};
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use common::{ErrorLog, warn_failure};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

static ACCEPTING: ErrorLog = ErrorLog::new("accepting connections");

/// The most connections of one address at the same time, unless it is a trusted proxy.
pub const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
/// How long a client may read nothing of a response that waits.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head of a request may take, counted from the end of the previous request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest head of a request, in bytes.
pub const MAX_HEAD: usize = 32 * 1024;
/// The most headers of a request. Proxies add some to those of the client.
pub const MAX_HEADERS: usize = 128;
/// How long a request may take from the end of its head to its response.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// How long a connection may stay open, idle or not.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// How long current requests may take after shutdown.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Closes the connection of a request without flushing it. Each request has one among its extensions. It is
/// for endless responses, whose client may have stopped reading.
#[derive(Clone, Default)]
pub struct ConnectionCloser(CancellationToken);

impl ConnectionCloser {
    /// Closes the connection.
    pub fn close(&self) {
        self.0.cancel();
    }
}

/// Serves requests until shutdown; returns when the last connection has ended.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: &TrustedProxies,
    shutdown: CancellationToken,
) {
    let router = router
        .layer(from_fn(with_timeout))
        .layer(from_fn(without_panic))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    let places = open_files::max_http_connections();
    let permits = Arc::new(Semaphore::new(places));
    let addresses = AddressLimit::new(MAX_CONNECTIONS_PER_ADDRESS.min(places / 4).max(1));
    let connections = TaskTracker::new();
    while let Some(Some(accepted)) =
        shutdown.run_until_cancelled(accept(&listener, &permits, &addresses, proxies)).await
    {
        connections.spawn(serve_connection(accepted, router.clone(), shutdown.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

struct Accepted {
    stream: TcpStream,
    address: SocketAddr,
    _permit: OwnedSemaphorePermit,
    /// None for a trusted proxy.
    _place: Option<AddressGuard>,
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    addresses: &AddressLimit,
    proxies: &TrustedProxies,
) -> Option<Accepted> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let place = addresses.acquire(AddressGroup::of(address.ip()));
                if place.is_some() || proxies.contains(address.ip()) {
                    ACCEPTING.succeeded();
                    return Some(Accepted { stream, address, _permit: permit, _place: place });
                }
                metrics::queue_full(metrics::HTTP_CONNECTIONS_OF_ADDRESS);
            }
            Err(error) => {
                warn_failure!(ACCEPTING, %error, "failed to accept a connection, retrying");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Serves one connection. The extensions of each request hold the client's address.
async fn serve_connection(accepted: Accepted, router: Router, shutdown: CancellationToken) {
    let Accepted { stream, address, _permit, _place } = accepted;
    // Without it, small responses wait for the delayed acknowledgement of the client.
    let _ = stream.set_nodelay(true);
    match shutdown.run_until_cancelled(timeout(HEAD_TIMEOUT, peek_protocol(&stream))).await {
        Some(Ok(Ok(protocol))) => {
            if let Some(refusal) = protocol.refusal() {
                return refuse(stream, protocol, refusal).await;
            }
        }
        // The client has sent nothing.
        Some(Ok(Err(_)) | Err(_)) | None => return,
    }
    let router = TowerToHyperService::new(router);
    let closer = ConnectionCloser::default();
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        request.extensions_mut().insert(closer.clone());
        router.call(request)
    });
    let mut connection = pin!(
        http1_builder().serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIMEOUT)), service)
    );
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => {}
        () = sleep(MAX_CONNECTION_AGE) => {}
        () = closer.0.cancelled() => return,
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(SHUTDOWN_GRACE, connection).await;
}

/// Waits for the first bytes of a connection and tells their protocol, without reading them.
async fn peek_protocol(stream: &TcpStream) -> io::Result<WireProtocol> {
    let mut first = [0; WireProtocol::MAX_SIGNATURE];
    let length = stream.peek(&mut first).await?;
    // Fewer bytes than a signature has are left to the HTTP library.
    Ok(WireProtocol::detect(&first[..length]).unwrap_or(WireProtocol::Http1))
}

/// Tells a client that it speaks the wrong protocol.
async fn refuse(stream: TcpStream, protocol: WireProtocol, (status, text): (u16, &str)) {
    metrics::connection_refused(protocol);
    tracing::debug!(cause = protocol.name(), "refused a connection: {text}");
    let reason = StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason()).unwrap_or_default();
    let length = text.len() + 1;
    let response = format!(
        "HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {length}\r\n\r\n{text}\n"
    );
    respond_and_close(stream, response.as_bytes()).await;
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    builder
}

async fn with_timeout(request: Request, next: Next) -> Response {
    match timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response(),
    }
}

/// Dropping the connection instead would look like a broken network to the client. The log has the panic.
async fn without_panic(request: Request, next: Next) -> Response {
    let response = async move { next.run(request).await };
    AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|_| {
        metrics::http_handler_panicked();
        (StatusCode::INTERNAL_SERVER_ERROR, "the handler of the request panicked; the log has the reason\n")
            .into_response()
    })
}
