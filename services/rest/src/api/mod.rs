//! `/api/v1/`: what operators read and change, in JSON. `openapi.json` documents it and is served beside the routes.
//! Errors are problem details (RFC 9457). Long lists are paginated. An operation that another service does not
//! complete in time returns 503; it may still complete.

mod backends;
mod call_stats;
mod calls;
mod cluster;
mod drain_caller;
mod extract;
mod findings;
mod history;
mod problem;
mod sessions;
mod state;
mod stream_entries;
mod streams;
mod users;

use crate::auth::{Access, Caller, OperatorAuth};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router, http::HeaderValue};
use problem::Problem;
use service::{ClientAddress, Context};
use state::ApiState;

const OPENAPI: &str = include_str!("openapi.json");
const PREFIX: &str = "/api/v1";

/// The routes that need authorization.
fn route_table() -> [(&'static str, MethodRouter<ApiState>); 16] {
    [
        ("/backends", get(backends::list).post(backends::add)),
        ("/backends/{name}", get(backends::get).delete(backends::remove)),
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
        ("/services", get(cluster::list_services)),
        ("/streams/{key}/entries", get(stream_entries::list)),
        ("/cluster", get(cluster::get)),
        ("/cluster/events", get(cluster::subscribe)),
    ]
}

pub(crate) fn routes(auth: OperatorAuth, context: &Context) -> Router {
    let state = ApiState::new(auth.clone(), context);
    context.health.collector().set(cluster::metrics_collector(state.clone()));
    let routes = route_table()
        .into_iter()
        .fold(Router::new(), |routes, (path, methods)| routes.route(path, methods))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .route_layer(from_fn_with_state(auth, require_auth))
        .route("/openapi.json", get(openapi).fallback(async || Problem::method_not_allowed()))
        .fallback(async || Problem::not_found())
        .with_state(state);
    Router::new().nest(PREFIX, routes)
}

/// Passes on a request that is authorized; answers another with the problem.
async fn require_auth(
    State(auth): State<OperatorAuth>,
    Extension(client): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response {
    let access = if request.method().is_safe() { Access::Read } else { Access::Change };
    let caller = if is_drain(request.uri().path()) && auth.shows_drain_secret(request.headers()) {
        Ok(Caller::JanusServer(client.ip()))
    } else {
        auth.authorize(access, client, request.headers()).map(|()| Caller::Operator)
    };
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Returns whether a Janus server may ask for this about itself.
fn is_drain(path: &str) -> bool {
    let operation = path.strip_prefix("/backends/").and_then(|path| path.split_once('/'));
    operation.is_some_and(|(_, operation)| matches!(operation, "drain" | "undrain"))
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], OPENAPI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn janus_servers_drain_and_undrain_only() {
        assert!(is_drain("/backends/a/drain") && is_drain("/backends/a/undrain"));
        for path in [
            "/backends/a",
            "/backends",
            "/backends/a/drain/x",
            "/users/drain",
            "/calls/a/end",
            "/backends/a/b/drain",
        ] {
            assert!(!is_drain(path), "{path}");
        }
    }

    #[test]
    fn every_route_is_documented() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut documented: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        let mut served: Vec<&str> = route_table().iter().map(|(path, _)| *path).collect();
        served.push("/openapi.json");
        served.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, served);
    }
}
