//! Calls.

use super::{MemoryDirectory, State};
use crate::record::{Call, Taken};
use protocol::{BackendName, CallId, HandleRef};

impl MemoryDirectory {
    pub(crate) fn open_call(&self, call: &Call) -> Call {
        let mut state = self.state();
        if let Some(opened) = state.calls.get(&call.id) {
            return opened.clone();
        }
        state.calls_on.entry(call.backend.clone()).or_default().insert(call.id);
        state.calls.insert(call.id, call.clone());
        call.clone()
    }

    pub(crate) fn take(&self, handle: HandleRef, username: &str, call: CallId) -> Taken {
        let mut state = self.state();
        if !state.calls.contains_key(&call) {
            return Taken::Gone;
        }
        let Some(record) = state.handles.get_mut(&handle) else { return Taken::Gone };
        let owns = record.name.as_deref() == Some(username);
        match record.call {
            Some(current) if current == call => Taken::Won,
            _ if !owns => Taken::Gone,
            Some(other) => Taken::Busy(other),
            None => {
                record.call = Some(call);
                Taken::Won
            }
        }
    }

    pub(crate) fn call(&self, call: CallId) -> Option<Call> {
        self.state().calls.get(&call).cloned()
    }

    pub(crate) fn free_call(&self, call: CallId) -> Option<Call> {
        let mut state = self.state();
        let ended = state.calls.remove(&call)?;
        state.free_handle(ended.caller.owner.handle, call);
        state.free_handle(ended.callee.owner.handle, call);
        state.uncount(&ended);
        Some(ended)
    }

    pub(crate) fn calls_on(&self, backend: &BackendName) -> Vec<CallId> {
        self.state().calls_on.get(backend).into_iter().flatten().copied().collect()
    }

    pub(crate) fn live_calls(&self, backends: &[BackendName]) -> Vec<u64> {
        let state = self.state();
        backends
            .iter()
            .map(|backend| state.calls_on.get(backend).map_or(0, |calls| calls.len() as u64))
            .collect()
    }
}

impl State {
    fn free_handle(&mut self, handle: HandleRef, call: CallId) {
        if let Some(record) = self.handles.get_mut(&handle) {
            record.call.take_if(|current| *current == call);
        }
    }

    fn uncount(&mut self, call: &Call) {
        if let Some(calls) = self.calls_on.get_mut(&call.backend) {
            calls.remove(&call.id);
            if calls.is_empty() {
                self.calls_on.remove(&call.backend);
            }
        }
    }
}
