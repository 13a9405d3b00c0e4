//! Starts to serve a backend. The lease is renewed from the first moment, while the mailbox is opened
//! and the state of the former connector is read.

use super::finalizer::Finalizer;
use super::input::Deferred;
use super::run::{Backend, BackendMailbox, HeldLease, Status, StopReason};
use crate::calls::{Calls, CallsConfig};
use crate::janus::reconnect::ReconnectingLink;
use crate::lease::leased::{LeasedBackend, release_lease};
use crate::lease::renew::{BackendReport, LeaseRenewer};
use crate::metrics::BackendGauges;
use crate::options::Server;
use crate::outbox::Outbox;
use crate::persist::recovery::RecoveredState;
use crate::persist::writer::CallWriter;
use crate::probe::Probe;
use bus::MailboxReader;
use bus::ack_tracker::AckTracker;
use bus::topic::Mailbox;
use common::BackendName;
use service::canary::{CanaryTarget, CanaryTask};
use service::{Canary, CancellationToken, Context};
use std::time::Duration;
use tokio::time::{Instant, sleep};

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
            Ok(mailbox) => break mailbox,
            Err(error) => {
                tracing::warn!(%error, backend = %server.name, "failed to open the backend's mailbox, retrying");
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
            status: Status {
                is_up: false,
                report: BackendReport::default(),
                gauges: BackendGauges::new(name),
            },
            recovered_calls: Some(recovered.calls),
            deferred: Deferred::default(),
            server,
            context,
            outbox,
        }
    }
}
