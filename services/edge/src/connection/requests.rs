//! Requests to the routers take turns. A client has few there at once, and so have all clients of one address: a burst of
//! one would stand before everybody's requests. The next ones wait here, and their client's socket is not read.
//!
//! Whatever follows a waiting message on its way to the routers waits behind it, so that the order stays.

use crate::fair_use::bound;
use crate::net::address::limit::Limit;
use crate::net::allowance::Allowance;
use crate::session::action::Destination;
use bus::message::{Body, Message};
use common::MessageId;
use protocol::HandleRef;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::PollSemaphore;

/// How long a request counts that gets no reply. Its client has got an error before.
const REPLY_TIMEOUT: Duration = Duration::from_secs(12);

/// A message on its way to the bus.
pub struct Outbound {
    pub destination: Destination,
    pub message: Box<Message>,
    pub handle: HandleRef,
}

/// The requests of a connection that the routers handle, and those that wait.
pub struct RequestTurns {
    max: usize,
    unanswered: BTreeMap<MessageId, Unanswered>,
    waiting: VecDeque<Outbound>,
    /// Waits for the turn of this connection among those of its address.
    turn: Option<PollSemaphore>,
    /// A permit for the next request.
    permit: Option<OwnedSemaphorePermit>,
}

struct Unanswered {
    expires_at: Instant,
    _permit: Option<OwnedSemaphorePermit>,
}

impl RequestTurns {
    pub fn new(max: usize) -> Self {
        Self {
            max: bound(max, usize::MAX),
            unanswered: BTreeMap::new(),
            waiting: VecDeque::new(),
            turn: None,
            permit: None,
        }
    }

    /// Returns the message if it may be sent now; keeps it otherwise.
    pub fn start(&mut self, outbound: Outbound, allowance: &mut Allowance, now: Instant) -> Option<Outbound> {
        if outbound.destination != Destination::Requests {
            return Some(outbound);
        }
        if self.waiting.is_empty() {
            match self.try_start(&outbound, allowance, now) {
                Ok(()) => return Some(outbound),
                Err(limit) => allowance.reached(limit),
            }
        }
        self.waiting.push_back(outbound);
        None
    }

    /// Returns the next waiting message if it may be sent now.
    pub fn next(&mut self, allowance: &mut Allowance, now: Instant) -> Option<Outbound> {
        let outbound = self.waiting.pop_front()?;
        if self.try_start(&outbound, allowance, now).is_ok() {
            return Some(outbound);
        }
        // Other connections of the address may go on meanwhile.
        self.permit = None;
        self.waiting.push_front(outbound);
        None
    }

    /// Removes all waiting messages; they are sent without a turn, because their sessions leave the connection.
    pub fn take_waiting(&mut self) -> VecDeque<Outbound> {
        (self.turn, self.permit) = (None, None);
        std::mem::take(&mut self.waiting)
    }

    /// The request has its reply, or was not sent.
    pub fn finished(&mut self, id: MessageId) {
        self.unanswered.remove(&id);
    }

    /// The bytes of the waiting messages.
    pub fn bytes(&self) -> usize {
        self.waiting.iter().map(|outbound| bytes_of(&outbound.message.body)).sum()
    }

    /// When the next waiting message may be sent at the earliest, without a reply before.
    pub fn next_at(&self, allowance: &Allowance, now: Instant) -> Option<Instant> {
        let first = self.waiting.front()?;
        let slot_at = if self.unanswered.len() < self.max {
            now
        } else {
            self.unanswered.values().map(|request| request.expires_at).min()?
        };
        let call_at = is_call(first).then(|| allowance.call_available_at(now)).flatten();
        Some(call_at.map_or(slot_at, |(at, _)| at.max(slot_at)))
    }

    /// Waits for the turn among the connections of the address, from [`next_at`](Self::next_at) on. Safe to cancel.
    pub async fn turn(&mut self, allowance: &Allowance) {
        if self.permit.is_none() {
            self.permit = poll_fn(|context| self.poll_turn(allowance, context)).await;
        }
    }

    fn poll_turn(
        &mut self,
        allowance: &Allowance,
        context: &mut Context<'_>,
    ) -> Poll<Option<OwnedSemaphorePermit>> {
        let Some(address) = allowance.address() else { return Poll::Ready(None) };
        let turn = self.turn.get_or_insert_with(|| PollSemaphore::new(address.permits.clone()));
        let permit = ready!(turn.poll_acquire(context));
        self.turn = None;
        Poll::Ready(permit)
    }

    fn try_start(
        &mut self,
        outbound: &Outbound,
        allowance: &mut Allowance,
        now: Instant,
    ) -> Result<(), Limit> {
        if !is_request(outbound) {
            return Ok(());
        }
        if is_call(outbound)
            && let Some((_, limit)) = allowance.call_available_at(now)
        {
            return Err(limit);
        }
        self.unanswered.retain(|_, request| request.expires_at > now);
        if self.unanswered.len() >= self.max {
            return Err(Limit::ClientConcurrentRequests);
        }
        let permit = match (self.permit.take(), allowance.address()) {
            (None, Some(address)) => {
                let permit = address.permits.clone().try_acquire_owned();
                Some(permit.map_err(|_| Limit::ConcurrentRequests)?)
            }
            (permit, _) => permit,
        };
        if is_call(outbound) {
            allowance.take_call(now);
        }
        let request = Unanswered { expires_at: now + REPLY_TIMEOUT, _permit: permit };
        self.unanswered.insert(outbound.message.id, request);
        Ok(())
    }
}

fn bytes_of(body: &Body) -> usize {
    match body {
        Body::Register(request) | Body::Call(request) | Body::List(request) | Body::Exists(request) => {
            request.body.get().len() + request.jsep.as_ref().map_or(0, |jsep| jsep.get().len())
        }
        _ => 0,
    }
}

fn is_call(outbound: &Outbound) -> bool {
    matches!(outbound.message.body, Body::Call(_))
}

/// Whether a reply will come.
fn is_request(outbound: &Outbound) -> bool {
    matches!(outbound.message.body, Body::Register(_) | Body::Call(_) | Body::List(_) | Body::Exists(_))
}

#[cfg(test)]
mod tests;
