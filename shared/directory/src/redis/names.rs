//! Names and the handles that own them, and the janus-cloud proxies that take names.

use super::connection::{
    CLAIM_NAME, CLEAR_DISPLACED, CLEAR_IF, GRANT_NAME, MOVE_HANDLE, MOVE_NAME, RELEASE_NAME, REMOVE_HANDLE,
    RENEW_PROXY, REPAIR_NAME, REVOKE_CLAIM,
};
use super::sessions::handle_member;
use super::{RedisDirectory, keys, malformed, parse};
use crate::record::{ClaimOutcome, GrantOutcome, Handle, Owner, ProxyUser, RegisteredName, User};
use crate::{OUR_PROXY, PROXY_TTL, Result};
use common::{MessageId, ServiceId};
use protocol::HandleRef;

/// `edge`, `username`, `call` of a handle.
pub(super) type HandleFields = (Option<String>, Option<String>, Option<String>);
/// `sb_edge`, `sb_handle`, `proxy_uuid`, `incall`, `ctime`, `sb_previous_proxy` of a user.
pub(super) type UserFields =
    (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);
/// `username`, `request` of a handle.
type ClaimFields = (Option<String>, Option<String>);

impl RedisDirectory {
    /// Writes the edge's index first, then the record.
    pub(crate) async fn claim_name(
        &self,
        owner: &Owner,
        username: &str,
        request: MessageId,
    ) -> Result<ClaimOutcome> {
        let key = keys::handle(owner.handle);
        let mut pipe = redis::pipe();
        pipe.cmd("SADD").arg(keys::owned(&owner.edge)).arg(handle_member(owner.handle)).ignore();
        let mut claim = CLAIM_NAME.key(&key);
        pipe.invoke_script(claim.arg(username).arg(request.to_string()).arg(owner.edge.as_str()));
        let (reply,): (Vec<redis::Value>,) = self.connection.query(&key, &pipe).await?;
        Ok(match reply.as_slice() {
            [redis::Value::Int(1)] => ClaimOutcome::Claimed,
            [_, name] => ClaimOutcome::AlreadyNamed(
                redis::from_redis_value_ref(name).map_err(|why| malformed(&key, &why))?,
            ),
            _ => ClaimOutcome::Lost,
        })
    }

    pub(crate) async fn grant_name(
        &self,
        username: &str,
        owner: &Owner,
        instead_of: Option<HandleRef>,
    ) -> Result<GrantOutcome> {
        let key = keys::user(username);
        let instead_of = instead_of.map(|handle| handle.to_string()).unwrap_or_default();
        let mut grant = GRANT_NAME.key(&key);
        grant.arg(username).arg(owner.handle.to_string()).arg(owner.edge.as_str()).arg(instead_of);
        grant.arg(OUR_PROXY);
        let mut pipe = redis::pipe();
        // In this order: a name that is granted without its index entry is granted again by the redelivered request.
        pipe.invoke_script(&grant).sadd(keys::names(keys::name_shard(username)), username).ignore();
        let (other,): (Option<(String, Option<String>)>,) = self.connection.query(&key, &pipe).await?;
        match other {
            None => Ok(GrantOutcome::Granted),
            Some((handle, Some(edge))) => parse_owner(&key, edge, &handle).map(GrantOutcome::OwnedBy),
            Some((_, None)) => Err(malformed(&key, &INCOMPLETE_OWNER)),
        }
    }

    pub(crate) async fn revoke_name(&self, handle: HandleRef, username: &str) -> Result<bool> {
        let key = keys::handle(handle);
        let mut revoke = CLEAR_IF.key(&key);
        revoke.arg("username").arg(username);
        let (revoked,) = self.connection.query(&key, redis::pipe().invoke_script(&revoke)).await?;
        Ok(revoked)
    }

    pub(crate) async fn release_name(&self, username: &str, owner: HandleRef) -> Result<bool> {
        let key = keys::user(username);
        let mut release = RELEASE_NAME.key(&key);
        release.arg(owner.to_string()).arg(OUR_PROXY);
        let index = keys::names(keys::name_shard(username));
        let mut pipe = redis::pipe();
        pipe.invoke_script(&release).srem(&index, username).ignore().exists(&key);
        let (released, is_registered): (bool, bool) = self.connection.query(&key, &pipe).await?;
        if is_registered {
            () = self.connection.query(&index, redis::pipe().sadd(&index, username).ignore()).await?;
        }
        Ok(released)
    }

    pub(crate) async fn user(&self, username: &str) -> Result<Option<RegisteredName>> {
        let key = keys::user(username);
        let (fields,) = self.connection.query(&key, redis::pipe().hmget(&key, USER_FIELDS)).await?;
        self.repair(&key, &fields).await?;
        parse_user(&key, username, fields)
    }

    /// Corrects a record that repeats what its previous proxy wrote, because janus-cloud's proxies read it
    /// too.
    async fn repair(&self, key: &str, fields: &UserFields) -> Result<()> {
        if !repeats_previous_proxy(fields) {
            return Ok(());
        }
        let mut repair = REPAIR_NAME.key(key);
        self.connection.query(key, redis::pipe().invoke_script(repair.arg(OUR_PROXY)).ignore()).await
    }

    pub(crate) async fn handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        let key = keys::handle(handle);
        let (fields,) = self.connection.query(&key, redis::pipe().hmget(&key, HANDLE_FIELDS)).await?;
        parse_handle(&key, fields)
    }

    pub(crate) async fn handle_and_user(
        &self,
        handle: HandleRef,
        username: &str,
    ) -> Result<(Option<Handle>, Option<RegisteredName>)> {
        let (handle, user) = (keys::handle(handle), keys::user(username));
        let mut pipe = redis::pipe();
        pipe.hmget(&handle, HANDLE_FIELDS).hmget(&user, USER_FIELDS);
        let (handle_fields, user_fields) = self.connection.query(&handle, &pipe).await?;
        self.repair(&user, &user_fields).await?;
        Ok((parse_handle(&handle, handle_fields)?, parse_user(&user, username, user_fields)?))
    }

    /// Removes the record first, then the index entry.
    pub(crate) async fn remove_handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        let key = keys::handle(handle);
        let remove = REMOVE_HANDLE.key(&key);
        let (fields,) = self.connection.query(&key, redis::pipe().invoke_script(&remove)).await?;
        let removed = parse_handle(&key, fields)?;
        if let Some(Handle { edge, .. }) = &removed {
            let index = keys::owned(edge);
            let mut pipe = redis::pipe();
            () = self.connection.query(&index, pipe.srem(&index, handle_member(handle)).ignore()).await?;
        }
        Ok(removed)
    }

    /// Reads the session before it moves the handle, and again afterwards. So when two edges move the handle at
    /// once, it ends up at the one that owns the session.
    pub(crate) async fn move_handle(
        &self,
        handle: HandleRef,
        username: Option<&str>,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<()> {
        let (key, session_key) = (keys::handle(handle), keys::session(handle.session));
        let mut read = redis::pipe();
        read.hexists(&key, "edge").hget(&session_key, "edge");
        let mut moved_to: Option<ServiceId> = None;
        loop {
            let (is_registered, owner): (bool, Option<String>) = self.connection.query(&key, &read).await?;
            let to = owner.map_or_else(|| to.clone(), ServiceId);
            if !is_registered || moved_to.as_ref() == Some(&to) {
                return Ok(());
            }
            self.put_handle(handle, username, moved_to.as_ref().unwrap_or(from), &to).await?;
            moved_to = Some(to);
        }
    }

    async fn put_handle(
        &self,
        handle: HandleRef,
        username: Option<&str>,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<()> {
        let (key, member) = (keys::handle(handle), handle_member(handle));
        let mut pipe = redis::pipe();
        pipe.sadd(keys::owned(to), &member).ignore();
        pipe.invoke_script(MOVE_HANDLE.key(&key).arg(to.as_str())).ignore();
        if let Some(username) = username {
            let mut move_name = MOVE_NAME.key(keys::user(username));
            pipe.invoke_script(move_name.arg(handle.to_string()).arg(to.as_str()).arg(OUR_PROXY)).ignore();
        }
        () = self.connection.query(&key, &pipe).await?;
        if from == to {
            return Ok(());
        }
        // Not in the same pipeline: a Redis without memory refuses the moves, but not this removal.
        self.connection.query(&key, redis::pipe().srem(keys::owned(from), &member).ignore()).await
    }
}

/// Proxies of janus-cloud.
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

const HANDLE_FIELDS: &[&str] = &["edge", "username", "call"];
pub(super) const USER_FIELDS: &[&str] =
    &["sb_edge", "sb_handle", "proxy_uuid", "incall", "ctime", "sb_previous_proxy"];
const INCOMPLETE_OWNER: &str = "sb_handle without sb_edge";

pub(super) fn parse_handle(key: &str, (edge, username, call): HandleFields) -> Result<Option<Handle>> {
    let Some(edge) = edge else { return Ok(None) };
    let call = call.map(|call| parse(key, &call)).transpose()?;
    Ok(Some(Handle { edge: ServiceId(edge), username, call }))
}

/// Whether a record with this `proxy_uuid` may be of a janus-cloud proxy.
pub(super) fn is_foreign(proxy: &str) -> bool {
    proxy != OUR_PROXY
}

/// Whether a proxy's record repeats what the proxy wrote before the name was granted to a local handle.
fn repeats_previous_proxy((_, _, proxy, _, ctime, previous): &UserFields) -> bool {
    let (Some(proxy), Some(previous)) = (proxy, previous) else { return false };
    *previous == format!("{proxy} {}", ctime.as_deref().unwrap_or_default())
}

/// Parses the record of a name. The name is local if the record has our fields, and either our uuid or that of
/// a proxy that only repeats its fields. Our fields in a foreign record name the displaced owner.
pub(super) fn parse_user(key: &str, username: &str, fields: UserFields) -> Result<Option<RegisteredName>> {
    let (username, repeats) = (username.to_owned(), repeats_previous_proxy(&fields));
    match fields {
        (None, None, None, None, ..) => Ok(None),
        (Some(edge), Some(handle), Some(proxy), ..) if repeats || proxy == OUR_PROXY => {
            let owner = parse_owner(key, edge, &handle)?;
            Ok(Some(RegisteredName::Local(User { username, owner })))
        }
        (edge, handle, proxy, in_call, ..) => {
            let displaced = edge.zip(handle).and_then(|(edge, handle)| parse_owner(key, edge, &handle).ok());
            let in_call = in_call.is_some_and(|text| !text.is_empty());
            let proxy = proxy.unwrap_or_default();
            Ok(Some(RegisteredName::Foreign(ProxyUser { username, proxy, in_call, displaced })))
        }
    }
}

fn parse_owner(key: &str, edge: String, handle: &str) -> Result<Owner> {
    Ok(Owner { edge: ServiceId(edge), handle: parse(key, handle)? })
}
