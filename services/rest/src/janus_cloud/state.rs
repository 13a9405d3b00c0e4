//! The state that the handlers share.

use super::pending::PendingReplies;
use service::Context;
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct AppState {
    pub context: Context,
    pub pending: Arc<PendingReplies>,
}
