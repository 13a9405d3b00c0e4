//! A pair of clients and their calls: ring, accept, trickle, hold, hang up.
//!
//! One task runs both clients, so that the time between two events is measured without passing messages. An error ends the
//! call for both sides; the pair pauses, and continues.

use crate::client::{Client, RESPONSE_TIMEOUT};
use crate::error::CallError;
use crate::messages::Request;
use crate::parse::{Received, ServerEvent};
use crate::stats::{Stats, Step};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The time for Janus to close the PeerConnections after a `hangup`. It takes up to a second, and refuses calls until
/// then.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// The pause after a failed call.
const RECOVERY_PAUSE: Duration = Duration::from_millis(1_200);

/// The parameters of every call.
#[derive(Clone, Copy, Debug)]
pub struct CallProfile {
    /// The time from `accepted` to `hangup`.
    pub hold: Duration,
    /// Candidates that each side sends.
    pub candidates: u8,
}

/// One side of a pair.
pub struct Side {
    pub client: Client,
    pub name: String,
    /// The number of its first request in this call. Replies to earlier requests are ignored.
    since: u64,
    /// Candidates that the server has not acknowledged.
    unacked_candidates: usize,
    end: EndState,
}

/// The events of the end of a call that a side has received.
#[derive(Clone, Copy, Default)]
struct EndState {
    hung_up: bool,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Caller,
    Callee,
}

/// A caller and a callee.
pub struct Pair {
    caller: Side,
    callee: Side,
    profile: CallProfile,
    /// Whether the server reports a closed PeerConnection. Janus does, janus-cloud does not.
    reports_close: bool,
}

impl Side {
    /// A registered client.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name, since: 0, unacked_candidates: 0, end: EndState::default() }
    }

    async fn hang_up(&mut self) -> Result<(), CallError> {
        self.end = EndState::default();
        let hangup = self.client.messages.hangup();
        self.client.send([hangup]).await
    }

    async fn trickle(&mut self, count: u8) -> Result<(), CallError> {
        let candidates = self.client.messages.candidates(count);
        self.unacked_candidates = candidates.len();
        self.client.send(candidates).await
    }

    fn apply(&mut self, received: &Received) {
        match (&received.event, received.in_reply_to) {
            (ServerEvent::HungUp | ServerEvent::Ended(_), _) => self.end.hung_up = true,
            (ServerEvent::Closed, _) => self.end.closed = true,
            (ServerEvent::Ack, Some((Request::Trickle, _))) => {
                self.unacked_candidates = self.unacked_candidates.saturating_sub(1)
            }
            _ => {}
        }
    }
}

impl Pair {
    pub fn new(caller: Side, callee: Side, profile: CallProfile) -> Self {
        Self { caller, callee, profile, reports_close: true }
    }

    /// Receives until `due` completes. Refusals in this time belong to an earlier call.
    pub async fn idle_until<T>(&mut self, due: impl Future<Output = T>) -> Result<T, CallError> {
        let mut due = std::pin::pin!(due);
        loop {
            tokio::select! {
                biased;
                done = &mut due => return Ok(done),
                received = self.recv() => if let Err(error) = received && error.is_fatal() {
                    return Err(error);
                },
            }
        }
    }

    /// Makes one call, from `call` to the closed PeerConnections.
    pub async fn call(&mut self, stats: &Stats) -> Result<(), CallError> {
        for side in [&mut self.caller, &mut self.callee] {
            side.since = side.client.messages.next_number();
        }
        self.ring(stats).await?;
        self.accept(stats).await?;
        self.trickle().await?;
        self.hold().await?;
        self.hang_up(stats).await?;
        stats.count_call();
        self.wait_for_close().await
    }

    async fn ring(&mut self, stats: &Stats) -> Result<(), CallError> {
        let begun = Instant::now();
        let call = self.caller.client.messages.call(&self.callee.name);
        self.caller.client.send([call]).await?;
        let rung = self
            .wait_for(Request::Call, |_, role, event| {
                role == Role::Callee && *event == ServerEvent::IncomingCall
            })
            .await;
        match rung {
            Ok(()) => stats.record(Step::Ring, begun.elapsed()),
            Err(CallError::Refused(..) | CallError::Busy) => stats.record(Step::Refusal, begun.elapsed()),
            Err(_) => {}
        }
        rung
    }

    async fn accept(&mut self, stats: &Stats) -> Result<(), CallError> {
        let begun = Instant::now();
        let accept = self.callee.client.messages.accept();
        self.callee.client.send([accept]).await?;
        self.wait_for(Request::Accept, |_, role, event| {
            role == Role::Caller && *event == ServerEvent::Accepted
        })
        .await?;
        stats.record(Step::Accept, begun.elapsed());
        Ok(())
    }

    /// Sends the candidates and waits for their acks, because a plain Janus refuses candidates that arrive after `hangup`.
    async fn trickle(&mut self) -> Result<(), CallError> {
        if self.profile.candidates == 0 {
            return Ok(());
        }
        self.caller.trickle(self.profile.candidates).await?;
        self.callee.trickle(self.profile.candidates).await?;
        let all = |pair: &Self, _, _: &ServerEvent| {
            pair.caller.unacked_candidates + pair.callee.unacked_candidates == 0
        };
        self.wait_for(Request::Trickle, all).await
    }

    async fn hold(&mut self) -> Result<(), CallError> {
        if self.profile.hold.is_zero() {
            return Ok(());
        }
        let mut over = std::pin::pin!(sleep(self.profile.hold));
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                received = self.recv() => { ensure_ongoing(&received?.1)?; }
            }
        }
    }

    async fn hang_up(&mut self, stats: &Stats) -> Result<(), CallError> {
        let begun = Instant::now();
        self.callee.end = EndState::default();
        self.caller.hang_up().await?;
        let both = |pair: &Self, _, _: &ServerEvent| pair.caller.end.hung_up && pair.callee.end.hung_up;
        let deadline = begun + RESPONSE_TIMEOUT;
        let ended = tokio::time::timeout_at(deadline, self.recv_until(both)).await;
        ended.unwrap_or(Err(CallError::NoAnswer(Request::Hangup)))?;
        stats.record(Step::Hangup, begun.elapsed());
        Ok(())
    }

    /// Waits until the server accepts another call.
    async fn wait_for_close(&mut self) -> Result<(), CallError> {
        let both = |pair: &Self, _, _: &ServerEvent| pair.caller.end.closed && pair.callee.end.closed;
        if !self.reports_close || both(self, Role::Caller, &ServerEvent::Other) {
            return Ok(());
        }
        match timeout(CLOSE_TIMEOUT, self.recv_until(both)).await {
            Ok(closed) => closed,
            Err(_) => {
                self.reports_close = self.caller.end.closed || self.callee.end.closed;
                Ok(())
            }
        }
    }

    /// Hangs up after a failed call, and pauses.
    pub async fn recover(&mut self) -> Result<(), CallError> {
        self.caller.hang_up().await?;
        self.callee.hang_up().await?;
        self.idle_until(sleep(RECOVERY_PAUSE)).await
    }

    /// Ends both sessions.
    pub async fn leave(mut self) {
        self.caller.client.leave().await;
        self.callee.client.leave().await;
    }

    /// Waits for the event that follows from a request, while the call is ongoing.
    async fn wait_for(
        &mut self,
        request: Request,
        wanted: impl Fn(&Self, Role, &ServerEvent) -> bool,
    ) -> Result<(), CallError> {
        let received = async {
            loop {
                let (role, event) = self.recv().await?;
                if wanted(self, role, &event) {
                    return Ok(());
                }
                ensure_ongoing(&event)?;
            }
        };
        timeout(RESPONSE_TIMEOUT, received).await.unwrap_or(Err(CallError::NoAnswer(request)))
    }

    /// Receives until the condition holds, whether or not the call ends.
    async fn recv_until(
        &mut self,
        condition: impl Fn(&Self, Role, &ServerEvent) -> bool,
    ) -> Result<(), CallError> {
        loop {
            let (role, event) = self.recv().await?;
            if condition(self, role, &event) {
                return Ok(());
            }
        }
    }

    /// Receives the next message of either side, except replies to requests of earlier calls.
    async fn recv(&mut self) -> Result<(Role, ServerEvent), CallError> {
        loop {
            let (role, side, received) = tokio::select! {
                received = self.caller.client.recv() => (Role::Caller, &mut self.caller, received?),
                received = self.callee.client.recv() => (Role::Callee, &mut self.callee, received?),
            };
            if received.in_reply_to.is_some_and(|(_, number)| number < side.since) {
                continue;
            }
            side.apply(&received);
            check_refusal(&received)?;
            return Ok((role, received.event));
        }
    }
}

/// The error of a message that refuses a request.
fn check_refusal(received: &Received) -> Result<(), CallError> {
    match (&received.event, received.in_reply_to) {
        (ServerEvent::Refused(code), Some((request, _))) => Err(CallError::Refused(request, *code)),
        (ServerEvent::Ended(reason), Some((Request::Call, _))) if reason == "User busy" => {
            Err(CallError::Busy)
        }
        (ServerEvent::TimedOut, _) => Err(CallError::TimedOut),
        _ => Ok(()),
    }
}

/// Returns an error if the server has ended the call. Late events of the previous call may still arrive.
fn ensure_ongoing(event: &ServerEvent) -> Result<(), CallError> {
    match event {
        ServerEvent::Ended(reason) | ServerEvent::Broken(reason) => {
            Err(CallError::EndedEarly(reason.clone()))
        }
        _ => Ok(()),
    }
}
