//! What an operator should look at, in sentences, the worst first. Pure. Whoever is woken at night reads this
//! before any table.

use super::frame::{Backend, ClusterView, Service, StreamStats};
use super::memory::GoneService;
use super::rates::StreamRate;
use crate::words::{count, duration, sanitize};
use std::collections::BTreeMap;

/// An entry that waits for so long (milliseconds) is late, and then too late.
const WAIT_WARNING_MS: u64 = 2_000;
const WAIT_BAD_MS: u64 = 10_000;
/// A Janus server that takes so long (milliseconds) for a sign of life is slow.
const PROBE_WARNING_MS: u64 = 500;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Clients feel it, or will soon.
    Bad,
    /// Worth a look.
    Warning,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    pub text: String,
}

/// All there is to look at.
pub fn find(frame: &ClusterView, rates: &BTreeMap<String, StreamRate>, gone: &[GoneService]) -> Vec<Finding> {
    let missing = ["edge", "router", "connector"].into_iter().filter_map(|kind| missing_service(frame, kind));
    let services = frame.services.iter().filter_map(|service| service_finding(service, frame.at));
    let dead = gone.iter().filter(|gone| gone.died()).map(dead_service_finding);
    let roads = frame.streams.iter().flat_map(|road| stream_findings(road, rates.get(&road.key)));
    let backends = frame.backends.iter().filter_map(backend_finding);
    let mut all: Vec<_> =
        missing.chain(no_janus(frame)).chain(services).chain(dead).chain(backends).chain(roads).collect();
    all.sort_by_key(|trouble| trouble.level);
    all
}

fn bad(text: String) -> Option<Finding> {
    Some(Finding { level: Level::Bad, text })
}

fn warning(text: String) -> Option<Finding> {
    Some(Finding { level: Level::Warning, text })
}

fn missing_service(frame: &ClusterView, kind: &str) -> Option<Finding> {
    let is_there = frame.services.iter().any(|service| service.kind == kind && service.state != "stopping");
    let what = match kind {
        "edge" => "no edge runs: no client can connect",
        "router" => "no router runs: nobody decides, and clients' requests fail after 10 s",
        _ => "no connector runs: no calls can be placed, and those that run cannot be ended",
    };
    if is_there { None } else { bad(what.to_owned()) }
}

fn no_janus(frame: &ClusterView) -> Option<Finding> {
    let takes_calls = frame.backends.iter().any(|backend| backend.status == "normal");
    if takes_calls { None } else { bad("no Janus server takes calls".to_owned()) }
}

fn service_finding(service: &Service, now: u64) -> Option<Finding> {
    let (id, host) = (&service.id, sanitize(&service.host));
    if let Some(silence) = service.silent_for(now) {
        return bad(format!("{id} on {host} is silent: not heard of for {}", duration(silence)));
    }
    match service.state.as_str() {
        "not ready" => {
            let why = service.complaint.as_deref().map_or("it does not say why".into(), sanitize);
            bad(format!("{id} on {host} is not ready: {why}"))
        }
        "stopping" => warning(format!("{id} on {host} is stopping")),
        _ => None,
    }
}

fn dead_service_finding(gone: &GoneService) -> Finding {
    let (id, host, ago) = (&gone.service.id, sanitize(&gone.service.host), duration(gone.for_ms));
    let text = format!("{id} on {host} is gone without a word: not heard of for 15 s, since {ago} ago");
    Finding { level: Level::Bad, text }
}

fn backend_finding(backend: &Backend) -> Option<Finding> {
    let (name, calls) = (sanitize(&backend.name), count(backend.calls, "call", "calls"));
    match backend.status.as_str() {
        "abnormal" | "unserved" => bad(format!("Janus server {name}: {}", sanitize(&backend.health))),
        "maintenance" => warning(format!("Janus server {name} is drained, {calls} left on it")),
        "high_water" => warning(format!("Janus server {name}: {}", sanitize(&backend.health))),
        _ => match backend.probe_ms {
            Some(took) if took >= PROBE_WARNING_MS => {
                warning(format!("Janus server {name} took {} to answer", duration(took)))
            }
            _ => None,
        },
    }
}

fn stream_findings(road: &StreamStats, rate: Option<&StreamRate>) -> Vec<Finding> {
    let key = sanitize(&road.key);
    let waiting = count(road.length, "entry waits", "entries wait");
    let mut troubles = Vec::new();
    if road.consumers == Some(0) && road.length > 0 {
        troubles.extend(bad(format!("{key}: {waiting}, and nobody works on it")));
    } else if let Some(age) = road.oldest_ms.filter(|age| *age >= WAIT_WARNING_MS) {
        let text = format!("{key}: {waiting}, the oldest for {}", duration(age));
        troubles.extend(if age >= WAIT_BAD_MS { bad(text) } else { warning(text) });
    }
    if let Some(rate) = rate.filter(|rate| rate.redelivered > 0) {
        let again = count(rate.redelivered, "entry", "entries");
        troubles.extend(warning(format!("{key}: {again} had to be given to another worker")));
    }
    if road.key == "sb:dead" && road.length > 0 {
        let given_up = count(road.length, "message was given up", "messages were given up");
        troubles.extend(match rate.filter(|rate| rate.in_ > 0.0) {
            Some(_) => bad(format!("{key}: {given_up}, the last just now")),
            None => warning(format!("{key}: {given_up} since it was last emptied")),
        });
    }
    troubles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(kind: &str, state: &str) -> Service {
        let complaint = (state == "not ready").then(|| "bus: refused".to_owned());
        let (id, host) = (format!("{kind}-1"), "h".to_owned());
        Service { id, host, kind: kind.to_owned(), state: state.to_owned(), complaint, ..Service::default() }
    }

    fn backend(status: &str, probe_ms: u64) -> Backend {
        let (name, health) = ("a".to_owned(), "it sleeps".to_owned());
        Backend { name, health, status: status.to_owned(), probe_ms: Some(probe_ms), ..Backend::default() }
    }

    fn well() -> ClusterView {
        let services = ["edge", "router", "connector"].map(|kind| service(kind, "ready")).into();
        ClusterView { services, backends: vec![backend("normal", 3)], ..ClusterView::default() }
    }

    fn road(key: &str, length: u64, oldest_ms: Option<u64>, consumers: Option<u64>) -> StreamStats {
        StreamStats { key: key.to_owned(), length, oldest_ms, consumers, ..StreamStats::default() }
    }

    fn texts(frame: &ClusterView, rates: &[(&str, StreamRate)]) -> Vec<String> {
        let rates = rates.iter().map(|(key, rate)| ((*key).to_owned(), *rate)).collect();
        find(frame, &rates, &[]).into_iter().map(|trouble| trouble.text).collect()
    }

    #[test]
    fn a_cluster_that_is_well_has_no_trouble() {
        let mut frame = well();
        frame.streams = vec![
            road("q", 3, Some(WAIT_WARNING_MS - 1), Some(1)),
            road("m", 0, None, None),
            road("sb:dead", 0, None, None),
        ];
        assert_eq!(texts(&frame, &[]), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_said_first() {
        let all = texts(&ClusterView::default(), &[]);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all[1].starts_with("no router runs") && all[3] == "no Janus server takes calls");
        let mut frame = well();
        frame.services[1].state = "stopping".to_owned();
        let all = texts(&frame, &[]);
        assert!(all[0].starts_with("no router runs") && all[1] == "router-1 on h is stopping", "{all:?}");
    }

    #[test]
    fn services_and_backends_say_what_ails_them() {
        let mut frame = well();
        frame.services.push(service("rest", "not ready"));
        for (sick, words) in [
            (backend("abnormal", 0), "Janus server a: it sleeps"),
            (backend("maintenance", 0), "Janus server a is drained, 0 calls left on it"),
            (backend("normal", 1_200), "Janus server a took 1.2 s to answer"),
        ] {
            frame.backends = vec![backend("normal", 1), sick];
            let mut all = texts(&frame, &[]);
            all.sort();
            assert_eq!(all, [words, "rest-1 on h is not ready: bus: refused"]);
        }
    }

    #[test]
    fn a_service_that_died_is_bad_and_one_that_stopped_is_none() {
        let dead = |state| [GoneService { service: service("edge", state), for_ms: 4_000 }];
        let found = find(&well(), &BTreeMap::new(), &dead("ready"));
        assert_eq!(found[0].level, Level::Bad);
        assert!(found[0].text.starts_with("edge-1 on h is gone"), "{found:?}");
        assert_eq!(find(&well(), &BTreeMap::new(), &dead("stopping")), []);
    }

    #[test]
    fn a_service_that_does_not_announce_itself_is_silent() {
        let mut frame = ClusterView { at: 20_000, ..well() };
        frame.services[0].announced = 12_000;
        assert_eq!(texts(&frame, &[]), [""; 0]);
        frame.services[0].announced = 11_000;
        assert_eq!(texts(&frame, &[]), ["edge-1 on h is silent: not heard of for 9.0 s"]);
    }

    #[test]
    fn roads_say_what_waits_and_why() {
        let rate = |in_, again| StreamRate { in_, out: None, redelivered: again };
        for (road, rate, level, words) in [
            (
                road("q", 2, Some(9), Some(0)),
                rate(0.0, 0),
                Level::Bad,
                "q: 2 entries wait, and nobody works on it",
            ),
            (
                road("m", 1, Some(WAIT_WARNING_MS), None),
                rate(0.0, 0),
                Level::Warning,
                "m: 1 entry waits, the oldest for 2.0 s",
            ),
            (
                road("m", 1, Some(WAIT_BAD_MS), None),
                rate(0.0, 0),
                Level::Bad,
                "m: 1 entry waits, the oldest for 10 s",
            ),
            (
                road("q", 0, None, Some(1)),
                rate(0.0, 3),
                Level::Warning,
                "q: 3 entries had to be given to another worker",
            ),
            (
                road("sb:dead", 1, None, None),
                rate(0.0, 0),
                Level::Warning,
                "sb:dead: 1 message was given up since it was last emptied",
            ),
            (
                road("sb:dead", 2, None, None),
                rate(0.1, 0),
                Level::Bad,
                "sb:dead: 2 messages were given up, the last just now",
            ),
        ] {
            let rates = [(road.key.clone(), rate)].into();
            let frame = ClusterView { streams: vec![road], ..well() };
            let wanted = Finding { level, text: words.to_owned() };
            assert_eq!(find(&frame, &rates, &[]), [wanted]);
        }
    }
}
