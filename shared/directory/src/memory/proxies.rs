//! Our own proxy's record. No janus-cloud proxy shares this store, so no name is foreign.

use super::{MemoryDirectory, OwnProxy};
use crate::{OUR_PROXY, PROXY_TTL};
use protocol::HandleRef;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn announce_proxy(&self, api_base_url: &str) {
        let expires_at = Instant::now() + PROXY_TTL;
        self.state().own_proxy = Some(OwnProxy { api_base_url: api_base_url.to_owned(), expires_at });
    }

    pub(crate) fn renew_proxy(&self) {
        let own = self.proxy_url(OUR_PROXY);
        self.announce_proxy(&own.unwrap_or_default());
    }

    pub(crate) fn proxy_url(&self, uuid: &str) -> Option<String> {
        let state = self.state();
        let own =
            state.own_proxy.as_ref().filter(|own| uuid == OUR_PROXY && own.expires_at > Instant::now())?;
        Some(own.api_base_url.clone())
    }

    pub(crate) fn revoke_displaced(&self, _handle: HandleRef, _username: &str) -> bool {
        false
    }

    pub(crate) fn clear_displaced(&self, _username: &str, _displaced: HandleRef) {}
}
