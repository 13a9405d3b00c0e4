//! The loop that serves one Janus server: reads the backend's mailbox and Janus' messages, lets [`Calls`]
//! decide, and carries out its actions.
//!
//! The loop starts with the calls of the former connector, which continue where Janus still has them.
//! When the link to Janus breaks, every call on it ends with both sides notified, and the link is opened
//! again. While the lease may have run out, nothing is decided: inputs are [`Deferred`]. If messages of
//! Janus had to be dropped, each leg is checked later. When the lease is lost, everything here stops at
//! once: another connector serves the backend.

use super::event_guard::EventGuard;
use super::finalizer::Finalizer;
use crate::calls::Calls;
use crate::calls::action::{Action, EndedCall};
use crate::janus::message::{FromJanus, JanusId};
use crate::janus::reconnect::{LinkEvent, ReconnectingLink};
use crate::lease::renew::{BackendReport, LeaseRenewer};
use crate::lease::state::{LeaseState, LeaseWatch};
use crate::metrics::{self, BackendGauges};
use crate::options::Server;
use crate::outbox::Outbox;
use crate::persist::writer::CallWriter;
use crate::probe::Probe;
use crate::undelivered::{DeliveryGuard, Loss, UndeliveredCalls};
use bus::ack_tracker::AckTracker;
use bus::message::{Body, Message};
use bus::{MailboxOffset, MailboxReader};
use common::time::sleep_until;
use common::{CallId, ErrorLog, SizeLimit, warn_failure};
use directory::record::{BackendStatus, FencingToken, OrphanedCall};
use service::canary::CanaryTask;
use service::{CancellationToken, Context};
use std::collections::VecDeque;
use tokio::time::Instant;

static DELIVERING: ErrorLog = ErrorLog::new("delivering events of calls");

/// How many mailbox messages may be unacknowledged. Above that the mailbox is not read.
const MAX_UNACKED: usize = 4096;
/// The bound of the messages of Janus that are deferred while the lease may have run out.
const DEFERRED_LIMIT: SizeLimit = SizeLimit { entries: 4096, bytes: 16 << 20 };

/// A backend being served.
pub struct Backend {
    pub(super) server: Server,
    pub(super) context: Context,
    pub(super) outbox: Outbox,
    pub(super) calls: Calls,
    pub(super) link: ReconnectingLink,
    pub(super) probe: Probe,
    pub(super) mailbox: BackendMailbox,
    pub(super) lease: HeldLease,
    pub(super) writer: CallWriter,
    pub(super) finalizer: Finalizer,
    pub(super) undelivered: UndeliveredCalls,
    pub(super) status: Status,
    /// The calls of the former connector, until it is known whether Janus can be reached. Until then the
    /// mailbox is not read.
    pub(super) recovered_calls: Option<Vec<OrphanedCall>>,
    pub(super) deferred: Deferred,
}

pub struct BackendMailbox {
    pub reader: MailboxReader,
    pub acks: AckTracker,
    /// None if canaries are disabled.
    pub canary: Option<CanaryTask>,
}

/// The lease of this backend, and the task that renews it.
pub struct HeldLease {
    pub renewer: LeaseRenewer,
    pub watch: LeaseWatch,
    pub token: FencingToken,
}

/// What operators and routers see of the backend.
pub struct Status {
    /// The link to Janus is up.
    pub is_up: bool,
    /// Why it is not.
    pub down_reason: String,
    pub report: BackendReport,
    pub link_log: ErrorLog,
    pub gauges: BackendGauges,
}

/// Why a backend is no longer served.
#[derive(Debug, PartialEq, Eq)]
pub enum StopReason {
    Requested,
    LeaseLost,
}

/// What the loop waits for.
enum Input {
    Stop,
    Lease(LeaseState),
    Link(LinkEvent),
    ProbeChanged,
    Message(Box<Message>),
    Acked(MailboxOffset),
    CallEnded(CallId),
    /// An event of the call is lost.
    Undelivered(CallId, Loss),
    TimerDue,
}

/// Inputs that came while the lease may have run out.
#[derive(Default)]
pub struct Deferred {
    inputs: VecDeque<Input>,
    /// Messages of Janus were dropped.
    overflowed: bool,
}

impl Deferred {
    /// Keeps an input for the time when the lease is valid again.
    fn push(&mut self, input: Input) {
        match &input {
            Input::TimerDue => return,
            // The calls on the lost link end, so its earlier messages are obsolete.
            Input::Link(LinkEvent::Down(_)) => {
                self.inputs.retain(|deferred| !matches!(deferred, Input::Link(_)));
            }
            Input::Link(LinkEvent::Message(message))
                if !DEFERRED_LIMIT.admits(self.inputs.len(), message.size()) =>
            {
                metrics::record_full(metrics::DEFERRED_INPUT);
                self.overflowed = true;
                return;
            }
            _ => {}
        }
        self.inputs.push_back(input);
    }

    /// Removes and returns all inputs, and whether messages of Janus were dropped.
    fn take(&mut self) -> (VecDeque<Input>, bool) {
        (std::mem::take(&mut self.inputs), std::mem::take(&mut self.overflowed))
    }
}

impl Backend {
    pub(super) async fn serve(mut self, stop: &CancellationToken) -> StopReason {
        loop {
            match self.next(stop).await {
                Input::Stop => break,
                Input::Lease(LeaseState::Lost) => return Box::pin(self.abandon()).await,
                Input::Lease(LeaseState::Held { token, .. }) => self.on_lease_renewed(token),
                Input::ProbeChanged => self.on_probe_changed(),
                input if self.lease.watch.is_valid() => self.on_input(input),
                input => self.deferred.push(input),
            }
        }
        // Boxed, so that the task does not hold the memory that its end needs.
        Box::pin(self.shutdown()).await;
        StopReason::Requested
    }

    /// Waits for the next input. Safe to cancel.
    async fn next(&mut self, stop: &CancellationToken) -> Input {
        let (due, is_valid) = (self.calls.next_timer(), self.lease.watch.is_valid());
        let has_room = self.mailbox.acks.unacked() < MAX_UNACKED;
        let may_read = is_valid && self.recovered_calls.is_none() && has_room;
        tokio::select! {
            biased;
            () = stop.cancelled() => Input::Stop,
            lease = self.lease.watch.changed() => Input::Lease(lease),
            event = self.link.next() => Input::Link(event),
            () = self.probe.changed() => Input::ProbeChanged,
            call = self.writer.next_ended(), if is_valid => Input::CallEnded(call),
            (call, loss) = self.undelivered.next(), if is_valid => Input::Undelivered(call, loss),
            offset = self.mailbox.acks.acked_through(), if is_valid => Input::Acked(offset),
            message = self.mailbox.reader.next(), if may_read => Input::Message(Box::new(message)),
            () = sleep_until(due), if is_valid => Input::TimerDue,
        }
    }

    fn on_input(&mut self, input: Input) {
        let now = Instant::now();
        let actions = match input {
            Input::Link(event) => return self.on_link(event),
            Input::Acked(offset) => return self.mailbox.reader.ack_through(offset),
            Input::Message(message) => return self.on_message(*message),
            Input::CallEnded(call) => self.calls.on_ended_elsewhere(call, now),
            Input::Undelivered(call, loss) => {
                warn_failure!(DELIVERING, %call, loss = loss.name(), "an event of a call is lost, ending the call");
                self.calls.on_undelivered(call, loss, now)
            }
            Input::TimerDue => self.calls.on_timer(now),
            Input::Stop | Input::Lease(_) | Input::ProbeChanged => return,
        };
        self.perform(actions);
    }

    fn on_message(&mut self, message: Message) {
        let BackendMailbox { reader, acks, canary } = &self.mailbox;
        let ack = reader.offset().map(|offset| acks.track(offset)).unwrap_or_default();
        if let Body::Canary(received) = &message.body {
            if let Some(canary) = canary {
                canary.received(received);
            }
            return;
        }
        let actions = message.span().in_scope(|| {
            tracing::debug!(backend = %self.server.name, "message read from the mailbox");
            self.calls.on_message(message, ack, Instant::now())
        });
        self.perform(actions);
    }

    /// The lease is valid. A new token means that the directory has lost the lease, and the calls with
    /// it.
    fn on_lease_renewed(&mut self, token: FencingToken) {
        if token != self.lease.token {
            tracing::warn!(backend = %self.server.name, "the directory lost its data, restoring all calls");
            self.lease.token = token;
            self.writer.enter_term(token);
            let actions = self.calls.enter_term(token.0);
            self.perform(actions);
        }
        let (inputs, overflowed) = self.deferred.take();
        for input in inputs {
            self.on_input(input);
        }
        if overflowed {
            let actions = self.calls.check_all_legs(Instant::now());
            self.perform(actions);
        }
    }

    fn on_link(&mut self, event: LinkEvent) {
        let (now, backend) = (Instant::now(), self.server.name.clone());
        match event {
            LinkEvent::Unreachable(reason) => {
                warn_failure!(self.status.link_log, %backend, %reason, "failed to connect to Janus, retrying");
                self.status.down_reason = reason;
                self.update_report();
                self.take_over(&[]);
            }
            LinkEvent::Up { session, claimed } => {
                tracing::info!(%backend, claimed = claimed.len(), "connected to Janus");
                self.calls.on_janus_up(session);
                self.take_over(&claimed);
                self.status.gauges.on_connected();
                self.status.is_up = true;
                self.update_report();
            }
            LinkEvent::Down(reason) => {
                warn_failure!(self.status.link_log, %backend, %reason, "lost the connection to Janus, ending its calls");
                self.status.gauges.on_disconnected();
                self.probe.on_link_lost(&reason);
                self.status.down_reason = reason;
                self.take_over(&[]);
                let actions = self.calls.on_janus_down("The media server is gone", now);
                self.status.is_up = false;
                self.perform(actions);
            }
            LinkEvent::Message(message) => {
                self.status.link_log.succeeded();
                let ends_session = matches!(message, FromJanus::SessionEnded(_));
                let actions = self.calls.on_janus(message, now);
                self.perform(actions);
                if !ends_session {
                    return;
                }
            }
        }
        self.writer.set_sessions(self.calls.sessions());
    }

    /// Takes over the calls of the former connector. Janus still has the claimed sessions.
    fn take_over(&mut self, claimed: &[JanusId]) {
        if let Some(orphaned) = self.recovered_calls.take() {
            let actions = self.calls.take_over(orphaned, claimed, Instant::now());
            self.perform(actions);
        }
    }

    pub(super) fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::SendToJanus(text) => {
                    if let Some(unsent) = self.link.send(text) {
                        let refused = self.calls.on_request_unsent(&unsent, Instant::now());
                        self.perform(refused);
                    }
                }
                Action::DestroySession(session) => {
                    self.link.destroy(session);
                    self.writer.set_sessions(self.calls.sessions());
                }
                Action::SendToEdge(edge, events) => {
                    let guard: Box<dyn DeliveryGuard> =
                        match events.call.map(|call| (call, self.writer.notify_guard(call))) {
                            Some((call, unsaved)) => {
                                Box::new(EventGuard::new(unsaved, call, &events, &self.undelivered))
                            }
                            None => Box::new(()),
                        };
                    self.outbox.send(edge, events, guard);
                }
                Action::ReplyToRest(rest, reply) => self.outbox.reply_to_rest(rest, reply, Box::new(())),
                Action::InviteProxy(invite, deadline) => self.outbox.invite_proxy(invite, deadline),
                Action::SaveCall(save) => self.writer.save(save),
                Action::RestoreCall(call, state) => self.writer.restore(call, state),
                Action::Log(record) => {
                    metrics::record_call_event(&record);
                    tracing::debug!(call = %record.call, event = ?record.event, "call changed");
                    self.outbox.log(record);
                }
                Action::ReportSetup(client, result) => {
                    metrics::record_setup(result);
                    self.probe.on_setup(client, result);
                }
                Action::EndCall(ended) => self.finalize(ended),
            }
        }
        self.update_report();
    }

    fn finalize(&self, mut ended: EndedCall) {
        ended.acks.extend(self.writer.remove(ended.call));
        self.finalizer.finalize(ended, self.lease.token);
    }

    fn on_probe_changed(&mut self) {
        self.calls.set_admission(self.probe.admission());
        self.update_report();
    }

    /// Announces the backend's state, if it has changed.
    fn update_report(&mut self) {
        let mut health = self.probe.health();
        let status = if self.status.is_up { self.probe.status() } else { BackendStatus::Abnormal };
        if !self.status.is_up {
            health.reason.clone_from(&self.status.down_reason);
        }
        let is_working = status != BackendStatus::Abnormal;
        let report =
            BackendReport { status, calls: self.calls.count(), probe_ms: self.probe.latency_ms(), health };
        if self.status.report != report {
            self.status.gauges.set(is_working, report.calls);
            self.status.report = report.clone();
            self.lease.renewer.report(report);
        }
    }
}
