//! Peers. Nobody else writes here, so there are none, and no name is ever theirs.

use super::{MemoryDirectory, Proxy};
use crate::{OUR_PROXY, PROXY_LIFE};
use protocol::HandleRef;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn announce_proxy(&self, api_base_url: &str) {
        let until = Instant::now() + PROXY_LIFE;
        self.state().own_proxy = Some(Proxy { api_base_url: api_base_url.to_owned(), until });
    }

    pub(crate) fn keep_proxy(&self) {
        let own = self.peer_proxy(OUR_PROXY);
        self.announce_proxy(&own.unwrap_or_default());
    }

    pub(crate) fn peer_proxy(&self, uuid: &str) -> Option<String> {
        let state = self.state();
        let own = state.own_proxy.as_ref().filter(|own| uuid == OUR_PROXY && own.until > Instant::now())?;
        Some(own.api_base_url.clone())
    }

    pub(crate) fn strip_displaced(&self, _handle: HandleRef, _username: &str) -> bool {
        false
    }

    pub(crate) fn forget_displaced(&self, _username: &str, _displaced: HandleRef) {}
}
