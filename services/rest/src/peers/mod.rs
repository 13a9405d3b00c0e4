//! Calls with the users of janus-cloud's proxies, and its routes for backends: what such proxies and
//! sentinels ask of us, and what we ask of them, over HTTP as janus-cloud speaks it.
//!
//! | file | holds |
//! |---|---|
//! | `invite.rs` | `POST /plugins/videocall/{username}`: a peer's user calls one of ours |
//! | `waiting.rs` | who waits for what came of that |
//! | `backends.rs` | `/backend_servers`, `/sentinel_callback`: Janus servers are announced |
//! | `ask.rs`, `client.rs` | one of ours calls a peer's user: its proxy is asked |
//! | `announce.rs` | where peers ask ours |
//! | `gate.rs`, `network.rs` | who may |
//! | `params.rs`, `check.rs`, `refusal.rs`, `preflight.rs` | parameters, their checks, refusals, `OPTIONS` |
//!
//! How it fails: what nobody answers in time is refused (504 here, 502 to our users), a question that
//! this service died at is given up by the connector that asked. Nothing here outlives the process.

mod announce;
mod ask;
mod backends;
mod check;
mod client;
mod gate;
mod invite;
mod network;
mod params;
mod preflight;
mod refusal;
mod waiting;

pub use network::Cidr;

use crate::api::OperatorAuth;
use crate::options::Options;
use axum::Router;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use gate::Allowlist;
use refusal::JanusCloudError;
use service::{Canary, CancellationToken, Context};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::task::TaskTracker;
use waiting::PendingReplies;

/// What the handlers work with.
#[derive(Clone)]
struct AppState {
    context: Context,
    allowlist: Allowlist,
    pending: Arc<PendingReplies>,
}

/// Canaries travel over the queue and the mailbox of the asking service; a loss does not tell which of both.
const CANARY_NAME: &str = "proxies";

/// What runs beside the routes.
pub(crate) struct JanusCloud {
    pending: Arc<PendingReplies>,
    tasks: TaskTracker,
    stopped: CancellationToken,
}

impl JanusCloud {
    /// Begins to listen, to ask and to announce.
    pub fn start(options: &Options, address: SocketAddr, context: &Context) -> Self {
        let (pending, tasks, stopped) = (Arc::default(), TaskTracker::new(), CancellationToken::new());
        let Context { directory, shutdown, .. } = context.clone();
        let canary = options.canary.interval().map(|interval| (Canary::new(context, CANARY_NAME), interval));
        tasks.spawn(waiting::read_mailbox(Arc::clone(&pending), canary, context.clone(), stopped.clone()));
        tasks.spawn(announce::announce(options.proxy_url.clone(), address, directory, shutdown));
        tasks.spawn(ask::run(context.clone()));
        tasks.close();
        Self { pending, tasks, stopped }
    }

    pub fn routes(&self, options: &Options, context: &Context) -> Router {
        let gate = Allowlist::new(&options.proxy_allow, OperatorAuth::new(options.rest_secret.clone()));
        let desk = AppState { context: context.clone(), allowlist: gate, pending: Arc::clone(&self.pending) };
        let peers = from_fn_with_state(desk.clone(), gate::allow_proxies);
        let sentinels = from_fn_with_state(desk.clone(), gate::allow_sentinels);
        let operators = from_fn_with_state(desk.clone(), gate::allow_operators);
        let register = || post(backends::register).layer(sentinels.clone());
        let list = get(backends::list).layer(sentinels.clone());
        let unregister = delete(backends::unregister).layer(operators);
        Router::new()
            .route("/plugins/videocall/{username}", route("POST", post(invite::invite).layer(peers)))
            .route("/backend_servers", route("GET, POST", register().merge(list)))
            .route("/backend_servers/{name}", route("DELETE", unregister))
            .route("/sentinel_callback", route("POST", register()))
            .route("/plugins/{*path}", any(nothing))
            .with_state(desk)
    }

    /// To be called when no request is under way any more.
    pub async fn shutdown(self) {
        self.stopped.cancel();
        self.tasks.wait().await;
    }
}

/// A route with what janus-cloud says to `OPTIONS` and to all other methods.
fn route(methods: &'static str, verbs: MethodRouter<AppState>) -> MethodRouter<AppState> {
    verbs.options(async move |headers: HeaderMap| preflight::answer(&headers, methods)).fallback(nothing)
}

async fn nothing(method: Method, uri: Uri) -> JanusCloudError {
    JanusCloudError::not_found(&method, &uri)
}

/// How janus-cloud says that it is done.
fn success() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=UTF-8"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "").into_response()
}
