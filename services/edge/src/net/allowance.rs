//! What one client may use: its own buckets, and those of its address.

use super::address::limit::Limit;
use super::address::report::report;
use super::address::state::AddressState;
use super::rate_limit::{CALL_BURST_SECONDS, TokenBucket, tokens_for};
use crate::fair_use::FairUseOptions;
use std::sync::Arc;
use tokio::time::Instant;

pub struct Allowance {
    requests: TokenBucket,
    calls: TokenBucket,
    /// None if the address is unknown: then only the limits of one client hold.
    address: Option<Arc<AddressState>>,
    /// The sessions that the address counts for this connection.
    sessions: usize,
    /// The bucket of requests was given back to the address.
    is_returned: bool,
}

impl Allowance {
    pub fn new(options: &FairUseOptions, address: Option<Arc<AddressState>>, now: Instant) -> Self {
        let limits = options.of(address.as_ref().map(|address| address.group));
        let full = || TokenBucket::new(limits.max_rate, now);
        let requests = address.as_ref().map_or_else(full, |address| address.client_bucket(full()));
        let calls = TokenBucket::with_burst(limits.max_call_rate, CALL_BURST_SECONDS, now);
        Self { requests, calls, address, sessions: 0, is_returned: false }
    }

    /// What all clients of the address use.
    pub fn address(&self) -> Option<&Arc<AddressState>> {
        self.address.as_ref()
    }

    /// Counts that the client has reached a limit of its own, or one of its address.
    pub fn reached(&self, limit: Limit) {
        report(limit, self.address.as_ref().map(|address| address.group));
    }

    /// Takes the token of a request. The client's next request is delayed if there was none.
    pub fn take_request(&mut self, now: Instant) {
        let is_within = self.requests.take(now);
        let is_address_within = self.address.as_ref().is_none_or(|address| address.take_requests(1.0, now));
        if !is_within {
            self.reached(Limit::ClientRequests);
        }
        if !is_address_within {
            self.reached(Limit::Requests);
        }
        if !(is_within && is_address_within) {
            crate::metrics::request_throttled();
        }
    }

    /// Takes a token for each of these frames.
    pub fn take_frames(&mut self, count: usize, now: Instant) {
        self.take_tokens(count as f64, now);
    }

    /// Takes the tokens for the size of a message to or from the client.
    pub fn take_bytes(&mut self, bytes: usize, now: Instant) {
        let tokens = tokens_for(bytes);
        if tokens > 0.0 {
            self.take_tokens(tokens, now);
        }
    }

    fn take_tokens(&mut self, tokens: f64, now: Instant) {
        self.requests.take_tokens(tokens, now);
        if let Some(address) = &self.address {
            address.take_requests(tokens, now);
        }
    }

    /// When the client may send again; none if it may now.
    pub fn available_at(&self, now: Instant) -> Option<Instant> {
        let address = self.address.as_ref().and_then(|address| address.requests_available_at());
        self.requests.available_at().max(address).filter(|at| *at > now)
    }

    /// When the client may make a call; none if it may now. Returns the limit that makes it wait, too.
    pub fn call_available_at(&self, now: Instant) -> Option<(Instant, Limit)> {
        let own = self.calls.next_at(now).map(|at| (at, Limit::ClientCalls));
        let address = self.address.as_ref().and_then(|address| address.calls_available_at(now));
        let address = address.map(|at| (at, Limit::Calls));
        [own, address].into_iter().flatten().max_by_key(|(at, _)| *at)
    }

    /// Takes the tokens of a call.
    pub fn take_call(&mut self, now: Instant) {
        self.calls.take(now);
        if let Some(address) = &self.address {
            address.take_call(now);
        }
    }

    /// Takes the place of one more session. False if the address has too many.
    pub fn begin_session(&mut self) -> bool {
        let is_within = self.address.as_ref().is_none_or(|address| address.begin_session());
        if is_within {
            self.sessions += 1;
        } else {
            self.reached(Limit::Sessions);
        }
        is_within
    }

    /// Sets how many sessions the connection has: some end, and some are claimed from other connections.
    pub fn set_sessions(&mut self, count: usize) {
        if let Some(address) = self.address.as_ref().filter(|_| self.sessions != count) {
            address.change_sessions(self.sessions, count);
        }
        self.sessions = count;
    }

    /// The socket is gone: the next client of the address continues with what is left.
    pub fn disconnect(&mut self, now: Instant) {
        if let Some(address) = self.address.as_ref().filter(|_| !self.is_returned) {
            address.return_bucket(&self.requests, now);
        }
        self.is_returned = true;
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.set_sessions(0);
        self.disconnect(Instant::now());
    }
}
