//! The HTTP interface of janus-cloud: calls between its users and users of this cluster, and announcements of Janus
//! servers by sentinels.
//!
//! A request without a result in time is refused: with 504 to a proxy, with 502 to a user of this cluster. If this
//! service dies while it handles a request, the connector that sent it gives up at the call's deadline.

mod allowlist;
mod backends;
mod incoming;
mod outgoing;
mod params;
mod response;
mod server_info;

use crate::auth::OperatorAuth;
use crate::options::Options;
use allowlist::Allowlist;
use axum::Router;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, delete, get, post};
use incoming::{InviteState, PendingReplies};
use response::JanusCloudError;
use service::{Canary, CancellationToken, Context};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// The name of this service's canary. It travels over the queue `proxies` and back over this service's mailbox, so a
/// lost one may be in either.
const CANARY_NAME: &str = "proxies";

/// The background tasks of this interface.
pub(crate) struct JanusCloud {
    pending: Arc<PendingReplies>,
    tasks: TaskTracker,
    stopped: CancellationToken,
}

impl JanusCloud {
    /// Starts to read the mailbox, to send requests to proxies, and to announce this cluster to them.
    pub fn start(options: &Options, address: SocketAddr, context: &Context) -> Self {
        let (tasks, stopped) = (TaskTracker::new(), CancellationToken::new());
        let pending = Arc::<PendingReplies>::default();
        let Context { directory, shutdown, .. } = context.clone();
        let canary = options.canary.interval().map(|interval| (Canary::new(context, CANARY_NAME), interval));
        tasks.spawn(incoming::read_mailbox(Arc::clone(&pending), canary, context.clone(), stopped.clone()));
        tasks.spawn(server_info::announce(options.proxy_url.clone(), address, directory, shutdown));
        tasks.spawn(outgoing::run(context.clone()));
        tasks.close();
        Self { pending, tasks, stopped }
    }

    pub fn routes(&self, options: &Options, auth: OperatorAuth, context: &Context) -> Router {
        let allowlist = Allowlist::new(&options.proxy_allow, auth);
        let proxies = from_fn_with_state(allowlist.clone(), allowlist::allow_proxies);
        let sentinels = from_fn_with_state(allowlist.clone(), allowlist::allow_sentinels);
        let operators = from_fn_with_state(allowlist, allowlist::allow_operators);
        let register = || post(backends::register).layer(sentinels.clone());
        let list = get(backends::list).layer(sentinels.clone());
        let unregister = delete(backends::unregister).layer(operators);
        let invites = Router::new()
            .route("/plugins/videocall/{username}", route("POST", post(incoming::invite).layer(proxies)))
            .route("/plugins/{*path}", any(not_found))
            .with_state(InviteState { context: context.clone(), pending: Arc::clone(&self.pending) });
        Router::new()
            .route("/backend_servers", route("GET, POST", register().merge(list)))
            .route("/backend_servers/{name}", route("DELETE", unregister))
            .route("/sentinel_callback", route("POST", register()))
            .with_state(context.clone())
            .merge(invites)
            .merge(server_info::routes())
    }

    /// Stops the tasks. No request may be in flight.
    pub async fn shutdown(self) {
        self.stopped.cancel();
        self.tasks.wait().await;
    }
}

/// Adds janus-cloud's responses to `OPTIONS` and to unsupported methods.
fn route<S>(methods: &'static str, handlers: MethodRouter<S>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    handlers
        .options(async move |headers: HeaderMap| response::preflight(&headers, methods))
        .fallback(not_found)
}

async fn not_found(method: Method, uri: Uri) -> JanusCloudError {
    JanusCloudError::not_found(&method, &uri)
}
