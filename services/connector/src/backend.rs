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
use crate::calls::act::{Action, EndedCall};
use crate::conclude::Finalizer;
use crate::dial::{LinkEvent, ReconnectingLink, sleep_until};
use crate::herald::{BackendReport, LeaseRenewer};
use crate::janus::message::{FromJanus, JanusId};
use crate::janus::site::Endpoint;
use crate::numbers::{self, BackendGauges};
use crate::options::{CallPolicy, Server};
use crate::outbox::Outbox;
use crate::probe::Probe;
use crate::scribe::CallWriter;
use crate::standing::{LeaseState, LeaseWatch};
use bus::ack_tracker::AckTracker;
use bus::message::{Body, Message};
use bus::{MailboxOffset, MailboxReader};
use common::CallId;
use directory::record::{BackendStatus, FencingToken, OrphanedCall};
use service::canary::CanaryTask;
use service::options::CanaryOptions;
use service::{CancellationToken, Context};
use std::collections::VecDeque;
use tokio::time::Instant;

/// How many messages may be under way; then the mailbox is not read.
const MAX_UNACKED: usize = 4096;
/// How much of what Janus says is held while the lease is not sure.
const MAX_DEFERRED: usize = 4096;

/// A backend that is to be served.
pub struct LeasedBackend {
    /// Which.
    pub server: Server,
    /// The way to its Janus.
    pub endpoint: Endpoint,
    /// For its calls.
    pub policy: CallPolicy,
    /// For its mailbox.
    pub canary: CanaryOptions,
    /// The token of the lease on it.
    pub token: FencingToken,
    /// The end of that lease, if nobody renews it.
    pub expires_at: Instant,
}

/// A backend being served.
pub struct Backend {
    server: Server,
    context: Context,
    outbox: Outbox,
    calls: Calls,
    janus: ReconnectingLink,
    probe: Probe,
    mailbox: MailboxReader,
    canary: Option<CanaryTask>,
    acks: AckTracker,
    writer: CallWriter,
    finalizer: Finalizer,
    renewer: LeaseRenewer,
    lease: LeaseWatch,
    token: FencingToken,
    report: BackendReport,
    /// Whether Janus is there.
    is_up: bool,
    /// What a former connector left, until it is known whether Janus is there; until then the mailbox
    /// waits.
    recovered_calls: Option<Vec<OrphanedCall>>,
    /// What came while the lease was not sure.
    deferred: VecDeque<Input>,
    /// Janus said more than that.
    deferred_overflow: bool,
    /// What operators see of it.
    gauges: BackendGauges,
}

/// Why serving a backend ended.
#[derive(Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was asked to.
    Requested,
    /// The lease went to somebody else.
    LeaseLost,
}

/// What comes next.
enum Input {
    Stop,
    Lease(LeaseState),
    Link(LinkEvent),
    ProbeChanged,
    Message(Box<Message>),
    Acked(MailboxOffset),
    CallEnded(CallId),
    TimerDue,
}

/// What the lease on a backend is called.
pub fn lease_name(server: &Server) -> String {
    format!("backend:{}", server.name)
}

impl Backend {
    async fn serve(mut self, stop: &CancellationToken) -> StopReason {
        loop {
            match self.next(stop).await {
                Input::Stop => break,
                Input::Lease(LeaseState::Lost) => return self.abandon().await,
                Input::Lease(LeaseState::Held { token, .. }) => self.on_lease_renewed(token),
                Input::ProbeChanged => self.update_report(),
                input if self.lease.is_valid() => self.on_input(input),
                input => self.defer(input),
            }
        }
        self.shutdown().await;
        StopReason::Requested
    }

    /// What comes next. Safe to cancel.
    async fn next(&mut self, stop: &CancellationToken) -> Input {
        let (due, is_sure) = (self.calls.next_timer(), self.lease.is_valid());
        let reads = is_sure && self.recovered_calls.is_none() && self.acks.unacked() < MAX_UNACKED;
        tokio::select! {
            biased;
            () = stop.cancelled() => Input::Stop,
            lease = self.lease.changed() => Input::Lease(lease),
            event = self.janus.next() => Input::Link(event),
            () = self.probe.changed() => Input::ProbeChanged,
            call = self.writer.next_ended(), if is_sure => Input::CallEnded(call),
            mark = self.acks.acked_through(), if is_sure => Input::Acked(mark),
            message = self.mailbox.next(), if reads => Input::Message(Box::new(message)),
            () = sleep_until(due), if is_sure => Input::TimerDue,
        }
    }

    fn on_input(&mut self, input: Input) {
        let now = Instant::now();
        let acts = match input {
            Input::Link(event) => return self.on_link(event),
            Input::Acked(mark) => return self.mailbox.ack_through(mark),
            Input::Message(message) => {
                let receipt = self.mailbox.offset().map(|mark| self.acks.track(mark)).unwrap_or_default();
                match (&message.body, &self.canary) {
                    (Body::Canary(canary), Some(task)) => return task.received(canary),
                    (Body::Canary(_), None) => return,
                    _ => message.span().in_scope(|| {
                        tracing::debug!(backend = %self.server.name, "a message is taken");
                        self.calls.on_message(*message, receipt, now)
                    }),
                }
            }
            Input::CallEnded(call) => self.calls.on_ended_elsewhere(call, now),
            Input::TimerDue => self.calls.on_timer(now),
            Input::Stop | Input::Lease(_) | Input::ProbeChanged => return,
        };
        self.perform(acts);
    }

    /// Keeps what came for when the lease is sure again.
    fn defer(&mut self, input: Input) {
        let is_said = |input: &Input| matches!(input, Input::Link(LinkEvent::Message(_)));
        match &input {
            Input::TimerDue => return,
            // Nothing that Janus had said before matters any more.
            Input::Link(LinkEvent::Down(_)) => self.deferred.retain(|held| !matches!(held, Input::Link(_))),
            said if is_said(said) && self.deferred.len() >= MAX_DEFERRED => {
                numbers::record_full(numbers::DEFERRED_INPUT);
                self.deferred_overflow = true;
                return;
            }
            _ => {}
        }
        self.deferred.push_back(input);
    }

    /// The lease is ours again, or still.
    fn on_lease_renewed(&mut self, token: FencingToken) {
        if token != self.token {
            tracing::warn!(backend = %self.server.name, "the directory gets back what is known of calls");
            self.token = token;
            self.writer.enter_term(token);
            let acts = self.calls.enter_term(token.0);
            self.perform(acts);
        }
        for held in std::mem::take(&mut self.deferred) {
            self.on_input(held);
        }
        if std::mem::take(&mut self.deferred_overflow) {
            let acts = self.calls.check_all_legs(Instant::now());
            self.perform(acts);
        }
    }

    fn on_link(&mut self, event: LinkEvent) {
        let now = Instant::now();
        match event {
            LinkEvent::Unreachable(reason) => {
                match &self.recovered_calls {
                    Some(_) => {
                        tracing::warn!(backend = %self.server.name, %reason, "Janus cannot be reached")
                    }
                    // It was said when it went, or at the first try.
                    None => tracing::debug!(backend = %self.server.name, %reason, "still no Janus"),
                }
                self.take_over(&[]);
            }
            LinkEvent::Up { session, claimed: kept } => {
                tracing::info!(backend = %self.server.name, kept = kept.len(), "Janus is there");
                self.calls.on_janus_up(session);
                self.take_over(&kept);
                self.gauges.on_connected();
                self.is_up = true;
                self.update_report();
            }
            LinkEvent::Down(reason) => {
                tracing::warn!(backend = %self.server.name, %reason, "Janus is gone");
                self.gauges.on_disconnected();
                self.take_over(&[]);
                let acts = self.calls.on_janus_down("The media server is gone", now);
                self.is_up = false;
                self.perform(acts);
            }
            LinkEvent::Message(message) => {
                let ends_session = matches!(message, FromJanus::SessionEnded(_));
                let acts = self.calls.on_janus(message, now);
                self.perform(acts);
                if !ends_session {
                    return;
                }
            }
        }
        self.writer.set_sessions(self.calls.sessions());
    }

    /// Goes on with what a former connector left, in those of its sessions that Janus still has.
    fn take_over(&mut self, kept: &[JanusId]) {
        if let Some(left) = self.recovered_calls.take() {
            let acts = self.calls.take_over(left, kept, Instant::now());
            self.perform(acts);
        }
    }

    fn perform(&mut self, acts: Vec<Action>) {
        for act in acts {
            match act {
                Action::SendToJanus(text) => self.janus.send(text),
                Action::DestroySession(session) => {
                    self.janus.destroy(session);
                    self.writer.set_sessions(self.calls.sessions());
                }
                Action::SendToEdge(edge, events) => {
                    let telling = events.call.map(|call| self.writer.notify_guard(call));
                    self.outbox.send(edge, events, Box::new(telling));
                }
                Action::ReplyToRest(rest, answer) => self.outbox.reply_to_rest(rest, answer, Box::new(())),
                Action::InviteProxy(ask, deadline) => self.outbox.invite_proxy(ask, deadline),
                Action::SaveCall(save) => self.writer.save(save),
                Action::RestoreCall(call, state) => self.writer.restore(call, state),
                Action::Log(record) => {
                    numbers::record_call_event(&record);
                    tracing::debug!(call = %record.call, event = ?record.event, "a call goes on");
                    self.outbox.log(record);
                }
                Action::JanusTimeout => self.probe.on_unanswered_call(),
                Action::EndCall(ended) => self.finalize(ended),
            }
        }
        self.update_report();
    }

    fn finalize(&self, mut ended: EndedCall) {
        ended.acks.extend(self.writer.remove(ended.call));
        self.finalizer.finalize(ended, self.token);
    }

    fn update_report(&mut self) {
        let works = self.is_up && self.probe.is_healthy();
        let status = if works { BackendStatus::Normal } else { BackendStatus::Abnormal };
        let state = BackendReport { status, calls: self.calls.count(), probe_ms: self.probe.latency_ms() };
        if std::mem::replace(&mut self.report, state) != state {
            self.renewer.report(state);
            self.gauges.set(works, state.calls);
        }
    }
}
