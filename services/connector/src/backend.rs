//! One Janus server, while this connector has its lease: reads the backend's mailbox, listens to
//! Janus, lets [`Calls`] decide, and does what was decided.
//!
//! When Janus goes, every call on it ends and both sides are told; it is dialled again with a
//! growing pause. When the lease goes, everything here stops at once: another connector has it.

use crate::calls::Calls;
use crate::calls::act::{Act, Ended};
use crate::calls::closing::{self, Cause};
use crate::dial::{Dial, FromLink};
use crate::options::Server;
use crate::outbox::Outbox;
use bus::MailboxReader;
use bus::message::{CallEvent, CallRecord, Change, Events, Notice};
use bus::topic::Mailbox;
use directory::record::{self, BackendStatus, CallParty};
use protocol::{CallId, ServiceId, Side};
use service::{CancellationToken, Context};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, Interval};

/// How often the lease is renewed and the backend announced.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How long a lease holds without being renewed.
pub const LEASE_LIFE: Duration = Duration::from_secs(4);
/// How long an announcement holds.
const ANNOUNCE_LIFE: Duration = Duration::from_secs(10);
/// How long a call that has ended waits for the directory before its clients are told anyway.
const FREE_PATIENCE: Duration = Duration::from_secs(3);

/// A backend being served.
pub struct Backend {
    server: Server,
    context: Context,
    outbox: Outbox,
    calls: Calls,
    janus: Dial,
    mailbox: MailboxReader,
    status: BackendStatus,
}

/// Why serving a backend ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// The lease went to somebody else, or could not be renewed.
    LeaseLost,
}

/// What the lease on a backend is called.
pub fn lease_name(server: &Server) -> String {
    format!("backend:{}", server.name)
}

impl Backend {
    /// Takes over the backend's mailbox.
    ///
    /// # Errors
    /// When the bus is not there.
    pub async fn open(server: Server, context: Context, outbox: Outbox) -> Result<Self, bus::SendError> {
        let mailbox = context.bus.open(Mailbox::Backend(server.name.clone())).await?;
        let calls = Calls::new(server.name.clone());
        let janus = Dial::new(server.url.clone());
        Ok(Self { server, context, outbox, calls, janus, mailbox, status: BackendStatus::Abnormal })
    }

    /// Serves it until `stop`, or until the lease is lost.
    pub async fn serve(mut self, stop: &CancellationToken) -> Stopped {
        self.end_strangers().await;
        let mut renew = tokio::time::interval(RENEW_EVERY);
        let mut leased_until = Instant::now() + LEASE_LIFE;
        loop {
            let due = self.calls.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(leased_until) => return self.abandon(),
                _ = renew.tick() => match self.renew(&mut renew).await {
                    Some(true) => leased_until = Instant::now() + LEASE_LIFE,
                    Some(false) => return self.abandon(),
                    None => {}
                },
                event = self.janus.next() => self.on_link(event).await,
                message = self.mailbox.next() => {
                    let acts = self.calls.on_message(message, Instant::now());
                    self.perform(acts).await;
                    self.mailbox.done();
                }
                () = sleep_until(due) => {
                    let acts = self.calls.on_time(Instant::now());
                    self.perform(acts).await;
                }
            }
        }
        self.finish().await;
        Stopped::Asked
    }

    async fn on_link(&mut self, event: FromLink) {
        match event {
            FromLink::Up(session) => {
                tracing::info!(backend = %self.server.name, "Janus is there");
                self.calls.up(session);
                self.announce(BackendStatus::Normal).await;
            }
            FromLink::Down(reason) => {
                tracing::warn!(backend = %self.server.name, %reason, "Janus is gone");
                metrics::counter!("switchboard_connector_janus_losses_total").increment(1);
                let acts = self.calls.down("The media server is gone", Instant::now());
                self.announce(BackendStatus::Abnormal).await;
                self.perform(acts).await;
            }
            FromLink::Message(message) => {
                let acts = self.calls.on_janus(message, Instant::now());
                self.perform(acts).await;
            }
        }
    }

    async fn perform(&mut self, acts: Vec<Act>) {
        let mut todo = VecDeque::from(acts);
        while let Some(act) = todo.pop_front() {
            match act {
                Act::Janus(text) => self.janus.send(text),
                Act::Edge(edge, events) => self.outbox.send(edge, events).await,
                Act::Log(record) => self.log(record),
                Act::End(ended) => {
                    tokio::spawn(conclude(self.context.clone(), self.outbox.clone(), ended));
                }
            }
        }
    }

    fn log(&self, record: CallRecord) {
        let bus = self.context.bus.clone();
        tokio::spawn(async move { log(&bus, &record).await });
    }

    /// Whether the lease is still ours; `None` when that could not be found out.
    async fn renew(&mut self, ticks: &mut Interval) -> Option<bool> {
        metrics::gauge!("switchboard_connector_calls", "backend" => self.server.name.to_string())
            .set(self.calls.count() as f64);
        let name = lease_name(&self.server);
        let renewed = self.context.directory.lease(&name, &self.context.id, LEASE_LIFE).await;
        ticks.reset();
        match renewed {
            Ok(Some(_)) => {
                self.announce(self.status).await;
                Some(true)
            }
            Ok(None) => Some(false),
            Err(error) => {
                tracing::warn!(%error, backend = %self.server.name, "the lease could not be renewed");
                None
            }
        }
    }

    async fn announce(&mut self, status: BackendStatus) {
        let changed = std::mem::replace(&mut self.status, status) != status;
        let backend = record::Backend {
            name: self.server.name.clone(),
            url: self.server.url.clone(),
            status,
            handles: 2 * self.calls.count() as u64,
        };
        if let Err(error) = self.context.directory.announce_backend(&backend, ANNOUNCE_LIFE).await {
            tracing::warn!(%error, backend = %backend.name, "the backend could not be announced");
        }
        if changed {
            let _ = self.context.bus.publish(&Notice::BackendChanged(backend.name)).await;
        }
    }

    /// Calls that a former connector left are over: nobody listened to Janus meanwhile.
    async fn end_strangers(&mut self) {
        match self.context.directory.calls_on(&self.server.name).await {
            Ok(calls) => {
                for call in calls {
                    self.calls.has_ended(call, Instant::now());
                    end_stranger(&self.context, &self.outbox, call).await;
                }
            }
            Err(error) => tracing::warn!(%error, "calls left by a former connector could not be looked up"),
        }
    }

    fn abandon(self) -> Stopped {
        tracing::warn!(backend = %self.server.name, "the lease is lost");
        Stopped::LeaseLost
    }

    /// Ends everything and leaves the backend to others.
    async fn finish(mut self) {
        let acts = self.calls.down("The media server is being taken out of service", Instant::now());
        for act in acts {
            if let Act::End(ended) = act {
                conclude(self.context.clone(), self.outbox.clone(), ended).await;
            }
        }
        self.janus.close().await;
        let name = &self.server.name;
        if let Err(error) = self.context.directory.remove_backend(name).await {
            tracing::warn!(%error, backend = %name, "the backend could not be taken back");
        }
        let _ = self.context.bus.publish(&Notice::BackendChanged(name.clone())).await;
        let _ = self.context.directory.release_lease(&lease_name(&self.server), &self.context.id).await;
    }
}

/// Frees a call's handles, then tells its clients; writes the log.
async fn conclude(context: Context, outbox: Outbox, ended: Ended) {
    let Ended { call, tell, log: record } = ended;
    let until = Instant::now() + FREE_PATIENCE;
    while let Err(error) = context.directory.free_call(call).await {
        if Instant::now() > until {
            tracing::error!(%error, %call, "the handles of an ended call could not be freed");
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (edge, events) in tell {
        outbox.send(edge, events).await;
    }
    if let Some(record) = record {
        metrics::counter!("switchboard_calls_ended_total").increment(1);
        log(&context.bus, &record).await;
    }
}

async fn end_stranger(context: &Context, outbox: &Outbox, id: CallId) {
    let call = match context.directory.free_call(id).await {
        Ok(Some(call)) => call,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, call = %id, "a call left behind could not be freed"),
    };
    tracing::warn!(call = %id, "ending a call that a former connector left");
    let cause = Cause::Backend("The connection to the media server was lost".to_owned());
    for side in [Side::Caller, Side::Callee] {
        let (edge, events) = stranger_events(&call, side, &cause);
        outbox.send(edge, events).await;
    }
    log(&context.bus, &stranger_record(&call, &cause)).await;
}

fn stranger_events(call: &record::Call, side: Side, cause: &Cause) -> (ServiceId, Events) {
    let CallParty { username: own, owner } = call.party(side);
    let events = closing::events(cause, side, own, &call.party(side.peer()).username);
    let (session, handle) = (owner.handle.session, owner.handle.handle);
    let change = Some(Change::Left);
    (owner.edge.clone(), Events { session, handle, call: Some(call.id), answers: None, change, events })
}

fn stranger_record(call: &record::Call, cause: &Cause) -> CallRecord {
    CallRecord {
        call: call.id,
        event: CallEvent::Ended,
        caller: call.caller.username.clone(),
        callee: call.callee.username.clone(),
        backend: call.backend.clone(),
        reason: Some(cause.reason()),
        duration_ms: None,
    }
}

async fn log(bus: &bus::Bus, record: &CallRecord) {
    if let Err(error) = bus.log_call(record).await {
        tracing::warn!(%error, call = %record.call, "a line of the calls log is lost");
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
