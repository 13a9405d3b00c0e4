//! The HTTP side of a cluster: what other programs, operators and people with a browser ask.
//! A call between two websocket clients never comes past here.
//!
//! | file | answers |
//! |---|---|
//! | [`options`] | (the flags) |
//! | `api/` | `/api/v1/`: operators, with JSON |
//! | `peers/` | `/plugins/videocall/`, `/backend_servers`: janus-cloud's proxies and sentinels; asks such proxies too |
//! | `info.rs` | `/info` and `/ping`, as janus-cloud's REST has them |
//! | `demo.rs` | `/`, the demo page, its files, and `/demo.json` |
//! | `dashboard.rs` | `/dashboard`, what operators watch, and its files |
//! | `files.rs` | (files of pages) |
//! | `missing.rs` | everything else, with 404 |
//! | `numbers.rs` | (what is counted) |
//! | `busy.rs` | (how many requests are under way) |
//! | `headers.rs` | (what every answer tells browsers) |
//!
//! `/livez`, `/readyz` and `/metrics` come from the chassis. How it fails: a request that is too
//! large or too slow is refused within the bounds of [`service::http`]; nothing here outlives the process.

mod api;
mod busy;
mod dashboard;
mod demo;
mod files;
mod headers;
mod info;
mod missing;
mod numbers;
pub mod options;
mod peers;

pub use options::{Options, ProxyUrl, WebsocketUrl};
pub use peers::Cidr;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use peers::JanusCloud;
use service::secret::SecretFileError;
use service::{Context, admin, http_server};
use tokio::net::TcpListener;

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system does not say where the listener listens.
    #[error("the HTTP listener is of no use: {0}")]
    Listener(#[from] std::io::Error),
    /// It would be open to others without a secret.
    #[error(transparent)]
    SecretRequired(#[from] options::SecretRequired),
    /// The file with the secret is of no use.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
}

/// Answers HTTP requests on `listener` until shutdown.
///
/// # Errors
/// [`Error`].
pub async fn run(options: Options, listener: TcpListener, context: Context) -> Result<(), Error> {
    let address = listener.local_addr()?;
    options.check_address(address)?;
    numbers::describe();
    context.health.set_ready("rest");
    tracing::info!(id = %context.id, %address, "rest listens");
    if options.rest_secret.is_none() {
        tracing::info!("without --rest-secret HTTP is served on this machine only");
    }
    let peers = JanusCloud::start(&options, address, &context);
    http_server::serve(listener, routes(&options, &context, &peers), context.shutdown.clone()).await;
    peers.shutdown().await;
    Ok(())
}

fn routes(options: &Options, context: &Context, peers: &JanusCloud) -> Router {
    Router::new()
        .merge(demo::routes(options))
        .merge(dashboard::routes())
        .merge(info::routes())
        .merge(api::routes(options, context))
        .merge(peers.routes(options, context))
        .merge(admin::routes(context.health.clone()))
        .fallback(missing::not_found)
        .layer(from_fn(headers::security_headers))
        .layer(from_fn_with_state(context.health.load().clone(), busy::count_requests))
}
