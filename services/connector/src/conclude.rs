//! The end of calls, outside the decisions: the handles are freed in the directory, and only then the
//! clients are told.
//!
//! Calls that a former connector left on a backend are over too: nobody listened to Janus meanwhile.

use crate::calls::act::Ended;
use crate::calls::closing::{self, Cause};
use crate::outbox::Outbox;
use bus::message::{CallEvent, CallRecord, Change, Events};
use directory::record::{Call, CallParty};
use protocol::{BackendName, CallId, ServiceId, Side};
use service::Context;
use std::time::Duration;
use tokio::time::Instant;

/// How long a call that has ended waits for the directory before its clients are told anyway.
const FREE_PATIENCE: Duration = Duration::from_secs(3);

/// Ends the calls that a former connector left on a backend; returns them.
pub async fn end_strangers(context: &Context, outbox: &Outbox, backend: &BackendName) -> Vec<CallId> {
    let calls = context.directory.calls_on(backend).await.unwrap_or_else(|error| {
        tracing::warn!(%error, %backend, "calls left by a former connector could not be looked up");
        Vec::new()
    });
    for call in &calls {
        end_stranger(context, outbox, *call).await;
    }
    calls
}

/// Frees a call's handles, then tells its clients; writes the log.
pub async fn conclude(context: Context, outbox: Outbox, ended: Ended) {
    let Ended { call, tell, log: record } = ended;
    let until = Instant::now() + FREE_PATIENCE;
    while let Err(error) = context.directory.free_call(call).await {
        if Instant::now() > until {
            tracing::error!(%error, %call, "the handles of an ended call could not be freed");
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (edge, events) in tell {
        outbox.send(edge, events);
    }
    if let Some(record) = record {
        metrics::counter!("switchboard_calls_ended_total").increment(1);
        outbox.log(record);
    }
}

async fn end_stranger(context: &Context, outbox: &Outbox, id: CallId) {
    let call = match context.directory.free_call(id).await {
        Ok(Some(call)) => call,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, call = %id, "a call left behind could not be freed"),
    };
    tracing::warn!(call = %id, "ending a call that a former connector left");
    let cause = Cause::Backend("The connection to the media server was lost".to_owned());
    for side in [Side::Caller, Side::Callee] {
        let (edge, events) = stranger_events(&call, side, &cause);
        outbox.send(edge, events);
    }
    outbox.log(stranger_record(&call, &cause));
}

fn stranger_events(call: &Call, side: Side, cause: &Cause) -> (ServiceId, Events) {
    let CallParty { username: own, owner } = call.party(side);
    let events = closing::events(cause, side, own, &call.party(side.peer()).username);
    let (session, handle) = (owner.handle.session, owner.handle.handle);
    let change = Some(Change::Left);
    (
        owner.edge.clone(),
        Events { session, handle, call: Some(call.id), stamp: None, answers: None, change, events },
    )
}

fn stranger_record(call: &Call, cause: &Cause) -> CallRecord {
    CallRecord {
        call: call.id,
        event: CallEvent::Ended,
        caller: call.caller.username.clone(),
        callee: call.callee.username.clone(),
        backend: call.backend.clone(),
        reason: Some(cause.reason()),
        duration_ms: None,
    }
}
