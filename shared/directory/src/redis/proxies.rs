//! Proxies of janus-cloud, and names that they took.

use super::keys;
use super::names::{USER_FIELDS, UserFields, parse_user};
use super::scripts::{CLEAR_DISPLACED, RENEW_PROXY, REVOKE_CLAIM};
use super::store::RedisDirectory;
use crate::record::RegisteredName;
use crate::{OUR_PROXY, PROXY_TTL, Result};
use protocol::HandleRef;

/// `username`, `request` of a handle.
type ClaimFields = (Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn announce_proxy(&self, api_base_url: &str) -> Result<()> {
        let key = keys::proxy(OUR_PROXY);
        let mut renew = RENEW_PROXY.key(&key);
        renew.arg(PROXY_TTL.as_secs()).arg(api_base_url);
        self.connection.query(&key, redis::pipe().invoke_script(&renew).ignore()).await
    }

    pub(crate) async fn renew_proxy(&self) -> Result<()> {
        let key = keys::proxy(OUR_PROXY);
        let mut renew = RENEW_PROXY.key(&key);
        self.connection
            .query(&key, redis::pipe().invoke_script(renew.arg(PROXY_TTL.as_secs())).ignore())
            .await
    }

    pub(crate) async fn proxy_url(&self, uuid: &str) -> Result<Option<String>> {
        let key = keys::proxy(uuid);
        let (url,) = self.connection.query(&key, redis::pipe().hget(&key, "api_base_url")).await?;
        Ok(url)
    }

    /// Reads the handle's claim before the name. If the name's record still has the displaced handle then,
    /// the claim is from before the client was notified of the loss.
    pub(crate) async fn revoke_displaced(&self, handle: HandleRef, username: &str) -> Result<bool> {
        let (handle_key, user_key) = (keys::handle(handle), keys::user(username));
        let mut read = redis::pipe();
        read.hmget(&handle_key, &["username", "request"]).hmget(&user_key, USER_FIELDS);
        let (claim, user): (ClaimFields, UserFields) = self.connection.query(&handle_key, &read).await?;
        let user = parse_user(&user_key, username, user)?;
        let is_displaced = matches!(user, Some(RegisteredName::Foreign(user))
            if user.displaced.as_ref().is_some_and(|owner| owner.handle == handle));
        let request = match claim {
            (Some(name), Some(request)) if is_displaced && name == username => request,
            (name, _) => return Ok(is_displaced && name.is_none()),
        };
        let mut revoke = REVOKE_CLAIM.key(&handle_key);
        revoke.arg(username).arg(request);
        let (revoked,) = self.connection.query(&handle_key, redis::pipe().invoke_script(&revoke)).await?;
        Ok(revoked)
    }

    pub(crate) async fn clear_displaced(&self, username: &str, displaced: HandleRef) -> Result<()> {
        let key = keys::user(username);
        let mut clear = CLEAR_DISPLACED.key(&key);
        clear.arg(displaced.to_string()).arg(OUR_PROXY);
        self.connection.query(&key, redis::pipe().invoke_script(&clear).ignore()).await
    }
}
