//! `/api/v1/`: what operators ask and change, in JSON. Errors are problem details (RFC 9457).
//!
//! | file | holds |
//! |---|---|
//! | `access.rs` | who may |
//! | `backends.rs` | the media servers: list, drain, undrain |
//! | `problem.rs` | what went wrong |

mod access;
mod backends;
mod problem;

use crate::options::Options;
use access::Access;
use axum::Router;
use axum::middleware::from_fn_with_state;
use bus::Bus;
use directory::Directory;
use problem::Problem;
use service::Context;
use std::net::SocketAddr;

/// What the handlers work with.
#[derive(Clone)]
struct Cluster {
    bus: Bus,
    directory: Directory,
}

pub(crate) fn routes(options: &Options, context: &Context) -> Router {
    let access = Access::new(options.rest_secret.clone());
    let cluster = Cluster { bus: context.bus.clone(), directory: context.directory.clone() };
    let routes = backends::routes()
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .route_layer(from_fn_with_state(access, access::check))
        .fallback(async || Problem::nothing_here())
        .with_state(cluster);
    Router::new().nest("/api/v1", routes)
}

/// Says what an operator would otherwise find out only when a change is refused.
pub(crate) fn tell_operator(options: &Options, address: SocketAddr) {
    if options.rest_secret.is_none() && !address.ip().is_loopback() {
        tracing::info!("without --rest-secret only programs on this machine may change anything");
    }
}
