//! The servers of one source, each served until it has disappeared from the source; and the servers that
//! are configured with `--backend`.

use crate::lease::acquire::LeaseAcquirer;
use crate::options::{BackendSettings, Server};
use common::sync::Mutex;
use service::CancellationToken;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How often a source is looked up.
pub const LOOKUP_INTERVAL: Duration = Duration::from_secs(3);
/// How many lookups in a row a server may be missing from.
const MAX_MISSES: u32 = 3;

/// The servers that are named with `--backend`, directly or by a host name. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ConfiguredBackends(Arc<Mutex<BTreeSet<Server>>>);

impl ConfiguredBackends {
    pub fn add(&self, server: &Server) {
        self.0.lock().insert(server.clone());
    }

    pub fn remove(&self, server: &Server) {
        self.0.lock().remove(server);
    }

    pub fn with_servers<T>(&self, read: impl FnOnce(&BTreeSet<Server>) -> T) -> T {
        read(&self.0.lock())
    }
}

/// The servers of one source. Each is served until it is missing from [`MAX_MISSES`] lookups in a row.
pub struct FollowedServers {
    followed: BTreeMap<Server, Followed>,
    served: TaskTracker,
    acquirer: LeaseAcquirer,
    shutdown: CancellationToken,
}

struct Followed {
    stop: CancellationToken,
    misses: u32,
}

impl FollowedServers {
    pub fn new(acquirer: LeaseAcquirer, shutdown: CancellationToken) -> Self {
        Self { followed: BTreeMap::new(), served: TaskTracker::new(), acquirer, shutdown }
    }

    /// Serves this server, unless it is served already. Returns whether it is new.
    pub fn found(&mut self, server: &Server, settings: impl FnOnce() -> BackendSettings) -> bool {
        if let Some(followed) = self.followed.get_mut(server) {
            followed.misses = 0;
            return false;
        }
        let stop = self.shutdown.child_token();
        let serving = self.acquirer.clone().serve_when_leased(server.clone(), settings(), stop.clone());
        self.served.spawn(serving);
        self.followed.insert(server.clone(), Followed { stop, misses: 0 });
        true
    }

    /// Counts a miss for each server that is not in this lookup. Stops and returns the servers that are
    /// missing for too long, except those that `must_stay`.
    pub fn remove_missing(
        &mut self,
        found: &BTreeSet<Server>,
        must_stay: impl Fn(&Server) -> bool,
    ) -> Vec<Server> {
        for (server, followed) in &mut self.followed {
            if !found.contains(server) {
                followed.misses = followed.misses.saturating_add(1);
            }
        }
        let is_gone =
            |server: &Server, followed: &mut Followed| followed.misses >= MAX_MISSES && !must_stay(server);
        let gone: Vec<_> = self.followed.extract_if(.., is_gone).collect();
        gone.into_iter()
            .map(|(server, followed)| {
                followed.stop.cancel();
                server
            })
            .collect()
    }

    /// Waits until no server is served any more.
    pub async fn wait(self) {
        self.served.close();
        self.served.wait().await;
    }
}
