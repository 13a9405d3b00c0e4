//! Names and the handles that own them.

use super::edges::handle_member;
use super::scripts::{
    CLAIM_NAME, CLEAR_IF, FREE_NAME, GIVE_NAME, HEAL_NAME, MOVE_HANDLE, MOVE_NAME, REMOVE_HANDLE,
};
use super::{RedisDirectory, keys, malformed, parse};
use crate::record::{ClaimOutcome, GrantOutcome, Handle, Owner, ProxyUser, RegisteredName, User};
use crate::{MAX_LISTED_USERS, OUR_PROXY, Result};
use common::{MessageId, ServiceId};
use protocol::HandleRef;

/// `edge`, `username`, `call` of a handle.
type HandleFields = (Option<String>, Option<String>, Option<String>);
/// `sb_edge`, `sb_handle`, `proxy_uuid`, `incall`, `ctime`, `sb_former` of a user.
pub(super) type UserFields =
    (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    /// The edge's index first, then the record.
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
        let (answer,): (Vec<redis::Value>,) = self.connection.query(&key, &pipe).await?;
        Ok(match answer.as_slice() {
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
        let mut give = GIVE_NAME.key(&key);
        give.arg(username).arg(owner.handle.to_string()).arg(owner.edge.as_str()).arg(instead_of);
        give.arg(OUR_PROXY);
        let (other,): (Option<(String, Option<String>)>,) =
            self.connection.query(&key, redis::pipe().invoke_script(&give)).await?;
        match other {
            None => Ok(GrantOutcome::Granted),
            Some((handle, Some(edge))) => parse_owner(&key, edge, &handle).map(GrantOutcome::OwnedBy),
            Some((_, None)) => Err(malformed(&key, &INCOMPLETE_OWNER)),
        }
    }

    pub(crate) async fn revoke_name(&self, handle: HandleRef, username: &str) -> Result<bool> {
        let key = keys::handle(handle);
        let mut strip = CLEAR_IF.key(&key);
        strip.arg("username").arg(username);
        let (stripped,) = self.connection.query(&key, redis::pipe().invoke_script(&strip)).await?;
        Ok(stripped)
    }

    pub(crate) async fn release_name(&self, username: &str, owner: HandleRef) -> Result<bool> {
        let key = keys::user(username);
        let mut free = FREE_NAME.key(&key);
        free.arg(owner.to_string()).arg(OUR_PROXY);
        let (freed,) = self.connection.query(&key, redis::pipe().invoke_script(&free)).await?;
        Ok(freed)
    }

    pub(crate) async fn user(&self, username: &str) -> Result<Option<RegisteredName>> {
        let key = keys::user(username);
        let (fields,) = self.connection.query(&key, redis::pipe().hmget(&key, USER_FIELDS)).await?;
        self.repair(&key, &fields).await?;
        parse_user(&key, username, fields)
    }

    /// Peers read the record too.
    async fn repair(&self, key: &str, fields: &UserFields) -> Result<()> {
        if !repeats_previous_proxy(fields) {
            return Ok(());
        }
        let mut heal = HEAL_NAME.key(key);
        self.connection.query(key, redis::pipe().invoke_script(heal.arg(OUR_PROXY)).ignore()).await
    }

    pub(crate) async fn usernames(&self) -> Result<Vec<String>> {
        let command = |cursor| redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(keys::user("*")).take();
        let found = self.scan(keys::USER_PREFIX, MAX_LISTED_USERS, command).await?;
        let names = found.into_iter().filter_map(|key| {
            String::from_utf8(key).ok()?.strip_prefix(keys::USER_PREFIX).map(str::to_owned)
        });
        Ok(names.take(MAX_LISTED_USERS).collect())
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
        let (of_handle, of_user) = self.connection.query(&handle, &pipe).await?;
        self.repair(&user, &of_user).await?;
        Ok((parse_handle(&handle, of_handle)?, parse_user(&user, username, of_user)?))
    }

    /// The record first, then the edge's index.
    pub(crate) async fn remove_handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        let key = keys::handle(handle);
        let remove = REMOVE_HANDLE.key(&key);
        let (fields,) = self.connection.query(&key, redis::pipe().invoke_script(&remove)).await?;
        let removed = parse_handle(&key, fields)?;
        if let Some(Handle { edge, .. }) = &removed {
            let held = keys::owned(edge);
            () = self
                .connection
                .query(&held, redis::pipe().srem(&held, handle_member(handle)).ignore())
                .await?;
        }
        Ok(removed)
    }

    /// Looks at the session before it moves the handle, and again afterwards: of two edges that
    /// move it at once, the one that holds the session has it in the end.
    pub(crate) async fn move_handle(
        &self,
        handle: HandleRef,
        username: Option<&str>,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<()> {
        let (key, of_session) = (keys::handle(handle), keys::session(handle.session));
        let mut look = redis::pipe();
        look.hexists(&key, "edge").hget(&of_session, "edge");
        let mut at: Option<ServiceId> = None;
        loop {
            let (registered, holder): (bool, Option<String>) = self.connection.query(&key, &look).await?;
            let to = holder.map_or_else(|| to.clone(), ServiceId);
            if !registered || at.as_ref() == Some(&to) {
                return Ok(());
            }
            self.put_handle(handle, username, at.as_ref().unwrap_or(from), &to).await?;
            at = Some(to);
        }
    }

    async fn put_handle(
        &self,
        handle: HandleRef,
        username: Option<&str>,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<()> {
        let (key, held) = (keys::handle(handle), handle_member(handle));
        let mut pipe = redis::pipe();
        pipe.sadd(keys::owned(to), &held).ignore();
        pipe.invoke_script(MOVE_HANDLE.key(&key).arg(to.as_str())).ignore();
        if let Some(username) = username {
            let mut name = MOVE_NAME.key(keys::user(username));
            pipe.invoke_script(name.arg(handle.to_string()).arg(to.as_str()).arg(OUR_PROXY)).ignore();
        }
        if from != to {
            pipe.srem(keys::owned(from), &held).ignore();
        }
        self.connection.query(&key, &pipe).await
    }
}

const HANDLE_FIELDS: &[&str] = &["edge", "username", "call"];
pub(super) const USER_FIELDS: &[&str] =
    &["sb_edge", "sb_handle", "proxy_uuid", "incall", "ctime", "sb_former"];
const INCOMPLETE_OWNER: &str = "sb_edge and sb_handle come together";

fn parse_handle(key: &str, (edge, username, call): HandleFields) -> Result<Option<Handle>> {
    let Some(edge) = edge else { return Ok(None) };
    let call = call.map(|call| parse(key, &call)).transpose()?;
    Ok(Some(Handle { edge: ServiceId(edge), username, call }))
}

/// Whether a peer's record says what it said before the name was ours.
fn repeats_previous_proxy((_, _, proxy, _, ctime, former): &UserFields) -> bool {
    let (Some(proxy), Some(former)) = (proxy, former) else { return false };
    *former == format!("{proxy} {}", ctime.as_deref().unwrap_or_default())
}

/// Ours only with our uuid, or one that repeats itself, and both our fields; what is left of ours in a
/// peer's record says who had it.
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
