//! How a connector begins with a backend: the lease is kept from the first moment on; then the mailbox
//! is opened, and what a former connector left is read.

use super::{Backend, Stopped, Tenure, parting};
use crate::calls::Calls;
use crate::conclude::Endings;
use crate::dial::Dial;
use crate::echo::Echo;
use crate::estate::Estate;
use crate::herald::{Herald, State};
use crate::numbers::Seen;
use crate::options::Server;
use crate::outbox::Outbox;
use crate::probe::Probe;
use crate::scribe::Scribe;
use bus::MailboxReader;
use bus::ledger::Ledger;
use bus::topic::Mailbox;
use directory::record::BackendStatus;
use service::{CancellationToken, Context};
use std::collections::VecDeque;
use std::time::Duration;

/// The pause before a bus that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves a backend until `stop`, or until the lease on it is lost.
pub async fn serve(tenure: Tenure, context: Context, outbox: Outbox, stop: &CancellationToken) -> Stopped {
    let herald = Herald::start(&tenure, context.clone());
    let mut standing = herald.standing();
    let opening = open(&context, &tenure.server);
    let (mailbox, estate) = tokio::select! {
        biased;
        () = stop.cancelled() => {
            herald.stop().await;
            parting::release(&context, &tenure.server).await;
            return Stopped::Asked;
        }
        () = standing.lost() => {
            herald.stop().await;
            return Stopped::LeaseLost;
        }
        opened = opening => opened,
    };
    Backend::new(tenure, context, outbox, herald, mailbox, estate).serve(stop).await
}

/// The backend's mailbox, and what a former connector left.
async fn open(context: &Context, server: &Server) -> (MailboxReader, Estate) {
    let mailbox = loop {
        match context.bus.open(Mailbox::Backend(server.name.clone())).await {
            Ok(mailbox) => break mailbox,
            Err(error) => {
                tracing::warn!(%error, backend = %server.name, "the backend's mailbox cannot be opened yet");
            }
        }
        tokio::time::sleep(PAUSE).await;
    };
    (mailbox, Estate::read(&context.directory, &server.name).await)
}

impl Backend {
    fn new(
        tenure: Tenure,
        context: Context,
        outbox: Outbox,
        herald: Herald,
        mailbox: MailboxReader,
        estate: Estate,
    ) -> Self {
        let Tenure { server, site, rules, canary, token, .. } = tenure;
        let Context { directory, id, .. } = &context;
        let calls = Calls::new(server.name.clone())
            .at(server.url.clone())
            .under(rules)
            .showing(site.credentials.clone());
        let standing = herald.standing();
        Self {
            calls: calls.in_term(token.0),
            probe: Probe::start(server.name.clone(), site.clone()),
            janus: Dial::new(site, standing.clone(), estate.sessions),
            mailbox,
            echo: canary.every().map(|every| Echo::start(&context, &server.name, every)),
            ledger: Ledger::default(),
            scribe: Scribe::start(directory.clone(), server.name.clone(), id.clone(), token),
            endings: Endings::new(directory.clone(), outbox.clone()),
            herald,
            standing,
            token,
            state: State { status: BackendStatus::Abnormal, calls: 0, probe_ms: None },
            is_up: false,
            left: Some(estate.calls),
            held: VecDeque::new(),
            missed: false,
            seen: Seen::new(&server.name),
            server,
            context,
            outbox,
        }
    }
}
