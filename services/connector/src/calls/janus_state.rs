//! What the state machine knows of Janus: the requests in flight, and the connector's sessions.

use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::LegRef;
use common::{CallId, MessageId};
use protocol::videocall::PluginRequest;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// How long Janus may take to reply to a request.
pub const JANUS_TIMEOUT: Duration = Duration::from_secs(5);

/// A request to Janus without a reply yet.
#[derive(Debug)]
pub enum Pending {
    Attach(LegRef),
    Register(LegRef),
    Call(LegRef),
    /// A check whether Janus still has the leg in its call.
    Check(LegRef),
    /// A request that changes nothing. Its reply says that Janus' plugin has handled what came before it.
    Barrier(LegRef),
    /// A request of a client, forwarded to Janus.
    Request(ClientRequest),
}

/// A client's request on its leg.
#[derive(Debug)]
pub struct ClientRequest {
    pub leg: LegRef,
    /// The bus message with the request.
    pub request: MessageId,
    /// The client's transaction; none where an edge replays settings.
    pub transaction: Option<String>,
    pub verb: PluginRequest,
    pub ack: AckGuard,
}

impl Pending {
    pub fn leg(&self) -> LegRef {
        match self {
            Self::Attach(leg)
            | Self::Register(leg)
            | Self::Call(leg)
            | Self::Check(leg)
            | Self::Barrier(leg) => *leg,
            Self::Request(request) => request.leg,
        }
    }
}

/// The requests to Janus that are in flight, by transaction.
#[derive(Debug, Default)]
pub struct Transactions {
    pending: BTreeMap<String, Pending>,
    /// Transactions in the order they were sent in, with the time at which they expire.
    timeouts: VecDeque<(Instant, String)>,
    last_id: u64,
}

impl Transactions {
    pub fn next_id(&mut self) -> String {
        self.last_id += 1;
        self.last_id.to_string()
    }

    pub fn insert(&mut self, transaction: String, pending: Pending, now: Instant) {
        self.timeouts.push_back((now + JANUS_TIMEOUT, transaction.clone()));
        self.pending.insert(transaction, pending);
    }

    /// Removes and returns the request that Janus has replied to.
    pub fn complete(&mut self, transaction: &str) -> Option<Pending> {
        self.pending.remove(transaction)
    }

    pub fn clear(&mut self) {
        self.pending.clear();
        self.timeouts.clear();
    }

    /// Removes all requests of a call. Returns the guards of its clients' requests.
    pub fn remove_call(&mut self, call: CallId) -> Vec<AckGuard> {
        let of_call = self.pending.extract_if(.., |_, pending| pending.leg().call == call);
        let ack = |(_, pending)| match pending {
            Pending::Request(request) => Some(request.ack),
            _ => None,
        };
        of_call.filter_map(ack).collect()
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        self.timeouts.front().map(|(at, _)| *at)
    }

    /// Removes a request that Janus has not replied to in time, and returns when its time was over.
    pub fn pop_expired(&mut self, now: Instant) -> Option<(Instant, Pending)> {
        while let Some((at, transaction)) = self.timeouts.pop_front_if(|(at, _)| *at <= now) {
            if let Some(pending) = self.pending.remove(&transaction) {
                return Some((at, pending));
            }
        }
        None
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.timeouts.is_empty()
    }
}

/// The connector's sessions on Janus. New calls go to the newest. A session claimed from a former
/// connector is kept until its last call has ended.
#[derive(Debug, Default)]
pub struct JanusSessions {
    /// None while there is no link to Janus.
    newest: Option<JanusId>,
    /// The claimed sessions, with the number of calls in each.
    claimed: BTreeMap<JanusId, usize>,
}

impl JanusSessions {
    /// The session for new calls.
    pub fn newest(&self) -> Option<JanusId> {
        self.newest
    }

    pub fn set_newest(&mut self, session: JanusId) {
        self.newest = Some(session);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn add_claimed(&mut self, session: JanusId) {
        self.claimed.insert(session, 0);
    }

    /// Counts one more call in a claimed session. Returns false if the session was not claimed.
    pub fn add_call(&mut self, session: JanusId) -> bool {
        let calls = self.claimed.get_mut(&session);
        calls.map(|calls| *calls += 1).is_some()
    }

    /// Counts one call less in a session. Returns true if that was the last call of a claimed session,
    /// which is then removed.
    pub fn remove_call(&mut self, session: JanusId) -> bool {
        let Some(calls) = self.claimed.get_mut(&session) else { return false };
        *calls = calls.saturating_sub(1);
        *calls == 0 && self.claimed.remove(&session).is_some()
    }

    pub fn remove(&mut self, session: JanusId) {
        self.claimed.remove(&session);
    }

    /// Removes and returns the claimed sessions without calls.
    pub fn remove_unused(&mut self) -> Vec<JanusId> {
        self.claimed.extract_if(.., |_, calls| *calls == 0).map(|(session, _)| session).collect()
    }

    /// All sessions, the newest last.
    pub fn all(&self) -> Vec<JanusId> {
        self.claimed.keys().copied().chain(self.newest).collect()
    }
}
