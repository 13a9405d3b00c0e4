//! `/api/v1/`: what operators ask and change, in JSON. Errors are problem details (RFC 9457). The same
//! is said to programs in `openapi.json`, which is served beside the routes.
//!
//! | file | holds |
//! |---|---|
//! | `access.rs` | who may |
//! | `input.rs` | what is sent: names, ids, pages, JSON |
//! | `backends.rs`, `adding.rs` | the media servers: look, drain, undrain; add and remove |
//! | `users.rs`, `sessions.rs` | who is where; disconnect |
//! | `calls.rs` | the calls that run; end |
//! | `services.rs` | who is alive |
//! | `watch.rs` | all that an operator watches, in one answer |
//! | `recent.rs`, `setup.rs` | what became of calls lately; how long it took until they rang |
//! | `roads.rs` | the roads of it as numbers, for `/metrics` |
//! | `events.rs` | the same once a second, as server-sent events |
//! | `entries.rs`, `discreet.rs` | the entries of a road; what of them is not shown to everybody |
//! | `patience.rs` | until others have done what was asked for |
//! | `problem.rs` | what went wrong |
//!
//! Lists are bounded: what may be many comes by page. How it fails: whoever is asked to end something and
//! does not do it in time is a problem (503); it may still do it.

mod access;
mod adding;
mod backends;
mod calls;
mod discreet;
mod entries;
mod events;
mod input;
mod patience;
mod problem;
mod recent;
mod roads;
mod services;
mod sessions;
mod setup;
mod users;
mod watch;

pub(crate) use access::OperatorAuth;

use crate::options::Options;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use axum::{Router, http::HeaderValue};
use bus::Bus;
use directory::Directory;
use entries::WatchLimit;
use events::Subscribers;
use problem::Problem;
use service::Context;
use watch::ClusterCache;

/// All of it, for programs.
const OPENAPI: &str = include_str!("openapi.json");

/// What the handlers work with.
#[derive(Clone)]
struct ApiState {
    bus: Bus,
    directory: Directory,
    cache: ClusterCache,
    subscribers: Subscribers,
    watch_limit: WatchLimit,
    auth: OperatorAuth,
}

/// Every route that operators have.
fn route_table() -> [(&'static str, MethodRouter<ApiState>); 16] {
    [
        ("/backends", get(backends::list).post(adding::add)),
        ("/backends/{name}", get(backends::get).delete(adding::remove)),
        ("/backends/{name}/drain", post(backends::drain)),
        ("/backends/{name}/undrain", post(backends::undrain)),
        ("/users", get(users::list)),
        ("/users/{name}", get(users::get)),
        ("/users/{name}/disconnect", post(users::disconnect)),
        ("/sessions", get(sessions::list)),
        ("/sessions/{id}", get(sessions::get).delete(sessions::delete)),
        ("/calls", get(calls::list)),
        ("/calls/{id}", get(calls::get)),
        ("/calls/{id}/end", post(calls::end)),
        ("/services", get(services::list)),
        ("/roads/{key}/entries", get(entries::list)),
        ("/cluster", get(watch::get)),
        ("/cluster/events", get(events::subscribe)),
    ]
}

pub(crate) fn routes(options: &Options, context: &Context) -> Router {
    let access = OperatorAuth::new(options.rest_secret.clone());
    let cluster = ApiState {
        bus: context.bus.clone(),
        directory: context.directory.clone(),
        cache: ClusterCache::default(),
        subscribers: Subscribers::new(context.shutdown.clone()),
        watch_limit: WatchLimit::default(),
        auth: access.clone(),
    };
    context.health.collector().set(roads::metric_source(cluster.clone()));
    let routes =
        route_table().into_iter().fold(Router::new(), |routes, (path, verbs)| routes.route(path, verbs));
    let routes = routes
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .route_layer(from_fn_with_state(access, access::require_auth))
        .route("/openapi.json", get(openapi).fallback(async || Problem::method_not_allowed()))
        .fallback(async || Problem::not_found())
        .with_state(cluster);
    Router::new().nest("/api/v1", routes)
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], OPENAPI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_route_is_in_the_document() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut told: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        let mut served: Vec<&str> = route_table().iter().map(|(path, _)| *path).collect();
        served.push("/openapi.json");
        served.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, served);
    }
}
