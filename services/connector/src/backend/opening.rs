//! How a connector begins with a backend: the lease is kept from the first moment on; then the mailbox
//! is opened, and what a former connector left is read.

use super::{Backend, LeasedBackend, StopReason, parting};
use crate::calls::Calls;
use crate::conclude::Finalizer;
use crate::dial::ReconnectingLink;
use crate::estate::RecoveredState;
use crate::herald::{BackendReport, LeaseRenewer};
use crate::numbers::BackendGauges;
use crate::options::Server;
use crate::outbox::Outbox;
use crate::probe::Probe;
use crate::scribe::CallWriter;
use bus::MailboxReader;
use bus::ack_tracker::AckTracker;
use bus::topic::Mailbox;
use common::BackendName;
use directory::record::BackendStatus;
use service::canary::{CanaryTarget, CanaryTask};
use service::{Canary, CancellationToken, Context};
use std::collections::VecDeque;
use std::time::Duration;

/// The pause before a bus that does not answer is asked again.
const OPEN_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Serves a backend until `stop`, or until the lease on it is lost.
pub async fn serve(
    tenure: LeasedBackend,
    context: Context,
    outbox: Outbox,
    stop: &CancellationToken,
) -> StopReason {
    let herald = LeaseRenewer::start(&tenure, context.clone());
    let mut standing = herald.watch();
    let opening = open_and_recover(&context, &tenure.server);
    let (mailbox, estate) = tokio::select! {
        biased;
        () = stop.cancelled() => {
            herald.stop().await;
            parting::release_lease(&context, &tenure.server).await;
            return StopReason::Requested;
        }
        () = standing.until_lost() => {
            herald.stop().await;
            return StopReason::LeaseLost;
        }
        opened = opening => opened,
    };
    Backend::new(tenure, context, outbox, herald, mailbox, estate).serve(stop).await
}

/// The backend's mailbox, and what a former connector left.
async fn open_and_recover(context: &Context, server: &Server) -> (MailboxReader, RecoveredState) {
    let mailbox = loop {
        match context.bus.open(Mailbox::Backend(server.name.clone())).await {
            Ok(mailbox) => break mailbox,
            Err(error) => {
                tracing::warn!(%error, backend = %server.name, "the backend's mailbox cannot be opened yet");
            }
        }
        tokio::time::sleep(OPEN_RETRY_DELAY).await;
    };
    (mailbox, RecoveredState::read(&context.directory, &server.name).await)
}

/// Watches the backend's mailbox, through which the connector sends canaries to itself.
fn mailbox_canary(context: &Context, backend: &BackendName, interval: Duration) -> CanaryTask {
    let target = CanaryTarget::Mailbox(Mailbox::Backend(backend.clone()));
    Canary::spawn(context, &format!("backend:{backend}"), target, interval)
}

impl Backend {
    fn new(
        tenure: LeasedBackend,
        context: Context,
        outbox: Outbox,
        renewer: LeaseRenewer,
        mailbox: MailboxReader,
        estate: RecoveredState,
    ) -> Self {
        let LeasedBackend { server, endpoint: site, policy: rules, canary, token, .. } = tenure;
        let Context { directory, id, .. } = &context;
        let calls = Calls::new(server.name.clone())
            .at(server.url.clone())
            .under(rules)
            .showing(site.credentials.clone());
        let lease = renewer.watch();
        Self {
            calls: calls.in_term(token.0),
            probe: Probe::start(server.name.clone(), site.clone()),
            janus: ReconnectingLink::new(site, lease.clone(), estate.sessions),
            mailbox,
            canary: canary.interval().map(|interval| mailbox_canary(&context, &server.name, interval)),
            acks: AckTracker::default(),
            writer: CallWriter::start(directory.clone(), server.name.clone(), id.clone(), token),
            finalizer: Finalizer::new(directory.clone(), outbox.clone()),
            renewer,
            lease,
            token,
            report: BackendReport { status: BackendStatus::Abnormal, calls: 0, probe_ms: None },
            is_up: false,
            recovered_calls: Some(estate.calls),
            deferred: VecDeque::new(),
            deferred_overflow: false,
            gauges: BackendGauges::new(&server.name),
            server,
            context,
            outbox,
        }
    }
}
