//! What is asked of Janus, for which leg, and until when an answer is waited for.

use super::act::Act;
use super::closing::Cause;
use super::{Calls, PATIENCE};
use crate::janus::message::{JanusId, ToJanus};
use bus::ledger::Receipt;
use bus::message::LegRef;
use protocol::videocall::Request;
use protocol::{CallId, MessageId, Raw};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};
use tokio::time::Instant;

/// What was asked of Janus, and for which leg.
#[derive(Debug)]
pub(super) enum Asked {
    /// A handle.
    Attach(LegRef),
    /// A name for it.
    Register(LegRef),
    /// To ring the callee.
    Call(LegRef),
    /// Whether the leg is still in its call.
    Check(LegRef),
    /// What a client wants.
    Request(ClientAsks),
}

/// A client's request on its leg.
#[derive(Debug)]
pub(super) struct ClientAsks {
    pub(super) leg: LegRef,
    pub(super) request: MessageId,
    pub(super) transaction: Option<String>,
    pub(super) verb: Request,
    pub(super) receipt: Receipt,
}

impl Asked {
    fn leg(&self) -> LegRef {
        match self {
            Self::Attach(leg) | Self::Register(leg) | Self::Call(leg) | Self::Check(leg) => *leg,
            Self::Request(asks) => asks.leg,
        }
    }
}

/// The questions that are open.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: BTreeMap<String, Asked>,
    /// Transactions in the order they were asked in, with the end of patience.
    patience: VecDeque<(Instant, String)>,
    last: u64,
}

impl Questions {
    fn transaction(&mut self) -> String {
        self.last += 1;
        self.last.to_string()
    }

    fn put(&mut self, transaction: String, asked: Asked, now: Instant) {
        self.patience.push_back((now + PATIENCE, transaction.clone()));
        self.open.insert(transaction, asked);
    }

    /// What was asked under this transaction: it is answered.
    pub(super) fn answered(&mut self, transaction: &str) -> Option<Asked> {
        self.open.remove(transaction)
    }

    /// No answer is waited for any more.
    pub(super) fn forget_all(&mut self) {
        self.open.clear();
        self.patience.clear();
    }

    /// No answer about this call is waited for; the receipts of what its clients asked.
    pub(super) fn forget(&mut self, call: CallId) -> Vec<Receipt> {
        let of_call = self.open.extract_if(.., |_, asked| asked.leg().call == call);
        let receipt = |(_, asked)| match asked {
            Asked::Request(asks) => Some(asks.receipt),
            _ => None,
        };
        of_call.filter_map(receipt).collect()
    }

    /// When patience ends next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.patience.front().map(|(until, _)| *until)
    }

    /// Something that was not answered in time.
    fn overdue(&mut self, now: Instant) -> Option<(Instant, Asked)> {
        while let Some((until, transaction)) = self.patience.pop_front_if(|(until, _)| *until <= now) {
            if let Some(asked) = self.open.remove(&transaction) {
                return Some((until, asked));
            }
        }
        None
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.patience.is_empty()
    }
}

impl Calls {
    /// Ends the calls that Janus has not answered for in time.
    pub(super) fn lose_patience(&mut self, now: Instant, acts: &mut Vec<Act>) {
        while let Some((until, asked)) = self.questions.overdue(now) {
            let waited = now - until + PATIENCE;
            let call = asked.leg().call;
            tracing::warn!(backend = %self.backend, %call, ?asked, ?waited, "no answer from Janus");
            acts.push(Act::Unanswered);
            let reason = "The media server does not answer".to_owned();
            self.fail(asked.leg().call, Cause::Because(reason), now, acts);
        }
    }

    /// Asks something of Janus that it must answer, in the session of the call.
    pub(super) fn ask(&mut self, asked: Asked, request: ToJanus<'_>, now: Instant, acts: &mut Vec<Act>) {
        let session_id = self.calls.get(&asked.leg().call).and_then(|call| call.session);
        let transaction = self.questions.transaction();
        let request =
            ToJanus { transaction: transaction.clone(), session_id, ..request.with(&self.credentials) };
        acts.push(Act::Janus(request.text()));
        self.questions.put(transaction, asked, now);
    }

    /// Tells Janus something whose answer does not matter.
    pub(super) fn tell(&mut self, session: Option<JanusId>, request: ToJanus<'_>, acts: &mut Vec<Act>) {
        let transaction = self.questions.transaction();
        let request = ToJanus { transaction, session_id: session, ..request.with(&self.credentials) };
        acts.push(Act::Janus(request.text()));
    }

    /// Gives a handle back to Janus.
    pub(super) fn detach(&mut self, session: Option<JanusId>, handle: JanusId, acts: &mut Vec<Act>) {
        self.tell(session, ToJanus { janus: "detach", handle_id: Some(handle), ..ToJanus::default() }, acts);
    }

    /// Asks a plugin request of Janus.
    pub(super) fn ask_plugin(
        &mut self,
        asked: Asked,
        handle: JanusId,
        body: Raw,
        jsep: Option<&RawValue>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let handle_id = Some(handle);
        let request = ToJanus { janus: "message", handle_id, body: Some(body), jsep, ..ToJanus::default() };
        self.ask(asked, request, now, acts);
    }
}
