//! The HTTP service of a cluster, for operators, browsers and janus-cloud's proxies. Calls between websocket clients
//! do not pass through it.
//!
//! | routes | module |
//! |---|---|
//! | `/api/v1/` | `api/`: operators, in JSON |
//! | `/plugins/videocall/`, `/backend_servers`, `/sentinel_callback`, `/info`, `/ping` | `janus_cloud/`: proxies and sentinels |
//! | `/`, `/demo.json`, `/dashboard` | `pages.rs` |
//! | `/livez`, `/readyz`, `/metrics` | the `service` crate |
//!
//! Requests that are too large or too slow are refused within the limits of [`service::http_server`].

mod addresses;
mod api;
mod auth;
mod cors;
mod foreign_pages;
mod janus_cloud;
mod metrics;
mod middleware;
pub mod options;
mod pages;
mod wrong_secrets;

pub use addresses::{ProxyUrl, WebsocketUrl};
pub use options::Options;

use auth::OperatorAuth;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use janus_cloud::JanusCloud;
use service::secret::SecretFileError;
use service::{Context, admin, http_server};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to read the address of the HTTP listener: {0}")]
    Listener(#[from] std::io::Error),
    #[error(transparent)]
    Address(#[from] options::AddressError),
    #[error(transparent)]
    Secret(#[from] SecretFileError),
}

/// Serves HTTP on `listener` until shutdown.
///
/// # Errors
/// Returns [`Error::Address`] if the address is not a loopback address, and there is no secret, or one that is guessed soon.
pub async fn run(options: Options, listener: TcpListener, context: Context) -> Result<(), Error> {
    let address = listener.local_addr()?;
    options.check_address(address)?;
    metrics::describe();
    context.health.set_ready("rest");
    tracing::info!(id = %context.id, %address, "rest listening");
    if options.rest_secret.is_none() {
        tracing::info!("no --rest-secret: HTTP is served on loopback only");
    }
    let janus_cloud = JanusCloud::start(&options, address, &context);
    let routes = routes(&options, &context, &janus_cloud);
    http_server::serve(listener, routes, &options.trusted_proxies, context.shutdown.clone()).await;
    janus_cloud.shutdown().await;
    Ok(())
}

fn routes(options: &Options, context: &Context, janus_cloud: &JanusCloud) -> Router {
    let auth = OperatorAuth::new(options);
    Router::new()
        .merge(pages::demo_routes(options))
        .merge(pages::dashboard_routes())
        .merge(api::routes(auth.clone(), context))
        .merge(janus_cloud.routes(options, auth, context))
        .merge(admin::routes(context.health.clone()))
        .fallback(middleware::not_found)
        .layer(from_fn_with_state(Arc::from(&options.origins.allow_origin[..]), cors::allow_origins))
        .layer(from_fn(middleware::security_headers))
        .layer(from_fn_with_state(options.trusted_proxies.clone(), middleware::identify_client))
        .layer(from_fn_with_state(context.health.load().clone(), middleware::count_requests))
}
