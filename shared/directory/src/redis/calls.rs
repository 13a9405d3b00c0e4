//! Calls.
//!
//! A call ends before its handles are freed ([`end_call`](super::scripts::END_CALL)), and whoever
//! takes a handle for it looks afterwards whether it is still open. So of a call that ends and a
//! slow router that still takes a handle for it, one sees the other, and the handle ends up free.
//!
//! A name's record says beside `incall` for which call that is, so whoever frees a call clears what was
//! said for it, and nothing else.

use super::scripts::{CLEAR_IF, END_CALL, MARK_USER, SAVE_CALL, TAKE, UNMARK_USER};
use super::{RedisDirectory, clock, keys, malformed, parse};
use crate::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};
use crate::{ENDED_TTL, OUR_PROXY, Result};
use common::{BackendName, CallId};
use protocol::{HandleRef, Side};
use redis::Pipeline;
use std::collections::HashSet;

/// What marks a call as ended of which its sides are not to hear from whoever goes on.
const NO_NOTICES: &str = "1";

/// `record`, `ended`, `state` of a call.
type OrphanedFields = (Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn open_call(&self, call: &Call) -> Result<Call> {
        let mut pipe = redis::pipe();
        push_open(&mut pipe, call)?;
        let (record,): (String,) = self.connection.query(&keys::call(call.id), &pipe).await?;
        self.resolve_opened(call, &record).await
    }

    /// The call as it was opened first; if that was on another backend, this one does not count it.
    async fn resolve_opened(&self, call: &Call, record: &str) -> Result<Call> {
        let opened = parse_call(&keys::call(call.id), record)?;
        if opened.backend != call.backend {
            let count = keys::calls_on(&call.backend);
            () = self
                .connection
                .query(&count, redis::pipe().srem(&count, call.id.to_string()).ignore())
                .await?;
        }
        Ok(opened)
    }

    /// Opens a call and takes the first handle of those that are ours; none is taken where the call was
    /// opened before with other sides.
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
        let (record, now, marked, fields): (String, AcquiredFields, i8, HashSet<String>) =
            self.connection.query(&keys::call(call.id), &pipe).await?;
        let opened = self.resolve_opened(call, &record).await?;
        let taken = self.acquire_outcome(handle, username, call.id, (now, marked, fields)).await?;
        if (&opened.caller, &opened.callee) == (&call.caller, &call.callee) {
            return Ok((opened, Some(taken)));
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
        let answers = self.connection.query(&keys::handle(handle), &pipe).await?;
        self.acquire_outcome(handle, username, call, answers).await
    }

    /// What became of a handle, by the answers to [`take`]. One that was taken too late is let go.
    async fn acquire_outcome(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        (now, marked, fields): (AcquiredFields, i8, HashSet<String>),
    ) -> Result<AcquireOutcome> {
        let is_open = fields.contains("record") && !fields.contains("ended");
        let (now, fresh) = now.unzip();
        let taken = match now.map(|now| parse(&keys::handle(handle), &now)).transpose()? {
            None => AcquireOutcome::Gone,
            Some(now) if now != call => AcquireOutcome::Busy(now),
            Some(_) if !is_open => AcquireOutcome::Gone,
            Some(_) if fresh == Some(true) && marked == NAME_IS_FOREIGN => AcquireOutcome::Gone,
            Some(_) => return Ok(AcquireOutcome::Acquired),
        };
        if marked == IN_CALL_SET || taken == AcquireOutcome::Gone {
            self.release_handle(handle, username, call).await?;
        }
        Ok(taken)
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
        letter: Option<&str>,
    ) -> Result<EndOutcome> {
        let key = keys::call(call);
        let mut end = END_CALL.key(&key);
        end.arg(letter.unwrap_or(NO_NOTICES)).arg(token.map(|token| token.0));
        let ((may, record),): ((bool, Option<String>),) =
            self.connection.query(&key, redis::pipe().invoke_script(&end)).await?;
        if !may {
            return Ok(EndOutcome::Superseded);
        }
        let Some(record) = record else { return Ok(EndOutcome::NotFound) };
        let ended = parse_call(&key, &record)?;
        let mut pipe = redis::pipe();
        if token.is_some_and(|token| token != FencingToken::UNLEASED) {
            // First of all it is remembered that the call is over.
            pipe.pset_ex(keys::ended(call), 1, ENDED_TTL.as_millis() as u64).ignore();
        }
        local_parties(&ended)
            .for_each(|(handle, username, _)| push_release(&mut pipe, handle, username, call));
        if letter.is_none() {
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
        let (over,) = self.connection.query(&key, redis::pipe().exists(&key)).await?;
        Ok(over)
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
        let records: Vec<OrphanedFields> = self.connection.query("sb:call", &pipe).await?;
        let left = |(call, fields)| parse_orphaned(backend, call, fields).transpose();
        calls.into_iter().zip(records).filter_map(left).collect()
    }

    /// The backend's count first, then the record, then the handles.
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
        calls.iter().map(|call| parse(&key, call)).collect()
    }

    pub(crate) async fn backends_with_calls(&self) -> Result<Vec<BackendName>> {
        let any = keys::calls_on(&BackendName::from("*"));
        let command = |cursor| redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(&any).take();
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
        self.connection.query("sb:calls_on", &pipe).await
    }
}

/// The call a handle is in after it was to be taken, and whether it is since then.
type AcquiredFields = Option<(String, bool)>;

/// Answers the record.
fn push_open(pipe: &mut Pipeline, call: &Call) -> Result<()> {
    let key = keys::call(call.id);
    let record = serde_json::to_string(call).map_err(|why| malformed(&key, &why))?;
    pipe.sadd(keys::calls_on(&call.backend), call.id.to_string()).ignore();
    pipe.hset_nx(&key, "record", record).ignore().hget(&key, "record");
    Ok(())
}

/// Answers [`Now`], what marking says, and the names of the call's fields.
fn push_acquire(pipe: &mut Pipeline, handle: HandleRef, username: &str, call: CallId, peer: &str) {
    let mut take = TAKE.key(keys::handle(handle));
    pipe.invoke_script(take.arg(username).arg(call.to_string()));
    push_set_in_call(pipe, handle, username, call, peer).hkeys(keys::call(call));
}

/// What marking a name answers.
const IN_CALL_SET: i8 = 1;
const NAME_IS_FOREIGN: i8 = -1;

fn push_set_in_call<'a>(
    pipe: &'a mut Pipeline,
    handle: HandleRef,
    username: &str,
    call: CallId,
    peer: &str,
) -> &'a mut Pipeline {
    let mut mark = MARK_USER.key(keys::user(username));
    mark.arg(handle.to_string())
        .arg(call.to_string())
        .arg(peer)
        .arg(OUR_PROXY)
        .arg(clock::local_unix_seconds());
    pipe.invoke_script(&mark)
}

/// The sides that are ours: handle, name, and the other's name.
fn local_parties(call: &Call) -> impl Iterator<Item = (HandleRef, &str, &str)> {
    [Side::Caller, Side::Callee].into_iter().filter_map(|side| {
        let (own, other) = (call.party(side), call.party(side.peer()));
        own.owner.as_ref().map(|owner| (owner.handle, own.username.as_str(), other.username.as_str()))
    })
}

/// After its handles and names the record, then the count: whatever is left can be found again.
fn push_delete(pipe: &mut Pipeline, call: &Call) {
    pipe.del(keys::call(call.id)).ignore();
    pipe.srem(keys::calls_on(&call.backend), call.id.to_string()).ignore();
}

fn push_release(pipe: &mut Pipeline, handle: HandleRef, username: &str, call: CallId) {
    let mut free = CLEAR_IF.key(keys::handle(handle));
    pipe.invoke_script(free.arg("call").arg(call.to_string())).ignore();
    let mut unmark = UNMARK_USER.key(keys::user(username));
    pipe.invoke_script(unmark.arg(call.to_string()).arg(OUR_PROXY).arg(clock::local_unix_seconds())).ignore();
}

/// None for a call that is over, or being freed, or that the index of its backend names too much.
fn parse_orphaned(
    backend: &BackendName,
    call: CallId,
    (record, ended, state): OrphanedFields,
) -> Result<Option<OrphanedCall>> {
    let (Some(record), letter) = (record, ended) else { return Ok(None) };
    let call = parse_call(&keys::call(call), &record)?;
    let is_left = call.backend == *backend && letter.as_deref() != Some(NO_NOTICES);
    Ok(Some(OrphanedCall { call, state, final_notices: letter }).filter(|_| is_left))
}

pub(super) fn parse_call(key: &str, record: &str) -> Result<Call> {
    serde_json::from_str(record).map_err(|why| malformed(key, &why))
}
