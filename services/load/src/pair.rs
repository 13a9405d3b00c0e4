//! Two clients that call each other, told as a story: ring, accept, candidates, hold, hang up.
//!
//! One task has both, so that a time is taken between two events without a message in between. What goes
//! wrong with a call ends it for both sides; the pair then pauses, and goes on.

use crate::client::{Client, RESPONSE_TIMEOUT};
use crate::failed::CallError;
use crate::hearing::{Received, ServerEvent};
use crate::tally::{Stats, Step};
use crate::words::Request;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Janus closes PeerConnections up to a second after a `hangup`, and refuses calls until then.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long a pair lets the server come to rest after a call that went wrong.
const RECOVERY_PAUSE: Duration = Duration::from_millis(1_200);

/// What every call is like.
#[derive(Clone, Copy, Debug)]
pub struct CallProfile {
    /// How long it lasts once it is accepted.
    pub hold: Duration,
    /// How many candidates each side sends.
    pub candidates: u8,
}

/// One side of a pair.
pub struct Side {
    pub client: Client,
    pub name: String,
    /// The number of its first request in this call: what answers an earlier one is late.
    since: u64,
    /// Candidates that the server has not taken yet.
    unacked_candidates: usize,
    end: EndState,
}

/// What a side has heard of the end of a call.
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
    /// Whether the server tells when it has closed a PeerConnection. Janus does, janus-cloud does not.
    reports_close: bool,
}

impl Side {
    /// A client that has its name.
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

    fn apply(&mut self, heard: &Received) {
        match (&heard.event, heard.in_reply_to) {
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
    /// Of two who are registered.
    pub fn new(caller: Side, callee: Side, profile: CallProfile) -> Self {
        Self { caller, callee, profile, reports_close: true }
    }

    /// Listens to the server until something else is due. What it refuses meanwhile is of no call that counts.
    pub async fn idle_until<T>(&mut self, due: impl Future<Output = T>) -> Result<T, CallError> {
        let mut due = std::pin::pin!(due);
        loop {
            tokio::select! {
                biased;
                done = &mut due => return Ok(done),
                heard = self.recv() => if let Err(failed) = heard && failed.is_fatal() {
                    return Err(failed);
                },
            }
        }
    }

    /// One call from the first word to the last.
    pub async fn call(&mut self, tally: &Stats) -> Result<(), CallError> {
        for side in [&mut self.caller, &mut self.callee] {
            side.since = side.client.messages.next_number();
        }
        self.ring(tally).await?;
        self.accept(tally).await?;
        self.trickle().await?;
        self.hold().await?;
        self.hang_up(tally).await?;
        tally.count_call();
        self.wait_for_close().await
    }

    async fn ring(&mut self, tally: &Stats) -> Result<(), CallError> {
        let began = Instant::now();
        let call = self.caller.client.messages.call(&self.callee.name);
        self.caller.client.send([call]).await?;
        let rung = self
            .wait_for(Request::Call, |_, who, word| who == Role::Callee && *word == ServerEvent::IncomingCall)
            .await;
        match rung {
            Ok(()) => tally.record(Step::Ring, began.elapsed()),
            Err(CallError::Refused(..) | CallError::Busy) => tally.record(Step::Refusal, began.elapsed()),
            Err(_) => {}
        }
        rung
    }

    async fn accept(&mut self, tally: &Stats) -> Result<(), CallError> {
        let began = Instant::now();
        let accept = self.callee.client.messages.accept();
        self.callee.client.send([accept]).await?;
        self.wait_for(Request::Accept, |_, who, word| who == Role::Caller && *word == ServerEvent::Accepted)
            .await?;
        tally.record(Step::Accept, began.elapsed());
        Ok(())
    }

    /// A plain Janus refuses candidates that a `hangup` overtakes, so they are waited for.
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
                heard = self.recv() => { ensure_ongoing(&heard?.1)?; }
            }
        }
    }

    async fn hang_up(&mut self, tally: &Stats) -> Result<(), CallError> {
        let began = Instant::now();
        self.callee.end = EndState::default();
        self.caller.hang_up().await?;
        let both = |pair: &Self, _, _: &ServerEvent| pair.caller.end.hung_up && pair.callee.end.hung_up;
        let deadline = began + RESPONSE_TIMEOUT;
        let ended = tokio::time::timeout_at(deadline, self.recv_until(both)).await;
        ended.unwrap_or(Err(CallError::NoAnswer(Request::Hangup)))?;
        tally.record(Step::Hangup, began.elapsed());
        Ok(())
    }

    /// Waits until both may call again.
    async fn wait_for_close(&mut self) -> Result<(), CallError> {
        let both = |pair: &Self, _, _: &ServerEvent| pair.caller.end.closed && pair.callee.end.closed;
        if !self.reports_close || both(self, Role::Caller, &ServerEvent::Other) {
            return Ok(());
        }
        match timeout(CLOSE_TIMEOUT, self.recv_until(both)).await {
            Ok(heard) => heard,
            Err(_) => {
                self.reports_close = self.caller.end.closed || self.callee.end.closed;
                Ok(())
            }
        }
    }

    /// Ends whatever is left of a call that went wrong.
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

    /// Waits for what is to follow from a request, as long as the call is on.
    async fn wait_for(
        &mut self,
        ask: Request,
        wanted: impl Fn(&Self, Role, &ServerEvent) -> bool,
    ) -> Result<(), CallError> {
        let heard = async {
            loop {
                let (who, word) = self.recv().await?;
                if wanted(self, who, &word) {
                    return Ok(());
                }
                ensure_ongoing(&word)?;
            }
        };
        timeout(RESPONSE_TIMEOUT, heard).await.unwrap_or(Err(CallError::NoAnswer(ask)))
    }

    /// Waits until something is the case, whatever becomes of the call.
    async fn recv_until(
        &mut self,
        is_so: impl Fn(&Self, Role, &ServerEvent) -> bool,
    ) -> Result<(), CallError> {
        loop {
            let (who, word) = self.recv().await?;
            if is_so(self, who, &word) {
                return Ok(());
            }
        }
    }

    /// What either side hears next, but for answers that come too late to matter.
    async fn recv(&mut self) -> Result<(Role, ServerEvent), CallError> {
        loop {
            let (who, side, heard) = tokio::select! {
                heard = self.caller.client.recv() => (Role::Caller, &mut self.caller, heard?),
                heard = self.callee.client.recv() => (Role::Callee, &mut self.callee, heard?),
            };
            if heard.in_reply_to.is_some_and(|(_, number)| number < side.since) {
                continue;
            }
            side.apply(&heard);
            check_refusal(&heard)?;
            return Ok((who, heard.event));
        }
    }
}

/// What a refusal means for the call, or for both.
fn check_refusal(heard: &Received) -> Result<(), CallError> {
    match (&heard.event, heard.in_reply_to) {
        (ServerEvent::Refused(code), Some((ask, _))) => Err(CallError::Refused(ask, *code)),
        (ServerEvent::Ended(reason), Some((Request::Call, _))) if reason == "User busy" => {
            Err(CallError::Busy)
        }
        (ServerEvent::TimedOut, _) => Err(CallError::TimedOut),
        _ => Ok(()),
    }
}

/// Whether nobody but the pair itself ends its call. Janus' last words about the call before may come now.
fn ensure_ongoing(word: &ServerEvent) -> Result<(), CallError> {
    match word {
        ServerEvent::Ended(reason) | ServerEvent::Broken(reason) => {
            Err(CallError::EndedEarly(reason.clone()))
        }
        _ => Ok(()),
    }
}
