//! The Janus servers that others have written into the directory: sentinels, operators, janus-cloud's
//! proxies. They are looked up again every few seconds and served like those named with `--backend`; what
//! this connector announces of them stands beside their records, which are not ours.
//!
//! Of several records of one URL the first by name is served, and none of a URL that `--backend` has. How
//! it fails: while the directory cannot be asked all stays as it is; a server whose record is gone gets
//! no new calls, and is let go after its last one.

use crate::keeper::LeaseAcquirer;
use crate::options::{Options, Server};
use common::BackendName;
use directory::record::DiscoveredBackend;
use service::{CancellationToken, Context};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;

const LOOKUP_INTERVAL: Duration = Duration::from_secs(3);
/// A record must be missing so often in a row before its server is let go.
const MAX_MISSES: u32 = 3;
/// No more servers are served that others have written down.
const MAX_DISCOVERED: usize = 1_000;
/// The longest name of a backend, in characters.
const MAX_BACKEND_NAME: usize = 64;

/// The servers that this connector was told of itself; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ConfiguredBackends(Arc<Mutex<BTreeSet<Server>>>);

impl ConfiguredBackends {
    /// One more.
    pub fn add(&self, server: &Server) {
        self.with_servers(|own| own.insert(server.clone()));
    }

    /// One less.
    pub fn remove(&self, server: &Server) {
        self.with_servers(|own| own.remove(server));
    }

    fn with_servers<T>(&self, look: impl FnOnce(&mut BTreeSet<Server>) -> T) -> T {
        // A panic while it is held would be a bug elsewhere; the set is good all the same.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves them, as they come and go.
pub async fn follow_directory(
    options: Options,
    own: ConfiguredBackends,
    keeper: LeaseAcquirer,
    context: Context,
) {
    let mut followed: BTreeMap<Server, (CancellationToken, u32)> = BTreeMap::new();
    let served = TaskTracker::new();
    let mut ticks = interval(LOOKUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = async || {
        ticks.tick().await;
        look_up(&context, &own).await
    };
    while let Some(looked) = context.shutdown.run_until_cancelled(look()).await {
        let Some((servers, busy)) = looked else { continue };
        for (server, (_, misses)) in &mut followed {
            *misses = if servers.contains(server) { 0 } else { misses.saturating_add(1) };
        }
        for server in servers {
            followed.entry(server.clone()).or_insert_with(|| {
                tracing::info!(backend = %server.name, url = server.url, "a backend is found");
                let (terms, stop) =
                    (options.backend_settings(server.name.as_str()), context.shutdown.child_token());
                served.spawn(keeper.clone().serve_when_leased(server, terms, stop.clone()));
                (stop, 0)
            });
        }
        followed.retain(|server, (stop, misses)| {
            let stays = *misses < MAX_MISSES || busy.contains(&server.name);
            if !stays {
                tracing::info!(backend = %server.name, "a backend that was found is gone");
                stop.cancel();
            }
            stays
        });
    }
    served.close();
    served.wait().await;
}

/// The servers that are to be served, and the backends that have calls; none when nobody can say.
async fn look_up(
    context: &Context,
    own: &ConfiguredBackends,
) -> Option<(BTreeSet<Server>, BTreeSet<BackendName>)> {
    let (found, backends) =
        tokio::join!(context.directory.discovered_backends(), context.directory.backends());
    match (found, backends) {
        (Ok(found), Ok(backends)) => {
            let busy = backends.into_iter().filter(|backend| backend.handles > 0);
            Some((own.with_servers(|own| select(found, own)), busy.map(|backend| backend.name).collect()))
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, "the backends that others know cannot be looked up");
            None
        }
    }
}

fn select(found: Vec<DiscoveredBackend>, own: &BTreeSet<Server>) -> BTreeSet<Server> {
    let mut urls: BTreeSet<String> = own.iter().map(|server| normalized(&server.url)).collect();
    let names: BTreeSet<&BackendName> = own.iter().map(|server| &server.name).collect();
    let servable = found.into_iter().filter(|it| is_servable(it) && !names.contains(&it.name));
    let new = servable.filter(|it| urls.insert(normalized(&it.url)));
    new.map(|it| Server { name: it.name, url: it.url, is_discovered: true }).take(MAX_DISCOVERED).collect()
}

/// Whether its name does for keys and logs, and we speak its protocol.
fn is_servable(found: &DiscoveredBackend) -> bool {
    let name = found.name.as_str();
    let fits = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_');
    let is_named = (1..=MAX_BACKEND_NAME).contains(&name.chars().count()) && name.chars().all(fits);
    is_named && found.url.len() > "ws://".len() && found.url.starts_with("ws://")
}

fn normalized(url: &str) -> String {
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    url.strip_suffix(":80").unwrap_or(&url).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use directory::record::BackendStatus;

    fn found(name: &str, url: &str) -> DiscoveredBackend {
        let (location, isp) = (String::new(), String::new());
        DiscoveredBackend {
            name: BackendName::from(name),
            url: url.to_owned(),
            status: BackendStatus::Normal,
            session_timeout: 0,
            location,
            isp,
            session_num: 0,
            handle_num: 0,
            expire: 0,
            start_time: 0.0,
            utime: 0.0,
            ctime: 0.0,
        }
    }

    fn names(records: &[(&str, &str)], own: &[(&str, &str)]) -> Vec<String> {
        let server = |&(name, url): &(&str, &str)| Server {
            name: BackendName::from(name),
            url: url.to_owned(),
            is_discovered: false,
        };
        let records = records.iter().map(|&(name, url)| found(name, url)).collect();
        let own = own.iter().map(server).collect();
        select(records, &own).into_iter().map(|server| server.name.to_string()).collect()
    }

    #[test]
    fn each_janus_is_served_once() {
        let records = [("a", "ws://h:1"), ("b", "ws://H:1/"), ("c", "ws://h:2"), ("d", "ws://h:80")];
        assert_eq!(names(&records, &[]), ["a", "c", "d"]);
        assert_eq!(names(&records, &[("x", "ws://h:2/")]), ["a", "d"]);
        assert_eq!(names(&records, &[("c", "ws://other")]), ["a", "d"]);
        assert_eq!(names(&records, &[("x", "ws://h")]), ["a", "c"]);
    }

    #[test]
    fn what_cannot_be_served_is_left_alone() {
        let long = "x".repeat(MAX_BACKEND_NAME + 1);
        let records = [
            ("a b", "ws://h:1"),
            ("{a}", "ws://h:2"),
            ("", "ws://h:3"),
            (&long, "ws://h:4"),
            ("é-1", "ws://h"),
        ];
        assert_eq!(names(&records, &[]), ["é-1"]);
        assert_eq!(names(&[("a", "wss://h"), ("b", "http://h"), ("c", "ws://")], &[]), [""; 0]);
    }
}
