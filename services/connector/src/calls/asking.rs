//! What is asked of Janus, for which leg, and until when an answer is waited for.

use super::act::Action;
use super::closing::HangupCause;
use super::{Calls, JANUS_TIMEOUT};
use crate::janus::message::{JanusId, ToJanus};
use bus::ack_tracker::AckGuard;
use bus::message::LegRef;
use common::{CallId, MessageId};
use protocol::Raw;
use protocol::videocall::PluginRequest;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};
use tokio::time::Instant;

/// What was asked of Janus, and for which leg.
#[derive(Debug)]
pub(super) enum Pending {
    /// A handle.
    Attach(LegRef),
    /// A name for it.
    Register(LegRef),
    /// To ring the callee.
    Call(LegRef),
    /// Whether the leg is still in its call.
    Check(LegRef),
    /// What a client wants.
    Request(ClientRequest),
}

/// A client's request on its leg.
#[derive(Debug)]
pub(super) struct ClientRequest {
    pub(super) leg: LegRef,
    pub(super) request: MessageId,
    pub(super) transaction: Option<String>,
    pub(super) verb: PluginRequest,
    pub(super) ack: AckGuard,
}

impl Pending {
    fn leg(&self) -> LegRef {
        match self {
            Self::Attach(leg) | Self::Register(leg) | Self::Call(leg) | Self::Check(leg) => *leg,
            Self::Request(asks) => asks.leg,
        }
    }
}

/// The questions that are open.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    pending: BTreeMap<String, Pending>,
    /// Transactions in the order they were asked in, with the end of patience.
    timeouts: VecDeque<(Instant, String)>,
    last_id: u64,
}

impl Transactions {
    fn next_id(&mut self) -> String {
        self.last_id += 1;
        self.last_id.to_string()
    }

    fn insert(&mut self, transaction: String, asked: Pending, now: Instant) {
        self.timeouts.push_back((now + JANUS_TIMEOUT, transaction.clone()));
        self.pending.insert(transaction, asked);
    }

    /// What was asked under this transaction: it is answered.
    pub(super) fn complete(&mut self, transaction: &str) -> Option<Pending> {
        self.pending.remove(transaction)
    }

    /// No answer is waited for any more.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.timeouts.clear();
    }

    /// No answer about this call is waited for; the receipts of what its clients asked.
    pub(super) fn remove_call(&mut self, call: CallId) -> Vec<AckGuard> {
        let of_call = self.pending.extract_if(.., |_, asked| asked.leg().call == call);
        let receipt = |(_, asked)| match asked {
            Pending::Request(asks) => Some(asks.ack),
            _ => None,
        };
        of_call.filter_map(receipt).collect()
    }

    /// When patience ends next.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timeouts.front().map(|(until, _)| *until)
    }

    /// Something that was not answered in time.
    fn pop_expired(&mut self, now: Instant) -> Option<(Instant, Pending)> {
        while let Some((until, transaction)) = self.timeouts.pop_front_if(|(until, _)| *until <= now) {
            if let Some(asked) = self.pending.remove(&transaction) {
                return Some((until, asked));
            }
        }
        None
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.timeouts.is_empty()
    }
}

impl Calls {
    /// Ends the calls that Janus has not answered for in time.
    pub(super) fn expire_transactions(&mut self, now: Instant, acts: &mut Vec<Action>) {
        while let Some((until, asked)) = self.transactions.pop_expired(now) {
            let waited = now - until + JANUS_TIMEOUT;
            let call = asked.leg().call;
            tracing::warn!(backend = %self.backend, %call, ?asked, ?waited, "no answer from Janus");
            acts.push(Action::JanusTimeout);
            let reason = "The media server does not answer".to_owned();
            self.fail(asked.leg().call, HangupCause::MediaServer(reason), now, acts);
        }
    }

    /// Asks something of Janus that it must answer, in the session of the call.
    pub(super) fn send_request(
        &mut self,
        asked: Pending,
        request: ToJanus<'_>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let session_id = self.calls.get(&asked.leg().call).and_then(|call| call.session);
        let transaction = self.transactions.next_id();
        let request = ToJanus {
            transaction: transaction.clone(),
            session_id,
            ..request.with_credentials(&self.credentials)
        };
        acts.push(Action::SendToJanus(request.to_json()));
        self.transactions.insert(transaction, asked, now);
    }

    /// Tells Janus something whose answer does not matter.
    pub(super) fn send_oneway(
        &mut self,
        session: Option<JanusId>,
        request: ToJanus<'_>,
        acts: &mut Vec<Action>,
    ) {
        let transaction = self.transactions.next_id();
        let request =
            ToJanus { transaction, session_id: session, ..request.with_credentials(&self.credentials) };
        acts.push(Action::SendToJanus(request.to_json()));
    }

    /// Gives a handle back to Janus.
    pub(super) fn detach(&mut self, session: Option<JanusId>, handle: JanusId, acts: &mut Vec<Action>) {
        self.send_oneway(
            session,
            ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() },
            acts,
        );
    }

    /// Asks a plugin request of Janus.
    pub(super) fn send_plugin_request(
        &mut self,
        asked: Pending,
        handle: JanusId,
        body: Raw,
        jsep: Option<&RawValue>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let handle_id = Some(handle);
        let request = ToJanus { janus: "message", handle_id, body: Some(body), jsep, ..ToJanus::default() };
        self.send_request(asked, request, now, acts);
    }
}
