//! Calls and the handles in them.
//!
//! The field `ended` of a call is set before its handles are released ([`END_CALL`]). A router that acquires a
//! handle checks afterwards that the call is still open. A call may end while a slow router still acquires a
//! handle for it. Then at least one of the two notices the other and releases the handle.
//!
//! The record of a name has the call for which `incall` is set, so that another call's end does not clear
//! `incall`.

use super::connection::{ACQUIRE_HANDLE, CLEAR_IF, CLEAR_IN_CALL, END_CALL, SAVE_CALL, SET_IN_CALL};
use super::{RedisDirectory, keys, malformed, parse, unix_seconds};
use crate::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};
use crate::{ENDED_TTL, OUR_PROXY, Result};
use common::{BackendName, CallId};
use protocol::{HandleRef, Side};
use redis::Pipeline;
use std::collections::HashSet;

/// The value of `ended` for a call that ended without final notices.
const NO_NOTICES: &str = "1";

/// `record`, `ended`, `state` of a call.
pub(super) type OrphanedFields = (Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn open_call(&self, call: &Call) -> Result<Call> {
        let mut pipe = redis::pipe();
        push_open(&mut pipe, call)?;
        let (record,): (String,) = self.connection.query(&keys::call(call.id), &pipe).await?;
        self.resolve_opened(call, &record).await
    }

    /// Returns the call as it was opened first. If that was on another backend, removes it from this one's
    /// index.
    async fn resolve_opened(&self, call: &Call, record: &str) -> Result<Call> {
        let opened = parse_call(&keys::call(call.id), record)?;
        if opened.backend != call.backend {
            let index = keys::calls_on(&call.backend);
            let mut pipe = redis::pipe();
            () = self.connection.query(&index, pipe.srem(&index, call.id.to_string()).ignore()).await?;
        }
        Ok(opened)
    }

    /// Opens a call and acquires its first local handle. Acquires none if the call was opened before with
    /// other parties.
    pub(crate) async fn open_and_acquire(&self, call: &Call) -> Result<(Call, Option<AcquireOutcome>)> {
        let first = call.local_sides().into_iter().next();
        let Some((side, owner)) = first.and_then(|side| Some((side, call.party(side).owner.as_ref()?)))
        else {
            return Ok((self.open_call(call).await?, None));
        };
        let (handle, username) = (owner.handle, call.party(side).username.as_str());
        let mut pipe = redis::pipe();
        push_open(&mut pipe, call)?;
        push_acquire(&mut pipe, handle, username, call.id, &call.party(side.peer()).username);
        let (record, acquired, in_call, fields): (String, AcquiredFields, i8, HashSet<String>) =
            self.connection.query(&keys::call(call.id), &pipe).await?;
        let opened = self.resolve_opened(call, &record).await?;
        let outcome = self.acquire_outcome(handle, username, call.id, (acquired, in_call, fields)).await?;
        if (&opened.caller, &opened.callee) == (&call.caller, &call.callee) {
            return Ok((opened, Some(outcome)));
        }
        if opened.side_of(handle).is_none() {
            self.release_handle(handle, username, call.id).await?;
        }
        Ok((opened, None))
    }

    pub(crate) async fn acquire_handle(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        peer: &str,
    ) -> Result<AcquireOutcome> {
        let mut pipe = redis::pipe();
        push_acquire(&mut pipe, handle, username, call, peer);
        let replies = self.connection.query(&keys::handle(handle), &pipe).await?;
        self.acquire_outcome(handle, username, call, replies).await
    }

    /// Interprets the replies to [`push_acquire`]. Releases a handle that was acquired too late.
    async fn acquire_outcome(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        (acquired, in_call, fields): (AcquiredFields, i8, HashSet<String>),
    ) -> Result<AcquireOutcome> {
        let is_open = fields.contains("record") && !fields.contains("ended");
        let (current, is_new) = acquired.unzip();
        let outcome = match current.map(|id| parse(&keys::handle(handle), &id)).transpose()? {
            None => AcquireOutcome::Gone,
            Some(other) if other != call => AcquireOutcome::Busy(other),
            Some(_) if !is_open => AcquireOutcome::Gone,
            Some(_) if is_new == Some(true) && in_call == NAME_IS_FOREIGN => AcquireOutcome::Gone,
            Some(_) => return Ok(AcquireOutcome::Acquired),
        };
        if in_call == IN_CALL_SET || outcome == AcquireOutcome::Gone {
            self.release_handle(handle, username, call).await?;
        }
        Ok(outcome)
    }

    async fn release_handle(&self, handle: HandleRef, username: &str, call: CallId) -> Result<()> {
        let mut pipe = redis::pipe();
        push_release(&mut pipe, handle, username, call);
        self.connection.query(&keys::handle(handle), &pipe).await
    }

    pub(crate) async fn call(&self, call: CallId) -> Result<Option<Call>> {
        let key = keys::call(call);
        let (record,): (Option<String>,) =
            self.connection.query(&key, redis::pipe().hget(&key, "record")).await?;
        record.map(|record| parse_call(&key, &record)).transpose()
    }

    pub(crate) async fn release_call(&self, call: CallId) -> Result<Option<Call>> {
        match self.end_call(call, None, None).await? {
            EndOutcome::Ended(call) => Ok(Some(call)),
            EndOutcome::NotFound | EndOutcome::Superseded => Ok(None),
        }
    }

    pub(crate) async fn end_call(
        &self,
        call: CallId,
        token: Option<FencingToken>,
        final_notices: Option<&str>,
    ) -> Result<EndOutcome> {
        let key = keys::call(call);
        let mut end = END_CALL.key(&key);
        end.arg(final_notices.unwrap_or(NO_NOTICES)).arg(token.map(|token| token.0));
        let ((accepted, record),): ((bool, Option<String>),) =
            self.connection.query(&key, redis::pipe().invoke_script(&end)).await?;
        if !accepted {
            return Ok(EndOutcome::Superseded);
        }
        let Some(record) = record else { return Ok(EndOutcome::NotFound) };
        let ended = parse_call(&key, &record)?;
        let mut pipe = redis::pipe();
        if token.is_some_and(|token| token != FencingToken::UNLEASED) {
            // Before the handles are free: from then on a redelivered request could begin the call again.
            pipe.pset_ex(keys::ended(call), 1, ENDED_TTL.as_millis() as u64).ignore();
        }
        for (handle, username, _) in local_parties(&ended) {
            push_release(&mut pipe, handle, username, call);
        }
        if final_notices.is_none() {
            push_delete(&mut pipe, &ended);
        }
        () = self.connection.query(&key, &pipe).await?;
        Ok(EndOutcome::Ended(ended))
    }

    pub(crate) async fn delete_call(&self, call: &Call) -> Result<()> {
        let mut pipe = redis::pipe();
        push_delete(&mut pipe, call);
        self.connection.query(&keys::call(call.id), &pipe).await
    }

    pub(crate) async fn has_ended(&self, call: CallId) -> Result<bool> {
        let key = keys::ended(call);
        let (ended,) = self.connection.query(&key, redis::pipe().exists(&key)).await?;
        Ok(ended)
    }

    pub(crate) async fn save_calls(
        &self,
        token: FencingToken,
        saves: &[(CallId, String)],
    ) -> Result<Vec<bool>> {
        if saves.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for (call, state) in saves {
            pipe.invoke_script(SAVE_CALL.key(keys::call(*call)).arg(token.0).arg(state));
        }
        self.connection.query("sb:call", &pipe).await
    }

    pub(crate) async fn orphaned_calls(&self, backend: &BackendName) -> Result<Vec<OrphanedCall>> {
        let calls = self.calls_on(backend).await?;
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for call in &calls {
            pipe.hmget(keys::call(*call), &["record", "ended", "state"]);
        }
        let records: Vec<Result<OrphanedFields>> = self.query_each("sb:call", &mut pipe).await?;
        let orphaned = |(call, fields): (CallId, Result<OrphanedFields>)| {
            fields.and_then(|fields| parse_orphaned(backend, call, fields))
        };
        Ok(self.keep_readable("orphaned calls", calls.into_iter().zip(records).map(orphaned)))
    }

    /// Writes the backend's index first, then the record, then the handles.
    pub(crate) async fn restore_call(&self, call: &Call, token: FencingToken, state: &str) -> Result<()> {
        let (key, id) = (keys::call(call.id), call.id.to_string());
        let record = serde_json::to_string(call).map_err(|why| malformed(&key, &why))?;
        let mut pipe = redis::pipe();
        pipe.sadd(keys::calls_on(&call.backend), &id).ignore();
        pipe.invoke_script(SAVE_CALL.key(&key).arg(token.0).arg(state).arg(record)).ignore();
        for (handle, username, peer) in local_parties(call) {
            pipe.hset_nx(keys::handle(handle), "call", &id).ignore();
            push_set_in_call(&mut pipe, handle, username, call.id, peer).ignore();
        }
        pipe.hexists(&key, "record").hexists(&key, "ended");
        let (written, ended): (bool, bool) = self.connection.query(&key, &pipe).await?;
        if written && !ended {
            return Ok(());
        }
        for (handle, username, _) in local_parties(call) {
            self.release_handle(handle, username, call.id).await?;
        }
        Ok(())
    }

    pub(crate) async fn calls_on(&self, backend: &BackendName) -> Result<Vec<CallId>> {
        let key = keys::calls_on(backend);
        let (calls,): (Vec<String>,) = self.connection.query(&key, redis::pipe().smembers(&key)).await?;
        Ok(self.keep_readable("calls of a backend", calls.iter().map(|call| parse(&key, call).map(Some))))
    }

    pub(crate) async fn backends_with_calls(&self) -> Result<Vec<BackendName>> {
        let pattern = keys::calls_on(&BackendName::from("*"));
        let command = |cursor| redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(&pattern).take();
        let found = self.scan(keys::CALLS_ON_PREFIX, usize::MAX, command).await?;
        let name = |key: Vec<u8>| {
            Some(BackendName::from(str::from_utf8(&key).ok()?.strip_prefix(keys::CALLS_ON_PREFIX)?))
        };
        let mut names: Vec<BackendName> = found.into_iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn count_calls(&self, backends: &[BackendName]) -> Result<Vec<u64>> {
        if backends.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for backend in backends {
            pipe.scard(keys::calls_on(backend));
        }
        let counts = self.query_each::<u64>("sb:calls_on", &mut pipe).await?;
        let errors: Vec<_> = counts.iter().filter_map(|count| count.as_ref().err().cloned()).collect();
        self.note_malformed("calls of backends", &errors);
        Ok(counts.into_iter().map(Result::unwrap_or_default).collect())
    }
}

/// The call that a handle is in after an attempt to acquire it, and whether it was in none before.
type AcquiredFields = Option<(String, bool)>;

/// Opens a call; the reply is its record.
fn push_open(pipe: &mut Pipeline, call: &Call) -> Result<()> {
    let key = keys::call(call.id);
    let record = serde_json::to_string(call).map_err(|why| malformed(&key, &why))?;
    pipe.sadd(keys::calls_on(&call.backend), call.id.to_string()).ignore();
    pipe.hset_nx(&key, "record", record).ignore().hget(&key, "record");
    Ok(())
}

/// Acquires a handle; the replies are [`AcquiredFields`], that of [`push_set_in_call`], and the names of the
/// call's fields.
fn push_acquire(pipe: &mut Pipeline, handle: HandleRef, username: &str, call: CallId, peer: &str) {
    let mut acquire = ACQUIRE_HANDLE.key(keys::handle(handle));
    pipe.invoke_script(acquire.arg(username).arg(call.to_string()));
    push_set_in_call(pipe, handle, username, call, peer).hkeys(keys::call(call));
}

/// Replies to [`push_set_in_call`].
const IN_CALL_SET: i8 = 1;
const NAME_IS_FOREIGN: i8 = -1;

fn push_set_in_call<'a>(
    pipe: &'a mut Pipeline,
    handle: HandleRef,
    username: &str,
    call: CallId,
    peer: &str,
) -> &'a mut Pipeline {
    let mut set = SET_IN_CALL.key(keys::user(username));
    set.arg(handle.to_string()).arg(call.to_string()).arg(peer).arg(OUR_PROXY).arg(unix_seconds());
    pipe.invoke_script(&set)
}

/// Returns the local parties: handle, name, and the peer's name.
fn local_parties(call: &Call) -> impl Iterator<Item = (HandleRef, &str, &str)> {
    [Side::Caller, Side::Callee].into_iter().filter_map(|side| {
        let (party, peer) = (call.party(side), call.party(side.peer()));
        party.owner.as_ref().map(|owner| (owner.handle, party.username.as_str(), peer.username.as_str()))
    })
}

/// Removes the record, then the index entry: what an interruption leaves can be found through the index.
fn push_delete(pipe: &mut Pipeline, call: &Call) {
    pipe.del(keys::call(call.id)).ignore();
    pipe.srem(keys::calls_on(&call.backend), call.id.to_string()).ignore();
}

fn push_release(pipe: &mut Pipeline, handle: HandleRef, username: &str, call: CallId) {
    let mut release = CLEAR_IF.key(keys::handle(handle));
    pipe.invoke_script(release.arg("call").arg(call.to_string())).ignore();
    let mut clear = CLEAR_IN_CALL.key(keys::user(username));
    pipe.invoke_script(clear.arg(call.to_string()).arg(OUR_PROXY).arg(unix_seconds())).ignore();
}

/// Returns `None` for a call that has ended without final notices, and for a stale index entry.
pub(super) fn parse_orphaned(
    backend: &BackendName,
    id: CallId,
    (record, ended, state): OrphanedFields,
) -> Result<Option<OrphanedCall>> {
    let Some(record) = record else { return Ok(None) };
    let call = parse_call(&keys::call(id), &record)?;
    let is_orphaned = call.backend == *backend && ended.as_deref() != Some(NO_NOTICES);
    Ok(is_orphaned.then_some(OrphanedCall { call, state, final_notices: ended }))
}

pub(super) fn parse_call(key: &str, record: &str) -> Result<Call> {
    serde_json::from_str(record).map_err(|why| malformed(key, &why))
}
