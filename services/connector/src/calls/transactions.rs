//! The requests to Janus that are in flight, by transaction.

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
    /// Whether Janus still has the leg in its call.
    Check(LegRef),
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
            Self::Attach(leg) | Self::Register(leg) | Self::Call(leg) | Self::Check(leg) => *leg,
            Self::Request(request) => request.leg,
        }
    }
}

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
