//! Proxies, and names that a peer has taken from us.

use super::scripts::{FORGET_DISPLACED, KEEP_PROXY, STRIP_CLAIM};
use super::users::{USER_FIELDS, UserFields, parse_user};
use super::{RedisDirectory, keys};
use crate::record::RegisteredName;
use crate::{OUR_PROXY, PROXY_TTL, Result};
use protocol::HandleRef;

/// `username`, `request` of a handle.
type ClaimFields = (Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn announce_proxy(&self, api_base_url: &str) -> Result<()> {
        let key = keys::proxy(OUR_PROXY);
        let mut keep = KEEP_PROXY.key(&key);
        keep.arg(PROXY_TTL.as_secs()).arg(api_base_url);
        self.connection.query(&key, redis::pipe().invoke_script(&keep).ignore()).await
    }

    pub(crate) async fn renew_proxy(&self) -> Result<()> {
        let key = keys::proxy(OUR_PROXY);
        let mut keep = KEEP_PROXY.key(&key);
        self.connection.query(&key, redis::pipe().invoke_script(keep.arg(PROXY_TTL.as_secs())).ignore()).await
    }

    pub(crate) async fn proxy_url(&self, uuid: &str) -> Result<Option<String>> {
        let key = keys::proxy(uuid);
        let (url,) = self.connection.query(&key, redis::pipe().hget(&key, "api_base_url")).await?;
        Ok(url)
    }

    /// The handle's claim is read before the name: as long as the name's record has traces of the
    /// handle, a claim that was there before is none that came after the loss was told.
    pub(crate) async fn revoke_displaced(&self, handle: HandleRef, username: &str) -> Result<bool> {
        let (of_handle, of_user) = (keys::handle(handle), keys::user(username));
        let mut look = redis::pipe();
        look.hmget(&of_handle, &["username", "request"]).hmget(&of_user, USER_FIELDS);
        let (claim, user): (ClaimFields, UserFields) = self.connection.query(&of_handle, &look).await?;
        let user = parse_user(&of_user, username, user)?;
        let lost = matches!(user, Some(RegisteredName::Foreign(peer))
            if peer.displaced.as_ref().is_some_and(|owner| owner.handle == handle));
        let request = match claim {
            (Some(name), Some(request)) if lost && name == username => request,
            (name, _) => return Ok(lost && name.is_none()),
        };
        let mut strip = STRIP_CLAIM.key(&of_handle);
        strip.arg(username).arg(request);
        let (stripped,) = self.connection.query(&of_handle, redis::pipe().invoke_script(&strip)).await?;
        Ok(stripped)
    }

    pub(crate) async fn clear_displaced(&self, username: &str, displaced: HandleRef) -> Result<()> {
        let key = keys::user(username);
        let mut forget = FORGET_DISPLACED.key(&key);
        forget.arg(displaced.to_string()).arg(OUR_PROXY);
        self.connection.query(&key, redis::pipe().invoke_script(&forget).ignore()).await
    }
}
