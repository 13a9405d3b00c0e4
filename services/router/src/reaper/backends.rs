//! Backends that nobody serves: their connector died, and none took over. Once that has lasted so
//! long that Janus has given up what it kept for a connector, the calls are over.
//!
//! Each router notes which backends are announced, whether it reaps or not. One that was not running
//! then does not know of the calls; they end when a client hangs up.

use crate::verbs::{Failure, end};
use protocol::BackendName;
use service::Context;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a backend may be without a connector before its calls are over.
pub const UNSERVED: Duration = Duration::from_secs(60);

/// When each backend was last announced.
#[derive(Default)]
pub struct Backends {
    announced: BTreeMap<BackendName, Instant>,
}

impl Backends {
    /// Notes who is announced now.
    pub async fn note_announced(&mut self, context: &Context) -> Result<(), Failure> {
        for backend in context.directory.backends().await? {
            self.announced.insert(backend.name, Instant::now());
        }
        Ok(())
    }

    /// Ends the calls of those that have not been announced for too long.
    pub async fn look(&mut self, context: &Context) -> Result<(), Failure> {
        let is_gone = |(_, seen): &(&BackendName, &Instant)| seen.elapsed() >= UNSERVED;
        let gone: Vec<_> = self.announced.iter().filter(is_gone).map(|(name, _)| name.clone()).collect();
        for name in gone {
            let calls = context.directory.calls_on(&name).await?;
            if !calls.is_empty() {
                tracing::warn!(backend = %name, calls = calls.len(), "ending the calls of a backend that nobody serves");
            }
            for call in calls {
                end::unserved(context, call).await?;
            }
            self.announced.remove(&name);
        }
        Ok(())
    }
}
