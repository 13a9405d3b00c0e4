//! The HTTP side of a cluster: what other programs, operators and people with a browser ask.
//! A call between two websocket clients never comes past here.
//!
//! | file | answers |
//! |---|---|
//! | [`options`] | (the flags) |
//! | `api/` | `/api/v1/`: operators, with JSON |
//! | `info.rs` | `/info` and `/ping`, as janus-cloud's REST has them |
//! | `demo.rs` | `/`, the demo page, its files, and `/demo.json` |
//! | `missing.rs` | everything else, with 404 |
//! | `headers.rs` | (what every answer tells browsers) |
//!
//! `/livez`, `/readyz` and `/metrics` come from the chassis. How it fails: a request that is too
//! large or too slow is refused within the bounds of [`service::http`]; nothing here keeps state.

mod api;
mod demo;
mod headers;
mod info;
mod missing;
pub mod options;

pub use options::{Options, WebsocketUrl};

use axum::Router;
use axum::middleware::from_fn;
use service::{Context, admin, http};
use tokio::net::TcpListener;

/// Why the service ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system does not say where the listener listens.
    #[error("the HTTP listener is of no use: {0}")]
    Listener(#[from] std::io::Error),
}

/// Answers HTTP requests on `listener` until shutdown.
///
/// # Errors
/// [`Error`].
pub async fn run(options: Options, listener: TcpListener, context: Context) -> Result<(), Error> {
    let address = listener.local_addr()?;
    context.health.good("rest");
    tracing::info!(id = %context.id, %address, "rest listens");
    api::tell_operator(&options, address);
    http::serve(listener, routes(&options, &context), context.shutdown.clone()).await;
    Ok(())
}

fn routes(options: &Options, context: &Context) -> Router {
    Router::new()
        .merge(demo::routes(options))
        .merge(info::routes())
        .merge(api::routes(options, context))
        .merge(admin::routes(context.health.clone()))
        .fallback(missing::not_found)
        .layer(from_fn(headers::secure))
}
