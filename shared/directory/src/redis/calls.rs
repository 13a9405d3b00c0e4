//! Calls.
//!
//! A call ends before its handles are freed ([`end_call`](super::scripts::END_CALL)), and whoever
//! takes a handle for it looks afterwards whether it is still open. So of a call that ends and a
//! slow router that still takes a handle for it, one sees the other, and the handle ends up free.
//!
//! A name's record says beside `incall` for which call that is, so whoever frees a call clears what was
//! said for it, and nothing else.

use super::scripts::{CLEAR_IF, END_CALL, MARK_USER, SAVE_CALL, TAKE, UNMARK_USER};
use super::{RedisDirectory, clock, keys, malformed, parsed};
use crate::record::{Call, Concluded, LeftCall, Taken, Token};
use crate::{OUR_PROXY, OVER_LIFE, Result};
use protocol::{BackendName, CallId, HandleRef, Side};
use redis::Pipeline;
use std::collections::HashSet;

/// What marks a call as ended of which its sides are not to hear from whoever goes on.
const NO_LETTER: &str = "1";

/// `record`, `ended`, `state` of a call.
type LeftFields = (Option<String>, Option<String>, Option<String>);

impl RedisDirectory {
    pub(crate) async fn open_call(&self, call: &Call) -> Result<Call> {
        let mut pipe = redis::pipe();
        open(&mut pipe, call)?;
        let (record,): (String,) = self.link.ask(&keys::call(call.id), &pipe).await?;
        self.opened(call, &record).await
    }

    /// The call as it was opened first; if that was on another backend, this one does not count it.
    async fn opened(&self, call: &Call, record: &str) -> Result<Call> {
        let opened = read(&keys::call(call.id), record)?;
        if opened.backend != call.backend {
            let count = keys::calls_on(&call.backend);
            () = self.link.ask(&count, redis::pipe().srem(&count, call.id.to_string()).ignore()).await?;
        }
        Ok(opened)
    }

    /// Opens a call and takes the first handle of those that are ours; none is taken where the call was
    /// opened before with other sides.
    pub(crate) async fn open_and_take(&self, call: &Call) -> Result<(Call, Option<Taken>)> {
        let first = call.ours().into_iter().next();
        let Some((side, owner)) = first.and_then(|side| Some((side, call.party(side).owner.as_ref()?)))
        else {
            return Ok((self.open_call(call).await?, None));
        };
        let (handle, username) = (owner.handle, call.party(side).username.as_str());
        let mut pipe = redis::pipe();
        open(&mut pipe, call)?;
        take(&mut pipe, handle, username, call.id, &call.party(side.peer()).username);
        let (record, now, marked, fields): (String, Now, i8, HashSet<String>) =
            self.link.ask(&keys::call(call.id), &pipe).await?;
        let opened = self.opened(call, &record).await?;
        let taken = self.taken(handle, username, call.id, (now, marked, fields)).await?;
        if (&opened.caller, &opened.callee) == (&call.caller, &call.callee) {
            return Ok((opened, Some(taken)));
        }
        if opened.side_of(handle).is_none() {
            self.let_go(handle, username, call.id).await?;
        }
        Ok((opened, None))
    }

    pub(crate) async fn take(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        peer: &str,
    ) -> Result<Taken> {
        let mut pipe = redis::pipe();
        take(&mut pipe, handle, username, call, peer);
        let answers = self.link.ask(&keys::handle(handle), &pipe).await?;
        self.taken(handle, username, call, answers).await
    }

    /// What became of a handle, by the answers to [`take`]. One that was taken too late is let go.
    async fn taken(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        (now, marked, fields): (Now, i8, HashSet<String>),
    ) -> Result<Taken> {
        let is_open = fields.contains("record") && !fields.contains("ended");
        let (now, fresh) = now.unzip();
        let taken = match now.map(|now| parsed(&keys::handle(handle), &now)).transpose()? {
            None => Taken::Gone,
            Some(now) if now != call => Taken::Busy(now),
            Some(_) if !is_open => Taken::Gone,
            Some(_) if fresh == Some(true) && marked == A_PEERS => Taken::Gone,
            Some(_) => return Ok(Taken::Won),
        };
        if marked == MARKED || taken == Taken::Gone {
            self.let_go(handle, username, call).await?;
        }
        Ok(taken)
    }

    async fn let_go(&self, handle: HandleRef, username: &str, call: CallId) -> Result<()> {
        let mut pipe = redis::pipe();
        free_handle(&mut pipe, handle, username, call);
        self.link.ask(&keys::handle(handle), &pipe).await
    }

    pub(crate) async fn call(&self, call: CallId) -> Result<Option<Call>> {
        let key = keys::call(call);
        let (record,): (Option<String>,) = self.link.ask(&key, redis::pipe().hget(&key, "record")).await?;
        record.map(|record| read(&key, &record)).transpose()
    }

    pub(crate) async fn free_call(&self, call: CallId) -> Result<Option<Call>> {
        match self.conclude_call(call, None, None).await? {
            Concluded::Freed(call) => Ok(Some(call)),
            Concluded::Gone | Concluded::NotYours => Ok(None),
        }
    }

    pub(crate) async fn conclude_call(
        &self,
        call: CallId,
        token: Option<Token>,
        letter: Option<&str>,
    ) -> Result<Concluded> {
        let key = keys::call(call);
        let mut end = END_CALL.key(&key);
        end.arg(letter.unwrap_or(NO_LETTER)).arg(token.map(|token| token.0));
        let ((may, record),): ((bool, Option<String>),) =
            self.link.ask(&key, redis::pipe().invoke_script(&end)).await?;
        if !may {
            return Ok(Concluded::NotYours);
        }
        let Some(record) = record else { return Ok(Concluded::Gone) };
        let ended = read(&key, &record)?;
        let mut pipe = redis::pipe();
        if token.is_some_and(|token| token != Token::NOBODYS) {
            // First of all it is remembered that the call is over.
            pipe.pset_ex(keys::over(call), 1, OVER_LIFE.as_millis() as u64).ignore();
        }
        sides(&ended).for_each(|(handle, username, _)| free_handle(&mut pipe, handle, username, call));
        if letter.is_none() {
            forgetting(&mut pipe, &ended);
        }
        () = self.link.ask(&key, &pipe).await?;
        Ok(Concluded::Freed(ended))
    }

    pub(crate) async fn forget_call(&self, call: &Call) -> Result<()> {
        let mut pipe = redis::pipe();
        forgetting(&mut pipe, call);
        self.link.ask(&keys::call(call.id), &pipe).await
    }

    pub(crate) async fn is_over(&self, call: CallId) -> Result<bool> {
        let key = keys::over(call);
        let (over,) = self.link.ask(&key, redis::pipe().exists(&key)).await?;
        Ok(over)
    }

    pub(crate) async fn save_calls(&self, token: Token, saves: &[(CallId, String)]) -> Result<Vec<bool>> {
        if saves.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for (call, state) in saves {
            pipe.invoke_script(SAVE_CALL.key(keys::call(*call)).arg(token.0).arg(state));
        }
        self.link.ask("sb:call", &pipe).await
    }

    pub(crate) async fn left_calls(&self, backend: &BackendName) -> Result<Vec<LeftCall>> {
        let calls = self.calls_on(backend).await?;
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for call in &calls {
            pipe.hmget(keys::call(*call), &["record", "ended", "state"]);
        }
        let records: Vec<LeftFields> = self.link.ask("sb:call", &pipe).await?;
        let left = |(call, fields)| left(backend, call, fields).transpose();
        calls.into_iter().zip(records).filter_map(left).collect()
    }

    /// The backend's count first, then the record, then the handles.
    pub(crate) async fn restore_call(&self, call: &Call, token: Token, state: &str) -> Result<()> {
        let (key, id) = (keys::call(call.id), call.id.to_string());
        let record = serde_json::to_string(call).map_err(|why| malformed(&key, &why))?;
        let mut pipe = redis::pipe();
        pipe.sadd(keys::calls_on(&call.backend), &id).ignore();
        pipe.invoke_script(SAVE_CALL.key(&key).arg(token.0).arg(state).arg(record)).ignore();
        for (handle, username, peer) in sides(call) {
            pipe.hset_nx(keys::handle(handle), "call", &id).ignore();
            mark(&mut pipe, handle, username, call.id, peer).ignore();
        }
        pipe.hexists(&key, "record").hexists(&key, "ended");
        let (written, ended): (bool, bool) = self.link.ask(&key, &pipe).await?;
        if written && !ended {
            return Ok(());
        }
        for (handle, username, _) in sides(call) {
            self.let_go(handle, username, call.id).await?;
        }
        Ok(())
    }

    pub(crate) async fn calls_on(&self, backend: &BackendName) -> Result<Vec<CallId>> {
        let key = keys::calls_on(backend);
        let (calls,): (Vec<String>,) = self.link.ask(&key, redis::pipe().smembers(&key)).await?;
        calls.iter().map(|call| parsed(&key, call)).collect()
    }

    pub(crate) async fn backends_with_calls(&self) -> Result<Vec<BackendName>> {
        let any = keys::calls_on(&BackendName::from("*"));
        let command = |cursor| redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(&any).take();
        let found = self.scan(keys::CALLS_ON, usize::MAX, command).await?;
        let name =
            |key: Vec<u8>| Some(BackendName::from(str::from_utf8(&key).ok()?.strip_prefix(keys::CALLS_ON)?));
        let mut names: Vec<BackendName> = found.into_iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn live_calls(&self, backends: &[BackendName]) -> Result<Vec<u64>> {
        if backends.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for backend in backends {
            pipe.scard(keys::calls_on(backend));
        }
        self.link.ask("sb:calls_on", &pipe).await
    }
}

/// The call a handle is in after it was to be taken, and whether it is since then.
type Now = Option<(String, bool)>;

/// Answers the record.
fn open(pipe: &mut Pipeline, call: &Call) -> Result<()> {
    let key = keys::call(call.id);
    let record = serde_json::to_string(call).map_err(|why| malformed(&key, &why))?;
    pipe.sadd(keys::calls_on(&call.backend), call.id.to_string()).ignore();
    pipe.hset_nx(&key, "record", record).ignore().hget(&key, "record");
    Ok(())
}

/// Answers [`Now`], what marking says, and the names of the call's fields.
fn take(pipe: &mut Pipeline, handle: HandleRef, username: &str, call: CallId, peer: &str) {
    let mut take = TAKE.key(keys::handle(handle));
    pipe.invoke_script(take.arg(username).arg(call.to_string()));
    mark(pipe, handle, username, call, peer).hkeys(keys::call(call));
}

/// What marking a name answers.
const MARKED: i8 = 1;
const A_PEERS: i8 = -1;

fn mark<'a>(
    pipe: &'a mut Pipeline,
    handle: HandleRef,
    username: &str,
    call: CallId,
    peer: &str,
) -> &'a mut Pipeline {
    let mut mark = MARK_USER.key(keys::user(username));
    mark.arg(handle.to_string()).arg(call.to_string()).arg(peer).arg(OUR_PROXY).arg(clock::told());
    pipe.invoke_script(&mark)
}

/// The sides that are ours: handle, name, and the other's name.
fn sides(call: &Call) -> impl Iterator<Item = (HandleRef, &str, &str)> {
    [Side::Caller, Side::Callee].into_iter().filter_map(|side| {
        let (own, other) = (call.party(side), call.party(side.peer()));
        own.owner.as_ref().map(|owner| (owner.handle, own.username.as_str(), other.username.as_str()))
    })
}

/// After its handles and names the record, then the count: whatever is left can be found again.
fn forgetting(pipe: &mut Pipeline, call: &Call) {
    pipe.del(keys::call(call.id)).ignore();
    pipe.srem(keys::calls_on(&call.backend), call.id.to_string()).ignore();
}

fn free_handle(pipe: &mut Pipeline, handle: HandleRef, username: &str, call: CallId) {
    let mut free = CLEAR_IF.key(keys::handle(handle));
    pipe.invoke_script(free.arg("call").arg(call.to_string())).ignore();
    let mut unmark = UNMARK_USER.key(keys::user(username));
    pipe.invoke_script(unmark.arg(call.to_string()).arg(OUR_PROXY).arg(clock::told())).ignore();
}

/// None for a call that is over, or being freed, or that the index of its backend names too much.
fn left(backend: &BackendName, call: CallId, (record, ended, state): LeftFields) -> Result<Option<LeftCall>> {
    let (Some(record), letter) = (record, ended) else { return Ok(None) };
    let call = read(&keys::call(call), &record)?;
    let is_left = call.backend == *backend && letter.as_deref() != Some(NO_LETTER);
    Ok(Some(LeftCall { call, state, letter }).filter(|_| is_left))
}

pub(super) fn read(key: &str, record: &str) -> Result<Call> {
    serde_json::from_str(record).map_err(|why| malformed(key, &why))
}
