//! Calls and the handles in them.

use super::{CallRecord, MemoryDirectory, State};
use crate::ENDED_TTL;
use crate::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};
use common::{BackendName, CallId};
use protocol::HandleRef;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn open_call(&self, call: &Call) -> Call {
        let mut state = self.state();
        state.call_entry(call).call.clone()
    }

    /// Leaves all handles to be acquired one by one.
    pub(crate) fn open_and_acquire(&self, call: &Call) -> (Call, Option<AcquireOutcome>) {
        (self.open_call(call), None)
    }

    /// No janus-cloud proxy reads this store, so `_peer` is not stored.
    pub(crate) fn acquire_handle(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        _peer: &str,
    ) -> AcquireOutcome {
        let mut state = self.state();
        if state.calls.get(&call).is_none_or(|record| record.final_notices.is_some()) {
            return AcquireOutcome::Gone;
        }
        let Some(record) = state.handles.get_mut(&handle) else { return AcquireOutcome::Gone };
        let owns = record.name.as_deref() == Some(username);
        match record.call {
            Some(current) if current == call => AcquireOutcome::Acquired,
            _ if !owns => AcquireOutcome::Gone,
            Some(other) => AcquireOutcome::Busy(other),
            None => {
                record.call = Some(call);
                AcquireOutcome::Acquired
            }
        }
    }

    pub(crate) fn call(&self, call: CallId) -> Option<Call> {
        self.state().calls.get(&call).map(|record| record.call.clone())
    }

    pub(crate) fn release_call(&self, call: CallId) -> Option<Call> {
        match self.end_call(call, None, None) {
            EndOutcome::Ended(call) => Some(call),
            EndOutcome::NotFound | EndOutcome::Superseded => None,
        }
    }

    pub(crate) fn end_call(
        &self,
        call: CallId,
        token: Option<FencingToken>,
        final_notices: Option<&str>,
    ) -> EndOutcome {
        let mut state = self.state();
        let Some(record) = state.calls.get_mut(&call) else { return EndOutcome::NotFound };
        if token.is_some_and(|token| record.term > Some(token)) {
            return EndOutcome::Superseded;
        }
        if let Some(notices) = final_notices {
            record.final_notices.get_or_insert_with(|| notices.to_owned());
        }
        let ended = record.call.clone();
        ended.handles().for_each(|handle| state.release_handle(handle, call));
        if final_notices.is_none() {
            state.delete_call(&ended);
        }
        if token.is_some_and(|token| token != FencingToken::UNLEASED) {
            while state.ended.pop_front_if(|(ended_at, _)| ended_at.elapsed() >= ENDED_TTL).is_some() {}
            state.ended.push_back((Instant::now(), call));
        }
        EndOutcome::Ended(ended)
    }

    pub(crate) fn delete_call(&self, call: &Call) {
        self.state().delete_call(call);
    }

    /// Searches linearly: only a redelivered request needs this, which is rare.
    pub(crate) fn has_ended(&self, call: CallId) -> bool {
        let state = self.state();
        state.ended.iter().any(|(ended_at, id)| *id == call && ended_at.elapsed() < ENDED_TTL)
    }

    pub(crate) fn save_calls(&self, token: FencingToken, saves: &[(CallId, String)]) -> Vec<bool> {
        let mut state = self.state();
        let save = |(call, text): &(CallId, String)| match state.calls.get_mut(call) {
            Some(record) => record.save(token, text),
            None => false,
        };
        saves.iter().map(save).collect()
    }

    pub(crate) fn orphaned_calls(&self, backend: &BackendName) -> Vec<OrphanedCall> {
        let state = self.state();
        let calls = state.calls_on.get(backend).into_iter().flatten();
        calls.filter_map(|call| state.calls.get(call)).map(CallRecord::to_orphaned).collect()
    }

    pub(crate) fn restore_call(&self, call: &Call, token: FencingToken, text: &str) {
        let mut state = self.state();
        let record = state.call_entry(call);
        record.save(token, text);
        if record.final_notices.is_some() {
            return;
        }
        for handle in call.handles() {
            state.handles.entry(handle).or_default().call.get_or_insert(call.id);
        }
    }

    pub(crate) fn calls_on(&self, backend: &BackendName) -> Vec<CallId> {
        self.state().calls_on.get(backend).into_iter().flatten().copied().collect()
    }

    pub(crate) fn backends_with_calls(&self) -> Vec<BackendName> {
        self.state().calls_on.keys().cloned().collect()
    }

    pub(crate) fn count_calls(&self, backends: &[BackendName]) -> Vec<u64> {
        let state = self.state();
        backends
            .iter()
            .map(|backend| state.calls_on.get(backend).map_or(0, |calls| calls.len() as u64))
            .collect()
    }
}

impl State {
    /// Returns the record of the call, and creates it where there is none.
    fn call_entry(&mut self, call: &Call) -> &mut CallRecord {
        self.calls.entry(call.id).or_insert_with(|| {
            self.calls_on.entry(call.backend.clone()).or_default().insert(call.id);
            CallRecord { call: call.clone(), state: None, term: None, final_notices: None }
        })
    }

    fn delete_call(&mut self, call: &Call) {
        self.calls.remove(&call.id);
        self.remove_from_index(call);
    }

    fn release_handle(&mut self, handle: HandleRef, call: CallId) {
        let Some(record) = self.handles.get_mut(&handle) else { return };
        if record.call.take_if(|current| *current == call).is_some() && record.edge.is_none() {
            self.handles.remove(&handle);
        }
    }

    fn remove_from_index(&mut self, call: &Call) {
        if let Some(calls) = self.calls_on.get_mut(&call.backend) {
            calls.remove(&call.id);
            if calls.is_empty() {
                self.calls_on.remove(&call.backend);
            }
        }
    }
}

impl CallRecord {
    fn to_orphaned(&self) -> OrphanedCall {
        OrphanedCall {
            call: self.call.clone(),
            state: self.state.clone(),
            final_notices: self.final_notices.clone(),
        }
    }

    fn save(&mut self, token: FencingToken, text: &str) -> bool {
        let accepted = self.term <= Some(token) && self.final_notices.is_none();
        if accepted {
            self.state = Some(text.to_owned());
            self.term = Some(token);
        }
        accepted
    }
}
