//! One Janus server, while this connector has its lease: reads the backend's mailbox, listens to
//! Janus, lets [`Calls`] decide, and does what was decided.
//!
//! It begins with what a former connector left: the calls go on where Janus still has them. When
//! Janus goes, every call on it ends and both sides are told; it is dialled again with a growing
//! pause. While it is not sure that the lease is still ours, nothing is decided: what Janus says
//! meanwhile is held, at most [`MAX_HELD`] messages; past that it is lost, and later each leg is asked
//! what it missed. When the lease is lost, everything here stops at once: another connector has it.

mod opening;
mod parting;

pub use opening::serve;

use crate::calls::Calls;
use crate::calls::act::{Act, Ended};
use crate::conclude::Endings;
use crate::dial::{Dial, FromLink, sleep_until};
use crate::echo::Echo;
use crate::herald::{Herald, State};
use crate::janus::message::{FromJanus, JanusId};
use crate::janus::site::Site;
use crate::numbers::{self, Seen};
use crate::options::{Rules, Server};
use crate::outbox::Outbox;
use crate::probe::Probe;
use crate::scribe::Scribe;
use crate::standing::{Lease, Standing};
use bus::ledger::Ledger;
use bus::message::{Body, Message};
use bus::{MailboxReader, Mark};
use directory::record::{BackendStatus, LeftCall, Token};
use protocol::CallId;
use service::options::CanaryOptions;
use service::{CancellationToken, Context};
use std::collections::VecDeque;
use tokio::time::Instant;

/// How many messages may be under way; then the mailbox is not read.
const UNDER_WAY: usize = 4096;
/// How much of what Janus says is held while the lease is not sure.
const MAX_HELD: usize = 4096;

/// A backend that is to be served.
pub struct Tenure {
    /// Which.
    pub server: Server,
    /// The way to its Janus.
    pub site: Site,
    /// For its calls.
    pub rules: Rules,
    /// For its mailbox.
    pub canary: CanaryOptions,
    /// The token of the lease on it.
    pub token: Token,
    /// The end of that lease, if nobody renews it.
    pub until: Instant,
}

/// A backend being served.
pub struct Backend {
    server: Server,
    context: Context,
    outbox: Outbox,
    calls: Calls,
    janus: Dial,
    probe: Probe,
    mailbox: MailboxReader,
    echo: Option<Echo>,
    ledger: Ledger,
    scribe: Scribe,
    endings: Endings,
    herald: Herald,
    standing: Standing,
    token: Token,
    state: State,
    /// Whether Janus is there.
    is_up: bool,
    /// What a former connector left, until it is known whether Janus is there; until then the mailbox
    /// waits.
    left: Option<Vec<LeftCall>>,
    /// What came while the lease was not sure.
    held: VecDeque<Input>,
    /// Janus said more than that.
    missed: bool,
    /// What operators see of it.
    seen: Seen,
}

/// Why serving a backend ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// The lease went to somebody else.
    LeaseLost,
}

/// What comes next.
enum Input {
    Stop,
    Lease(Lease),
    Link(FromLink),
    Verdict,
    Message(Box<Message>),
    Done(Mark),
    Over(CallId),
    Due,
}

/// What the lease on a backend is called.
pub fn lease_name(server: &Server) -> String {
    format!("backend:{}", server.name)
}

impl Backend {
    async fn serve(mut self, stop: &CancellationToken) -> Stopped {
        loop {
            match self.next(stop).await {
                Input::Stop => break,
                Input::Lease(Lease::Lost) => return self.abandon().await,
                Input::Lease(Lease::Held { token, .. }) => self.on_renewed(token),
                Input::Verdict => self.announce(),
                input if self.standing.is_sure() => self.on_input(input),
                input => self.hold(input),
            }
        }
        self.part().await;
        Stopped::Asked
    }

    /// What comes next. Safe to cancel.
    async fn next(&mut self, stop: &CancellationToken) -> Input {
        let (due, is_sure) = (self.calls.due(), self.standing.is_sure());
        let reads = is_sure && self.left.is_none() && self.ledger.open() < UNDER_WAY;
        tokio::select! {
            biased;
            () = stop.cancelled() => Input::Stop,
            lease = self.standing.changed() => Input::Lease(lease),
            event = self.janus.next() => Input::Link(event),
            () = self.probe.changed() => Input::Verdict,
            call = self.scribe.over(), if is_sure => Input::Over(call),
            mark = self.ledger.done(), if is_sure => Input::Done(mark),
            message = self.mailbox.next(), if reads => Input::Message(Box::new(message)),
            () = sleep_until(due), if is_sure => Input::Due,
        }
    }

    fn on_input(&mut self, input: Input) {
        let now = Instant::now();
        let acts = match input {
            Input::Link(event) => return self.on_link(event),
            Input::Done(mark) => return self.mailbox.done_until(mark),
            Input::Message(message) => {
                let receipt = self.mailbox.mark().map(|mark| self.ledger.enter(mark)).unwrap_or_default();
                match (&message.body, &self.echo) {
                    (Body::Canary(canary), Some(echo)) => return echo.heard(canary),
                    (Body::Canary(_), None) => return,
                    _ => message.span().in_scope(|| {
                        tracing::debug!(backend = %self.server.name, "a message is taken");
                        self.calls.on_message(*message, receipt, now)
                    }),
                }
            }
            Input::Over(call) => self.calls.on_over(call, now),
            Input::Due => self.calls.on_time(now),
            Input::Stop | Input::Lease(_) | Input::Verdict => return,
        };
        self.perform(acts);
    }

    /// Keeps what came for when the lease is sure again.
    fn hold(&mut self, input: Input) {
        let is_said = |input: &Input| matches!(input, Input::Link(FromLink::Message(_)));
        match &input {
            Input::Due => return,
            // Nothing that Janus had said before matters any more.
            Input::Link(FromLink::Down(_)) => self.held.retain(|held| !matches!(held, Input::Link(_))),
            said if is_said(said) && self.held.len() >= MAX_HELD => {
                numbers::full(numbers::HELD);
                self.missed = true;
                return;
            }
            _ => {}
        }
        self.held.push_back(input);
    }

    /// The lease is ours again, or still.
    fn on_renewed(&mut self, token: Token) {
        if token != self.token {
            tracing::warn!(backend = %self.server.name, "the directory gets back what is known of calls");
            self.token = token;
            self.scribe.enter_term(token);
            let acts = self.calls.enter_term(token.0);
            self.perform(acts);
        }
        for held in std::mem::take(&mut self.held) {
            self.on_input(held);
        }
        if std::mem::take(&mut self.missed) {
            let acts = self.calls.check_all(Instant::now());
            self.perform(acts);
        }
    }

    fn on_link(&mut self, event: FromLink) {
        let now = Instant::now();
        match event {
            FromLink::Unreachable(reason) => {
                match &self.left {
                    Some(_) => {
                        tracing::warn!(backend = %self.server.name, %reason, "Janus cannot be reached")
                    }
                    // It was said when it went, or at the first try.
                    None => tracing::debug!(backend = %self.server.name, %reason, "still no Janus"),
                }
                self.take_over(&[]);
            }
            FromLink::Up { session, kept } => {
                tracing::info!(backend = %self.server.name, kept = kept.len(), "Janus is there");
                self.calls.up(session);
                self.take_over(&kept);
                self.seen.found();
                self.is_up = true;
                self.announce();
            }
            FromLink::Down(reason) => {
                tracing::warn!(backend = %self.server.name, %reason, "Janus is gone");
                self.seen.lost();
                self.take_over(&[]);
                let acts = self.calls.down("The media server is gone", now);
                self.is_up = false;
                self.perform(acts);
            }
            FromLink::Message(message) => {
                let ends_session = matches!(message, FromJanus::Over(_));
                let acts = self.calls.on_janus(message, now);
                self.perform(acts);
                if !ends_session {
                    return;
                }
            }
        }
        self.scribe.note(self.calls.sessions());
    }

    /// Goes on with what a former connector left, in those of its sessions that Janus still has.
    fn take_over(&mut self, kept: &[JanusId]) {
        if let Some(left) = self.left.take() {
            let acts = self.calls.take_over(left, kept, Instant::now());
            self.perform(acts);
        }
    }

    fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Janus(text) => self.janus.send(text),
                Act::Destroy(session) => {
                    self.janus.destroy(session);
                    self.scribe.note(self.calls.sessions());
                }
                Act::Edge(edge, events) => {
                    let telling = events.call.map(|call| self.scribe.telling(call));
                    self.outbox.send(edge, events, Box::new(telling));
                }
                Act::Answer(rest, answer) => self.outbox.answer(rest, answer, Box::new(())),
                Act::Ask(ask, deadline) => self.outbox.ask(ask, deadline),
                Act::Save(save) => self.scribe.save(save),
                Act::Restore(call, state) => self.scribe.restore(call, state),
                Act::Log(record) => {
                    numbers::of_line(&record);
                    tracing::debug!(call = %record.call, event = ?record.event, "a call goes on");
                    self.outbox.log(record);
                }
                Act::Unanswered => self.probe.call_unanswered(),
                Act::End(ended) => self.conclude(ended),
            }
        }
        self.announce();
    }

    fn conclude(&self, mut ended: Ended) {
        ended.receipts.extend(self.scribe.forget(ended.call));
        self.endings.conclude(ended, self.token);
    }

    fn announce(&mut self) {
        let works = self.is_up && self.probe.is_good();
        let status = if works { BackendStatus::Normal } else { BackendStatus::Abnormal };
        let state = State { status, calls: self.calls.count(), probe_ms: self.probe.took() };
        if std::mem::replace(&mut self.state, state) != state {
            self.herald.announce(state);
            self.seen.stands(works, state.calls);
        }
    }
}
