//! How a connector starts and stops to serve a backend.
//!
//! The lease is renewed from the first moment, while the mailbox is opened and the state of the former
//! connector is read. At the end the backend is handed over to the next connector, retired, or dropped
//! because its lease is lost.

use super::finalizer::Finalizer;
use super::run::{Backend, BackendMailbox, Deferred, HeldLease, Status, StopReason};
use crate::calls::{Calls, CallsConfig};
use crate::janus::reconnect::ReconnectingLink;
use crate::lease::renew::{BackendReport, LeaseRenewer};
use crate::lease::state::{LeasedBackend, release_lease};
use crate::metrics::BackendGauges;
use crate::options::Server;
use crate::outbox::Outbox;
use crate::persist::recovery::RecoveredState;
use crate::persist::writer::CallWriter;
use crate::probe::Probe;
use crate::undelivered::UndeliveredCalls;
use bus::MailboxReader;
use bus::ack_tracker::AckTracker;
use bus::message::Notice;
use bus::topic::Mailbox;
use common::{BackendName, ErrorLog, warn_failure};
use futures_util::FutureExt;
use service::canary::{CanaryTarget, CanaryTask};
use service::{Canary, CancellationToken, Context};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

static OPENING: ErrorLog = ErrorLog::new("opening the mailboxes of backends");

/// The pause before the mailbox is opened again after a failure.
const OPEN_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Serves a backend until `stop`, or until its lease is lost.
pub async fn serve(
    leased: LeasedBackend,
    context: Context,
    outbox: Outbox,
    stop: &CancellationToken,
) -> StopReason {
    let renewer = LeaseRenewer::start(&leased, context.clone());
    let mut lease = renewer.watch();
    let (mailbox, recovered) = tokio::select! {
        biased;
        () = stop.cancelled() => {
            renewer.stop().await;
            release_lease(&context, &leased.server).await;
            return StopReason::Requested;
        }
        () = lease.until_lost() => {
            renewer.stop().await;
            return StopReason::LeaseLost;
        }
        opened = open_and_recover(&context, &leased.server) => opened,
    };
    Backend::new(leased, context, outbox, renewer, mailbox, recovered).serve(stop).await
}

async fn open_and_recover(context: &Context, server: &Server) -> (MailboxReader, RecoveredState) {
    let mailbox = loop {
        match context.bus.open(Mailbox::Backend(server.name.clone())).await {
            Ok(mailbox) => {
                OPENING.succeeded();
                break mailbox;
            }
            Err(error) => {
                warn_failure!(OPENING, %error, backend = %server.name, "failed to open the backend's mailbox, retrying");
            }
        }
        sleep(OPEN_RETRY_DELAY).await;
    };
    (mailbox, RecoveredState::read(&context.directory, &server.name).await)
}

/// Watches the backend's mailbox by canaries, which the connector sends to itself.
fn mailbox_canary(context: &Context, backend: &BackendName, interval: Duration) -> CanaryTask {
    let target = CanaryTarget::Mailbox(Mailbox::Backend(backend.clone()));
    Canary::spawn(context, &format!("backend:{backend}"), target, interval)
}

impl Backend {
    fn new(
        leased: LeasedBackend,
        context: Context,
        outbox: Outbox,
        renewer: LeaseRenewer,
        reader: MailboxReader,
        recovered: RecoveredState,
    ) -> Self {
        let LeasedBackend { server, endpoint, policy, canary, token, .. } = leased;
        let (name, directory) = (&server.name, &context.directory);
        let canary = canary.interval().map(|interval| mailbox_canary(&context, name, interval));
        let watch = renewer.watch();
        let config = CallsConfig {
            backend: name.clone(),
            url: server.url.clone(),
            policy,
            credentials: endpoint.credentials.clone(),
        };
        Self {
            calls: Calls::new(config, token.0, Instant::now()),
            probe: Probe::start(name.clone(), endpoint.clone()),
            link: ReconnectingLink::new(endpoint, watch.clone(), recovered.sessions),
            mailbox: BackendMailbox { reader, acks: AckTracker::default(), canary },
            lease: HeldLease { renewer, watch, token },
            writer: CallWriter::start(directory.clone(), name.clone(), context.id.clone(), token),
            finalizer: Finalizer::new(directory.clone(), outbox.clone()),
            undelivered: UndeliveredCalls::default(),
            status: Status {
                is_up: false,
                down_reason: String::new(),
                report: BackendReport::default(),
                link_log: ErrorLog::of(format!("the connection to Janus {name}")),
                gauges: BackendGauges::new(name),
            },
            recovered_calls: Some(recovered.calls),
            deferred: Deferred::default(),
            server,
            context,
            outbox,
        }
    }

    pub(super) async fn shutdown(self) {
        // A server whose address has gone is retired: no connector will serve it.
        let connector_stops = self.context.shutdown.is_cancelled();
        let hands_over = self.context.shutdown_policy.hand_over && connector_stops;
        if hands_over && self.recovered_calls.is_none() {
            self.hand_over().await;
        } else {
            self.retire().await;
        }
    }

    /// Stops without notifying clients: another connector has the lease.
    pub(super) async fn abandon(self) -> StopReason {
        tracing::warn!(backend = %self.server.name, "another connector has the lease, no longer serving the backend");
        tokio::join!(self.lease.renewer.stop(), self.link.abandon(), self.probe.stop());
        StopReason::LeaseLost
    }

    /// Leaves calls and sessions to the next connector. The backend stays announced. Half of the
    /// shutdown timeout is for saving state, the rest for Janus and the outbox.
    async fn hand_over(mut self) {
        let saved = async {
            self.finalizer.wait_idle().await;
            self.writer.flushed().await;
        };
        if timeout(self.context.shutdown_policy.timeout / 2, saved).await.is_err() {
            tracing::warn!(backend = %self.server.name, "failed to save all calls before the deadline, handing over anyway");
        }
        while let Some(offset) = self.mailbox.acks.acked_through().now_or_never() {
            self.mailbox.reader.ack_through(offset);
        }
        tokio::join!(self.link.disconnect(), self.probe.stop());
        self.lease.renewer.stop().await;
        release_lease(&self.context, &self.server).await;
    }

    /// Ends all calls and removes the backend from the directory.
    async fn retire(mut self) {
        let name = self.server.name.clone();
        let actions =
            self.calls.on_janus_down("The media server is being taken out of service", Instant::now());
        self.perform(actions);
        if timeout(self.context.shutdown_policy.timeout / 2, self.finalizer.wait_idle()).await.is_err() {
            tracing::warn!(backend = %name, "failed to end all calls before the deadline, stopping anyway");
        }
        self.lease.renewer.stop().await;
        tokio::join!(self.link.close(), self.probe.stop());
        if let Err(error) = self.context.directory.remove_backend(&name).await {
            tracing::warn!(%error, backend = %name, "failed to remove the backend from the directory, its record will expire");
        }
        release_lease(&self.context, &self.server).await;
        let _ = self.context.bus.publish(&Notice::BackendChanged(name)).await;
    }
}
