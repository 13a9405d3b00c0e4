//! One Janus server, while this connector has its lease: reads the backend's mailbox, listens to
//! Janus, lets [`Calls`] decide, and does what was decided.
//!
//! When Janus goes, every call on it ends and both sides are told; it is dialled again with a
//! growing pause. While it is not sure that the lease is still ours, the mailbox is left alone; when
//! the lease is lost, everything here stops at once: another connector has it.

use crate::calls::Calls;
use crate::calls::act::Act;
use crate::conclude::{conclude, end_strangers};
use crate::dial::{Dial, FromLink};
use crate::herald::{Herald, State};
use crate::janus::site::Site;
use crate::options::{Rules, Server};
use crate::outbox::Outbox;
use bus::MailboxReader;
use bus::message::Notice;
use bus::topic::Mailbox;
use directory::record::{BackendStatus, Token};
use service::{CancellationToken, Context};
use tokio::time::Instant;

/// A backend that is to be served.
pub struct Tenure {
    /// Which.
    pub server: Server,
    /// The way to its Janus.
    pub site: Site,
    /// For its calls.
    pub rules: Rules,
    /// The lease on it.
    pub token: Token,
}

/// A backend being served.
pub struct Backend {
    server: Server,
    context: Context,
    outbox: Outbox,
    calls: Calls,
    janus: Dial,
    mailbox: MailboxReader,
    herald: Herald,
    state: State,
    /// Whether it is known if Janus is there: until then the mailbox waits.
    dialled: bool,
}

/// Why serving a backend ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// The lease went to somebody else.
    LeaseLost,
}

/// What the lease on a backend is called.
pub fn lease_name(server: &Server) -> String {
    format!("backend:{}", server.name)
}

impl Backend {
    /// Takes over the backend's mailbox; the lease must be ours.
    ///
    /// # Errors
    /// When the bus is not there.
    pub async fn open(tenure: Tenure, context: Context, outbox: Outbox) -> Result<Self, bus::SendError> {
        let Tenure { server, site, rules, token } = tenure;
        let mailbox = context.bus.open(Mailbox::Backend(server.name.clone())).await?;
        let calls = Calls::new(server.name.clone()).under(rules).showing(site.credentials.clone());
        let calls = calls.in_term(token.0);
        let janus = Dial::new(site);
        let herald = Herald::start(server.clone(), context.clone());
        let state = State { status: BackendStatus::Abnormal, calls: 0 };
        Ok(Self { server, context, outbox, calls, janus, mailbox, herald, state, dialled: false })
    }

    /// Serves it until `stop`, or until the lease is lost.
    pub async fn serve(mut self, stop: &CancellationToken) -> Stopped {
        for call in end_strangers(&self.context, &self.outbox, &self.server.name).await {
            self.calls.has_ended(call, Instant::now());
        }
        loop {
            let due = self.calls.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                held = self.herald.changed() => if !held { return self.abandon().await },
                event = self.janus.next() => self.on_link(event).await,
                message = self.mailbox.next(), if self.dialled && self.herald.is_sure() => {
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
        self.dialled = true;
        match event {
            FromLink::Unreachable(reason) => {
                tracing::debug!(backend = %self.server.name, %reason, "Janus cannot be reached");
            }
            FromLink::Up(session) => {
                tracing::info!(backend = %self.server.name, "Janus is there");
                self.calls.up(session);
                self.announce(BackendStatus::Normal);
            }
            FromLink::Down(reason) => {
                tracing::warn!(backend = %self.server.name, %reason, "Janus is gone");
                metrics::counter!("switchboard_connector_janus_losses_total").increment(1);
                let acts = self.calls.down("The media server is gone", Instant::now());
                self.announce(BackendStatus::Abnormal);
                self.perform(acts).await;
            }
            FromLink::Message(message) => {
                let acts = self.calls.on_janus(message, Instant::now());
                self.perform(acts).await;
            }
        }
    }

    async fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Janus(text) => self.janus.send(text),
                Act::Edge(edge, events) => self.outbox.send(edge, events),
                Act::Log(record) => self.outbox.log(record),
                Act::End(ended) => {
                    tokio::spawn(conclude(self.context.clone(), self.outbox.clone(), ended));
                }
            }
        }
        self.announce(self.state.status);
    }

    fn announce(&mut self, status: BackendStatus) {
        let state = State { status, calls: self.calls.count() };
        if std::mem::replace(&mut self.state, state) != state {
            self.herald.announce(state);
            let name = self.server.name.to_string();
            metrics::gauge!("switchboard_connector_calls", "backend" => name).set(state.calls as f64);
        }
    }

    async fn abandon(self) -> Stopped {
        tracing::warn!(backend = %self.server.name, "another connector serves the backend now");
        self.herald.stop().await;
        Stopped::LeaseLost
    }

    /// Ends everything and leaves the backend to others.
    async fn finish(mut self) {
        let name = self.server.name.clone();
        self.herald.stop().await;
        for act in self.calls.down("The media server is being taken out of service", Instant::now()) {
            if let Act::End(ended) = act {
                conclude(self.context.clone(), self.outbox.clone(), ended).await;
            }
        }
        self.janus.close().await;
        if let Err(error) = self.context.directory.remove_backend(&name).await {
            tracing::warn!(%error, backend = %name, "the backend could not be taken back");
        }
        let lease = lease_name(&self.server);
        if let Err(error) = self.context.directory.release_lease(&lease, &self.context.id).await {
            tracing::warn!(%error, backend = %name, "the lease could not be given back");
        }
        let _ = self.context.bus.publish(&Notice::BackendChanged(name)).await;
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
