//! A backend whose lease this connector holds.

use crate::janus::endpoint::Endpoint;
use crate::options::{CallPolicy, Server};
use directory::record::FencingToken;
use service::Context;
use service::options::CanaryOptions;
use tokio::time::Instant;

pub struct LeasedBackend {
    pub server: Server,
    pub endpoint: Endpoint,
    pub policy: CallPolicy,
    pub canary: CanaryOptions,
    pub token: FencingToken,
    /// When the lease runs out, unless it is renewed.
    pub expires_at: Instant,
}

/// The name of a backend's lease in the directory.
pub fn lease_name(server: &Server) -> String {
    format!("backend:{}", server.name)
}

pub async fn release_lease(context: &Context, server: &Server) {
    if let Err(error) = context.directory.release_lease(&lease_name(server), &context.id).await {
        tracing::warn!(%error, backend = %server.name, "failed to release the lease, it will expire");
    }
}
