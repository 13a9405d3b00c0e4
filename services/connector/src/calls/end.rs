//! The end of a call: its handles are detached, both sides are notified, and the call is remembered as
//! ended.

use super::action::{Action, EndedCall, FinalNotices};
use super::call::Call;
use super::machine::Calls;
use bus::ack_tracker::AckGuard;
use bus::message::{CallEvent, Change, ClientEvent, EndKind, Events};
use common::{CallId, ServiceId};
use protocol::hangup::{HangupCause, REMOTE_HANGUP, events_for_side};
use protocol::videocall::{self, PluginError};
use protocol::{Raw, Side};

/// The reason of a call that was lost together with its connector.
pub(super) const CONNECTION_LOST: &str = "The connection to the media server was lost";
/// The reason of a call whose handles Janus refuses.
pub(super) const SETUP_REFUSED: &str = "The media server refused the call";

impl Calls {
    /// Ends a call. Its `place` may still arrive, so an unknown call is remembered too.
    pub(super) fn end(&mut self, id: CallId, cause: HangupCause) {
        let client_events = |call: &mut Call| {
            let actor = cause.actor().unwrap_or(Side::Callee);
            let sides = [actor.peer(), actor].into_iter();
            sides.filter_map(|side| end_events(call, side, &cause)).collect()
        };
        self.finish(id, (&cause.reason(), end_kind(&cause)), client_events);
    }

    /// Ends a call because of its media server. A caller that does not know of the call yet is refused.
    pub(super) fn fail(&mut self, id: CallId, cause: HangupCause) {
        match self.calls.get(&id) {
            Some(call) if !call.resumed && !call.leg(Side::Caller).joined => {
                self.refuse(id, videocall::error(&PluginError::backend_failed()));
            }
            _ => self.end(id, cause),
        }
    }

    /// Ends a call that Janus' plugin refuses. Janus keeps the PeerConnection in this case.
    pub(super) fn refuse(&mut self, id: CallId, data: Raw) {
        let Some(transaction) = self.calls.get(&id).map(|call| call.transaction.clone()) else { return };
        let event = ClientEvent::Plugin { transaction: Some(transaction), data, jsep: None };
        self.refuse_with(id, vec![event]);
    }

    /// Ends a call whose offer Janus' core refuses.
    pub(super) fn refuse_core(&mut self, id: CallId, code: u16, reason: String) {
        let Some(transaction) = self.calls.get(&id).map(|call| call.transaction.clone()) else { return };
        self.refuse_with(id, vec![ClientEvent::Error { transaction, code, reason }]);
    }

    /// Ends a call, with these events as the reply to the caller's request.
    pub(super) fn refuse_with(&mut self, id: CallId, events: Vec<ClientEvent>) {
        let client_events = |call: &mut Call| {
            let refusal = call.events(Side::Caller, Some(call.request()), Some(Change::Left), events);
            let callee = end_events(call, Side::Callee, &HangupCause::ClientGone(Side::Caller));
            refusal.into_iter().chain(callee).collect()
        };
        self.finish(id, ("refused by the media server", EndKind::Refused), client_events);
    }

    pub(super) fn finish(
        &mut self,
        id: CallId,
        (reason, kind): (&str, EndKind),
        client_events: impl FnOnce(&mut Call) -> Vec<(ServiceId, Events)>,
    ) {
        self.ended.insert(id, self.now);
        let running = self.calls.remove(&id);
        let Some(mut call) = running.or_else(|| self.awaiting_replay.remove(&id)) else { return };
        self.release_handles(&call);
        let mut acks = std::mem::take(&mut call.acks);
        acks.extend(self.transactions.remove_call(id));
        let is_logged = call.leg(Side::Callee).joined || kind == EndKind::Undeliverable;
        let backend = &self.config.backend;
        let log = is_logged.then(|| (call.log_record(backend, CallEvent::Ended, Some((reason, kind))), kind));
        let client_events = client_events(&mut call);
        let proxy_refusal = call.take_proxy_refusal();
        let second_attempt = call.take_second_attempt().map(Box::new);
        let notices = FinalNotices { client_events, proxy_refusal, second_attempt, log };
        self.out.push(Action::EndCall(EndedCall { call: id, notices, acks }));
    }

    fn release_handles(&mut self, call: &Call) {
        for side in [Side::Caller, Side::Callee] {
            if let Some(handle) = call.leg(side).handle {
                self.legs.remove(&handle);
                self.detach(call.session, handle);
            }
        }
        if let Some(session) = call.session.filter(|session| self.sessions.remove_call(*session)) {
            self.out.push(Action::DestroySession(session));
        }
    }

    /// Handles a message that ends a call. An unknown call still has its handles in the directory freed.
    pub(super) fn on_end(&mut self, id: CallId, cause: HangupCause, ack: AckGuard) {
        match self.calls.get_mut(&id).or_else(|| self.awaiting_replay.get_mut(&id)) {
            Some(call) => {
                call.acks.push(ack);
                let has_remote_side = call.remote_side().is_some();
                match &mut call.suspected_hangup {
                    Some(suspected) if has_remote_side => suspected.local_end = Some(cause),
                    _ => self.end(id, cause),
                }
            }
            None => self.end_unknown(id, Vec::new(), ack),
        }
    }

    /// Ends a call that this connector does not know, with these events for its clients.
    pub(super) fn end_unknown(
        &mut self,
        call: CallId,
        client_events: Vec<(ServiceId, Events)>,
        ack: AckGuard,
    ) {
        self.ended.insert(call, self.now);
        let notices = FinalNotices { client_events, ..FinalNotices::default() };
        self.out.push(Action::EndCall(EndedCall { call, notices, acks: vec![ack] }));
    }
}

/// The kind of end, for the `calls` log.
fn end_kind(cause: &HangupCause) -> EndKind {
    match cause {
        HangupCause::MediaServer(reason) if reason == SETUP_REFUSED => EndKind::Refused,
        _ => cause.into(),
    }
}

/// The last events for the client of a side, after its batch; none for a callee that cannot know of the
/// call.
pub(super) fn end_events(call: &mut Call, side: Side, cause: &HangupCause) -> Option<(ServiceId, Events)> {
    let own = call.leg(side).party.username.clone();
    let peer = call.leg(side.peer()).party.username.clone();
    let joined = call.leg(side).joined || call.leg(side).client_active;
    let may_know = joined || call.resumed;
    let in_reply_to = match cause {
        HangupCause::Hangup { side: actor, request, .. } if *actor == side => Some(*request),
        _ => (side == Side::Caller && !joined).then(|| call.request()),
    };
    let hangup = events_for_side(cause, side, &own, &peer);
    let mut events: Vec<ClientEvent> = hangup.into_iter().map(Into::into).collect();
    if side == Side::Caller && !joined {
        events = answer_first(call, events, &peer);
    }
    let events = call.leg_mut(side).take_batch_with(events);
    if !may_know && side == Side::Callee {
        return None;
    }
    call.events(side, in_reply_to, Some(Change::Left), events)
}

/// Makes the first event the reply to the `call` request that the caller still waits for.
fn answer_first(call: &Call, events: Vec<ClientEvent>, callee: &str) -> Vec<ClientEvent> {
    let data = videocall::event("hangup", Some(callee), Some(REMOTE_HANGUP));
    let answer = ClientEvent::Plugin { transaction: Some(call.transaction.clone()), data, jsep: None };
    let core = events.into_iter().filter(|event| matches!(event, ClientEvent::Core { .. }));
    std::iter::once(answer).chain(core).collect()
}
