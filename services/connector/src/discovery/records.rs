//! The Janus servers that sentinels, operators and janus-cloud's proxies have registered in the
//! directory. They are served like those named with `--backend`. What this connector announces of them is
//! stored beside their records, which it does not own.
//!
//! If several records have the same URL, the first by name is served; none if `--backend` has that URL.
//!
//! # Failures
//! While the directory cannot be reached, nothing changes. A server whose record has disappeared gets no
//! new calls, and is no longer served after its last call.

use super::servers::{ConfiguredBackends, FollowedServers, LOOKUP_INTERVAL};
use crate::lease::acquire::LeaseAcquirer;
use crate::options::{MAX_BACKEND_NAME, Options, Server};
use common::url::normalize_websocket_url;
use common::{BackendName, ErrorLog, warn_failure};
use directory::record::DiscoveredBackend;
use service::Context;
use std::collections::BTreeSet;
use tokio::time::{MissedTickBehavior, interval};

static LOOKING_UP: ErrorLog = ErrorLog::new("looking up discovered backends");

/// How many discovered servers are served at most.
const MAX_DISCOVERED: usize = 1_000;

/// The outcome of one lookup.
struct Lookup {
    servers: BTreeSet<Server>,
    /// The backends with calls.
    busy: BTreeSet<BackendName>,
}

/// Serves the registered servers until shutdown.
pub async fn follow_directory(
    options: Options,
    configured: ConfiguredBackends,
    acquirer: LeaseAcquirer,
    context: Context,
) {
    let mut followed = FollowedServers::new(acquirer, context.shutdown.clone());
    let mut ticks = interval(LOOKUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_lookup = async || {
        ticks.tick().await;
        look_up(&context, &configured).await
    };
    while let Some(lookup) = context.shutdown.run_until_cancelled(next_lookup()).await {
        let Some(Lookup { servers, busy }) = lookup else { continue };
        for server in &servers {
            if followed.found(server, || options.backend_settings(server.name.as_str())) {
                tracing::info!(backend = %server.name, url = server.url, "discovered a backend");
            }
        }
        for server in followed.remove_missing(&servers, |server| busy.contains(&server.name)) {
            tracing::info!(backend = %server.name, "discovered backend removed");
        }
    }
    followed.wait().await;
}

/// Returns none if the directory cannot be reached.
async fn look_up(context: &Context, configured: &ConfiguredBackends) -> Option<Lookup> {
    let (discovered, backends) =
        tokio::join!(context.directory.discovered_backends(), context.directory.backends());
    match (discovered, backends) {
        (Ok(discovered), Ok(backends)) => {
            LOOKING_UP.succeeded();
            let busy = backends.into_iter().filter(|backend| backend.handles > 0);
            Some(Lookup {
                servers: configured.with_servers(|configured| select(discovered, configured)),
                busy: busy.map(|backend| backend.name).collect(),
            })
        }
        (Err(error), _) | (_, Err(error)) => {
            warn_failure!(LOOKING_UP, %error, "failed to look up the discovered backends, retrying");
            None
        }
    }
}

/// Selects the servers to serve: one for each URL, and none that is configured.
fn select(discovered: Vec<DiscoveredBackend>, configured: &BTreeSet<Server>) -> BTreeSet<Server> {
    let mut urls: BTreeSet<String> = configured.iter().map(|server| normalized(&server.url)).collect();
    let names: BTreeSet<&BackendName> = configured.iter().map(|server| &server.name).collect();
    let servable = discovered.into_iter().filter(|it| is_servable(it) && !names.contains(&it.name));
    let new = servable.filter(|it| urls.insert(normalized(&it.url)));
    new.map(|it| Server { name: it.name, url: it.url, is_discovered: true }).take(MAX_DISCOVERED).collect()
}

/// Whether the name fits keys and logs, and the URL is a plain websocket's.
fn is_servable(discovered: &DiscoveredBackend) -> bool {
    let name = discovered.name.as_str();
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let has_name = (1..=MAX_BACKEND_NAME).contains(&name.chars().count()) && name.chars().all(is_allowed);
    has_name && discovered.url.len() > "ws://".len() && discovered.url.starts_with("ws://")
}

fn normalized(url: &str) -> String {
    normalize_websocket_url(url).unwrap_or_else(|| url.to_owned())
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

    fn names(records: &[(&str, &str)], configured: &[(&str, &str)]) -> Vec<String> {
        let server = |&(name, url): &(&str, &str)| Server {
            name: BackendName::from(name),
            url: url.to_owned(),
            is_discovered: false,
        };
        let records = records.iter().map(|&(name, url)| found(name, url)).collect();
        let configured = configured.iter().map(server).collect();
        select(records, &configured).into_iter().map(|selected| selected.name.to_string()).collect()
    }

    #[test]
    fn each_url_is_served_once() {
        let records = [("a", "ws://h:1"), ("b", "ws://H:1/"), ("c", "ws://h:2"), ("d", "ws://h:80")];
        assert_eq!(names(&records, &[]), ["a", "c", "d"]);
        assert_eq!(names(&records, &[("x", "ws://h:2/")]), ["a", "d"]);
        assert_eq!(names(&records, &[("c", "ws://other")]), ["a", "d"]);
        assert_eq!(names(&records, &[("x", "ws://h")]), ["a", "c"]);
    }

    #[test]
    fn unservable_records_are_ignored() {
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
