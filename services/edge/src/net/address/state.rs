//! What the clients of one address use. It outlives their connections until nothing of it is used any more.

use super::limit::Limit;
use crate::fair_use::{FairUseOptions, bound};
use crate::net::rate_limit::{CALL_BURST_SECONDS, TokenBucket};
use common::sync::Mutex;
use service::AddressGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How many times the limits of one IPv6 network of 64 bits apply to the network of 48 bits around it.
const CUSTOMER_FACTOR: u32 = 8;
/// The seconds for which an address may open connections at its rate at once, so that all its clients can come back
/// when an edge has stopped.
const HANDSHAKE_BURST: f64 = 10.0;

/// One address, or one IPv6 network.
pub struct AddressState {
    pub group: AddressGroup,
    limits: AddressLimits,
    /// Whether a new client continues with the rate that the last one had left.
    keeps_rate: bool,
    connections: AtomicUsize,
    sessions: AtomicUsize,
    buckets: Mutex<Buckets>,
    /// One for each request of its clients that the routers handle.
    pub permits: Arc<Semaphore>,
    /// The wider IPv6 network, which is limited too.
    customer: Option<Arc<Self>>,
}

#[derive(Clone, Copy)]
struct AddressLimits {
    connections: usize,
    sessions: usize,
}

struct Buckets {
    handshakes: TokenBucket,
    requests: TokenBucket,
    calls: TokenBucket,
    /// What the last client that disconnected had left. The next one continues with it, so that reconnecting refills
    /// nothing.
    client: TokenBucket,
}

impl AddressState {
    pub fn new(
        group: AddressGroup,
        options: &FairUseOptions,
        customer: Option<Arc<Self>>,
        now: Instant,
    ) -> Self {
        let limits = options.of(Some(group));
        // A group without a wider network around it, but with a prefix of 48 bits, is itself the wider one.
        let factor = if group.is_customer() { CUSTOMER_FACTOR } else { 1 };
        let rate = |rate: u32| rate.saturating_mul(factor);
        let count = |limit: usize| bound(limit, usize::MAX).saturating_mul(factor as usize);
        let permits = bound(limits.max_concurrent_requests_per_address, Semaphore::MAX_PERMITS);
        Self {
            group,
            limits: AddressLimits {
                connections: count(limits.max_connections_per_address),
                sessions: count(limits.max_sessions_per_address),
            },
            keeps_rate: limits.keeps_rate,
            connections: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            buckets: Mutex::new(Buckets {
                handshakes: TokenBucket::with_burst(
                    rate(limits.max_handshake_rate_per_address),
                    HANDSHAKE_BURST,
                    now,
                ),
                requests: TokenBucket::new(rate(limits.max_rate_per_address), now),
                calls: TokenBucket::with_burst(
                    rate(limits.max_call_rate_per_address),
                    CALL_BURST_SECONDS,
                    now,
                ),
                client: TokenBucket::new(limits.max_rate, now),
            }),
            permits: Arc::new(Semaphore::new(permits)),
            customer,
        }
    }

    /// Itself, and the wider network.
    fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.customer.as_deref())
    }

    /// Takes the place of a connection, and the token of its handshake.
    ///
    /// # Errors
    /// With the limit that was reached.
    pub fn connect(&self, now: Instant) -> Result<(), Limit> {
        if !self.levels().all(|level| level.buckets.lock().handshakes.take_available(now)) {
            return Err(Limit::Handshakes);
        }
        take_place(self, |level| (&level.connections, level.limits.connections))
            .then_some(())
            .ok_or(Limit::Connections)
    }

    pub fn disconnect(&self) {
        self.levels().for_each(|level| {
            level.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Takes the place of a session. False if there is none.
    pub fn begin_session(&self) -> bool {
        take_place(self, |level| (&level.sessions, level.limits.sessions))
    }

    /// Counts sessions that came or went in another way.
    pub fn change_sessions(&self, before: usize, after: usize) {
        self.levels().for_each(|level| {
            level.sessions.fetch_add(after, Ordering::Relaxed);
            level.sessions.fetch_sub(before, Ordering::Relaxed);
        });
    }

    /// Takes tokens of requests. False if there were none: the clients of the address should wait.
    pub fn take_requests(&self, tokens: f64, now: Instant) -> bool {
        // Each level counts them, also if another one has none.
        let exceeded = self.levels().filter(|level| !level.buckets.lock().requests.take_tokens(tokens, now));
        exceeded.count() == 0
    }

    pub fn take_call(&self, now: Instant) {
        self.levels().for_each(|level| {
            level.buckets.lock().calls.take(now);
        });
    }

    /// When its clients may send again; none if they may now.
    pub fn requests_available_at(&self) -> Option<Instant> {
        self.levels().filter_map(|level| level.buckets.lock().requests.available_at()).max()
    }

    /// When its clients may call again; none if they may now.
    pub fn calls_available_at(&self, now: Instant) -> Option<Instant> {
        self.levels().filter_map(|level| level.buckets.lock().calls.next_at(now)).max()
    }

    /// Returns the bucket for a new client.
    pub fn client_bucket(&self, full: TokenBucket) -> TokenBucket {
        if self.keeps_rate { std::mem::replace(&mut self.buckets.lock().client, full) } else { full }
    }

    /// Takes back the bucket of a client that has disconnected.
    pub fn return_bucket(&self, bucket: &TokenBucket, now: Instant) {
        if self.keeps_rate {
            self.buckets.lock().client.take_tokens(bucket.missing(now), now);
        }
    }

    /// Whether nothing would change if the address were forgotten.
    pub fn is_unused(&self, now: Instant) -> bool {
        let buckets = self.buckets.lock();
        let Buckets { handshakes, requests, calls, client } = &*buckets;
        let all = [handshakes, requests, calls, client];
        all.into_iter().all(|bucket| bucket.missing(now) <= 0.0)
    }
}

/// Takes a place at each level, or at none.
fn take_place<'a>(
    state: &'a AddressState,
    of: impl Fn(&'a AddressState) -> (&'a AtomicUsize, usize),
) -> bool {
    let take = |(count, max): (&AtomicUsize, usize)| {
        let next = |taken: usize| (taken < max).then_some(taken + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    };
    if !take(of(state)) {
        return false;
    }
    let is_taken = state.customer.as_deref().is_none_or(|customer| take(of(customer)));
    if !is_taken {
        of(state).0.fetch_sub(1, Ordering::Relaxed);
    }
    is_taken
}
