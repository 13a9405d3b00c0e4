//! The steps of a call, in order.
//!
//! The `ringing` event of the log has the durations of the steps before it; their times are computed back
//! from that event. The clocks of several hosts may differ by some milliseconds, and so may the times.

use super::gather::{CallData, field};
use bus::LogLine;
use common::CallId;
use directory::record::CallParty;

/// The steps until a call rings: the field with the duration, the name of the step, and what happened.
const SETUP: [(&str, &str, &str); 5] = [
    ("queue_us", "queue", "a router dequeued the request"),
    ("directory_us", "directory", "both parties were free, and the router placed the call on its backend"),
    ("place_us", "place", "the connector received the call"),
    ("attach_us", "attach", "the Janus server had a handle for both sides, and the offer"),
    ("ring_us", "ring", "both sides were notified"),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Unix microseconds.
    pub at: u64,
    /// Its name, for scripts.
    pub name: &'static str,
    /// What happened, for people.
    pub text: String,
    /// How long it took, in microseconds, where that was measured.
    pub took: Option<u64>,
}

/// One side of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub username: String,
    /// `None` after the call has ended, and for a user of a janus-cloud proxy.
    pub address: Option<Address>,
}

/// The client of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub edge: String,
    pub session: u64,
    pub handle: u64,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub call: CallId,
    pub caller: Side,
    pub callee: Side,
    pub backend: String,
    /// The connector that serves the backend, unless the call has ended.
    pub connector: Option<String>,
    /// `setting up`, `ringing`, `answered` or `ended`.
    pub state: &'static str,
    pub steps: Vec<Step>,
}

impl Timeline {
    pub fn new(call: CallId, data: &CallData) -> Self {
        let logged = |name| data.events.iter().find_map(|line| field(line, name)).unwrap_or("?").to_owned();
        let (caller, callee, backend) = match &data.record {
            Some(record) => (side(&record.caller), side(&record.callee), record.backend.to_string()),
            None => {
                let side = |name| Side { username: logged(name), address: None };
                (side("caller"), side("callee"), logged("backend"))
            }
        };
        let connector = data.connector.clone();
        Self { call, caller, callee, backend, connector, state: call_state(data), steps: steps(data) }
    }
}

fn side(party: &CallParty) -> Side {
    let address = party.owner.as_ref().map(|owner| Address {
        edge: owner.edge.to_string(),
        session: owner.handle.session.0,
        handle: owner.handle.handle.0,
    });
    Side { username: party.username.clone(), address }
}

fn call_state(data: &CallData) -> &'static str {
    let has = |event: &str| data.events.iter().any(|line| field(line, "event") == Some(event));
    if has("ended") || data.record.is_none() {
        "ended"
    } else if has("answered") {
        "answered"
    } else if has("ringing") {
        "ringing"
    } else {
        "setting up"
    }
}

fn steps(data: &CallData) -> Vec<Step> {
    let ringing = data.events.iter().find(|line| field(line, "event") == Some("ringing"));
    let mut steps = ringing.map(setup_steps).unwrap_or_default();
    if steps.is_empty() {
        steps.extend(opened_step(data));
    }
    steps.extend(data.events.iter().filter_map(log_step));
    steps.extend(data.waiting.iter().map(|message| Step {
        at: message.sent_at * 1_000,
        name: "waiting",
        text: format!("a message `{}` about it was sent to {} and waits there", message.kind, message.stream),
        took: None,
    }));
    steps.extend(data.dead_letters.iter().filter_map(dead_letter_step));
    steps.sort_by_key(|step| step.at);
    steps
}

/// Returns the first step of a call whose setup was not measured: a router wrote its record.
fn opened_step(data: &CallData) -> Option<Step> {
    let at = data.record.as_ref()?.opened * 1_000;
    Some(Step { at, name: "opened", text: "a router opened it".to_owned(), took: None })
}

/// Returns the steps before the `ringing` event; none unless it has all of their durations.
fn setup_steps(ringing: &LogLine) -> Vec<Step> {
    let number = |name: &str| field(ringing, name)?.parse::<u64>().ok();
    let Some(durations) = SETUP.iter().map(|(name, ..)| number(name)).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let ringing_at = number("at").unwrap_or_default() * 1_000;
    let total = durations.iter().fold(0_u64, |sum, duration| sum.saturating_add(*duration));
    let mut at = ringing_at.saturating_sub(total);
    let mut steps =
        vec![Step { at, name: "requested", text: "the caller requested it".to_owned(), took: None }];
    for ((_, name, text), took) in SETUP.iter().zip(durations) {
        at = at.saturating_add(took);
        steps.push(Step { at, name, text: (*text).to_owned(), took: Some(took) });
    }
    steps
}

fn log_step(line: &LogLine) -> Option<Step> {
    let number = |name: &str| field(line, name)?.parse::<u64>().ok();
    let at = number("at")? * 1_000;
    let (name, text, took) = match field(line, "event")? {
        "ringing" => ("ringing", "it rings".to_owned(), None),
        "answered" => ("answered", "the callee accepted".to_owned(), number("answer_us")),
        "ended" => {
            let reason = field(line, "reason").unwrap_or("for an unknown reason");
            ("ended", format!("it ended: {reason}"), None)
        }
        _ => return None,
    };
    Some(Step { at, name, text, took })
}

fn dead_letter_step(line: &LogLine) -> Option<Step> {
    let at = field(line, "at")?.parse::<u64>().ok()? * 1_000;
    let text_of = |name| field(line, name).unwrap_or("?");
    let (kind, stream, error) = (text_of("kind"), text_of("stream"), text_of("error"));
    let text = format!("a message `{kind}` about it on {stream} became a dead letter: {error}");
    Some(Step { at, name: "dead letter", text, took: None })
}

#[cfg(test)]
mod tests {
    use super::super::gather::WaitingMessage;
    use super::*;
    use common::ServiceId;
    use directory::record::{Call, Owner};
    use protocol::{HandleId, HandleRef, SessionId};

    fn line(fields: &[(&str, &str)]) -> LogLine {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn event(at: &str, event: &str, more: &[(&str, &str)]) -> LogLine {
        let all = [("at", at), ("event", event), ("caller", "alice"), ("callee", "bob"), ("backend", "a")];
        line(&[&all[..], more].concat())
    }

    const TIMES: [(&str, &str); 5] = [
        ("queue_us", "1000"),
        ("directory_us", "2000"),
        ("place_us", "500"),
        ("attach_us", "6000"),
        ("ring_us", "500"),
    ];

    fn step_names(data: &CallData) -> Vec<(u64, &'static str)> {
        Timeline::new(CallId::fresh(), data).steps.iter().map(|step| (step.at, step.name)).collect()
    }

    #[test]
    fn steps_of_an_ended_call_come_from_the_log() {
        let events = vec![
            event("50", "ringing", &TIMES),
            event("70", "answered", &[("answer_us", "900")]),
            event("90", "ended", &[("reason", "hangup"), ("duration_ms", "40")]),
        ];
        let data = CallData { events, ..CallData::default() };
        let expected = [
            (40_000, "requested"),
            (41_000, "queue"),
            (43_000, "directory"),
            (43_500, "place"),
            (49_500, "attach"),
            (50_000, "ring"),
            (50_000, "ringing"),
            (70_000, "answered"),
            (90_000, "ended"),
        ];
        assert_eq!(step_names(&data), expected);
        let timeline = Timeline::new(CallId::fresh(), &data);
        assert_eq!(
            (timeline.caller.username.as_str(), timeline.backend.as_str(), timeline.state),
            ("alice", "a", "ended")
        );
        assert_eq!(
            (timeline.steps[7].took, timeline.steps[8].text.as_str()),
            (Some(900), "it ended: hangup")
        );
    }

    #[test]
    fn running_call_is_where_its_record_says() {
        let handle = HandleRef { session: SessionId(7), handle: HandleId(8) };
        let owner = Some(Owner { edge: ServiceId::from("edge-1"), handle });
        let party = |username: &str, at| CallParty { username: username.to_owned(), owner: at };
        let record = Call {
            id: CallId::fresh(),
            backend: "b".into(),
            caller: party("carol", owner),
            callee: party("dave", None),
            opened: 45,
        };
        let mut data = CallData { record: Some(record), ..CallData::default() };
        assert_eq!(Timeline::new(CallId::fresh(), &data).state, "setting up");
        assert_eq!(step_names(&data), [(45_000, "opened")]);
        data.events.push(event("50", "ringing", &TIMES[..4]));
        let timeline = Timeline::new(CallId::fresh(), &data);
        assert_eq!((timeline.state, timeline.backend.as_str()), ("ringing", "b"));
        assert_eq!(
            (timeline.caller.address, timeline.callee.address),
            (Some(Address { edge: "edge-1".to_owned(), session: 7, handle: 8 }), None)
        );
        assert_eq!(step_names(&data), [(45_000, "opened"), (50_000, "ringing")], "without all durations");
        data.events.push(event("60", "answered", &[]));
        assert_eq!(Timeline::new(CallId::fresh(), &data).state, "answered");
    }

    #[test]
    fn waiting_messages_and_dead_letters_are_steps() {
        let dead_letter = line(&[("at", "30"), ("stream", "q"), ("error", "no luck"), ("kind", "call")]);
        let waiting = vec![WaitingMessage { stream: "m".to_owned(), kind: "place".to_owned(), sent_at: 20 }];
        let data = CallData { waiting, dead_letters: vec![dead_letter], ..CallData::default() };
        assert!(data.is_known());
        assert_eq!(step_names(&data), [(20_000, "waiting"), (30_000, "dead letter")]);
    }
}
