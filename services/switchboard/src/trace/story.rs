//! The steps of a call, in order. Pure: what was found goes in, the story comes out.
//!
//! The ringing line of the log says how long each step until then took; the times of these steps are counted
//! back from it. Clocks of several hosts may differ by some milliseconds, so may the times.

use super::found::{CallData, field};
use bus::LogLine;
use common::CallId;

/// The steps until it rings: how the line names them, and what they are.
const SETUP: [(&str, &str, &str); 5] = [
    ("queue_us", "queue", "a router took the caller's request"),
    ("directory_us", "directory", "both were found free, and it was handed to its backend"),
    ("place_us", "place", "the connector took it"),
    ("attach_us", "attach", "the Janus server was ready on both sides, and has the offer"),
    ("ring_us", "ring", "both sides were told"),
];

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Unix microseconds.
    pub at: u64,
    /// Its name, for scripts.
    pub name: &'static str,
    /// What happened.
    pub text: String,
    /// How long it took since the one before, in microseconds, where that was measured.
    pub took: Option<u64>,
}

/// One side of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub username: String,
    /// Where it is, while the call runs: edge, session, handle. None also for a user of another proxy.
    pub address: Option<(String, u64, u64)>,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub call: CallId,
    pub caller: Side,
    pub callee: Side,
    pub backend: String,
    /// Who serves the backend, while the call runs.
    pub connector: Option<String>,
    /// `asked for`, `rings`, `is up` or `is over`.
    pub state: &'static str,
    pub steps: Vec<Step>,
}

impl Timeline {
    /// Of what was found.
    pub fn from_data(call: CallId, found: &CallData) -> Self {
        let word = |name| found.lines.iter().find_map(|line| field(line, name)).unwrap_or("?").to_owned();
        let side = |name| Side { username: word(name), address: None };
        let mut story = Self {
            call,
            caller: side("caller"),
            callee: side("callee"),
            backend: word("backend"),
            connector: found.connector.clone(),
            state: call_state(found),
            steps: Vec::new(),
        };
        story.apply_record(found);
        let rang = found.lines.iter().find(|line| field(line, "event") == Some("ringing"));
        let measured = rang.map(setup_steps).unwrap_or_default();
        if measured.is_empty() {
            story.steps.extend(opened_step(found));
        }
        story.steps.extend(measured);
        story.steps.extend(found.lines.iter().filter_map(log_step));
        story.steps.extend(found.waiting.iter().map(|(road, kind, at)| Step {
            at: at * 1_000,
            name: "waits",
            text: format!("a message `{kind}` about it was sent on {road} and waits there now"),
            took: None,
        }));
        story.steps.extend(found.dead.iter().filter_map(dead_letter_step));
        story.steps.sort_by_key(|step| step.at);
        story
    }

    fn apply_record(&mut self, found: &CallData) {
        let Some(record) = &found.record else { return };
        let side = |party: &directory::record::CallParty| Side {
            username: party.username.clone(),
            address: party
                .owner
                .as_ref()
                .map(|owner| (owner.edge.to_string(), owner.handle.session.0, owner.handle.handle.0)),
        };
        (self.caller, self.callee) = (side(&record.caller), side(&record.callee));
        self.backend = record.backend.to_string();
    }
}

fn call_state(found: &CallData) -> &'static str {
    let has = |event: &str| found.lines.iter().any(|line| field(line, "event") == Some(event));
    match (has("ended") || found.record.is_none(), has("answered"), has("ringing")) {
        (true, ..) => "is over",
        (_, true, _) => "is up",
        (_, _, true) => "rings",
        _ => "is being set up",
    }
}

/// A router had it, where nothing more is known of how it was set up.
fn opened_step(found: &CallData) -> Option<Step> {
    let at = found.record.as_ref()?.opened * 1_000;
    Some(Step { at, name: "opened", text: "a router opened it".to_owned(), took: None })
}

/// What the ringing line says of the steps before it; nothing where it does not tell all.
fn setup_steps(line: &LogLine) -> Vec<Step> {
    let micros = |name: &str| field(line, name)?.parse::<u64>().ok();
    let Some(took) = SETUP.iter().map(|(name, ..)| micros(name)).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let rang = micros("at").unwrap_or_default() * 1_000;
    let total = took.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
    let mut at = rang.saturating_sub(total);
    let asked = Step { at, name: "asked", text: "the caller asked for it".to_owned(), took: None };
    let steps = SETUP.iter().zip(took).map(|((_, name, text), took)| {
        at = at.saturating_add(took);
        Step { at, name, text: (*text).to_owned(), took: Some(took) }
    });
    std::iter::once(asked).chain(steps).collect()
}

fn log_step(line: &LogLine) -> Option<Step> {
    let at = field(line, "at")?.parse::<u64>().ok()? * 1_000;
    let number = |name: &str| field(line, name)?.parse::<u64>().ok();
    let (name, text, took) = match field(line, "event")? {
        "ringing" => ("ringing", "it rings".to_owned(), None),
        "answered" => ("answered", "the callee accepted".to_owned(), number("answer_us")),
        "ended" => {
            let reason = field(line, "reason").unwrap_or("no reason is known");
            ("ended", format!("it ended: {reason}"), None)
        }
        _ => return None,
    };
    Some(Step { at, name, text, took })
}

fn dead_letter_step(line: &LogLine) -> Option<Step> {
    let at = field(line, "at")?.parse::<u64>().ok()? * 1_000;
    let word = |name| field(line, name).unwrap_or("?");
    let (kind, road, error) = (word("kind"), word("road"), word("error"));
    let text = format!("a message `{kind}` about it on {road} was given up: {error}");
    Some(Step { at, name: "given up", text, took: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ServiceId;
    use directory::record::{Call, CallParty, Owner};
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

    fn steps(found: &CallData) -> Vec<(u64, &'static str)> {
        Timeline::from_data(CallId::fresh(), found).steps.iter().map(|step| (step.at, step.name)).collect()
    }

    #[test]
    fn the_steps_of_a_call_that_is_over_come_from_the_log() {
        let lines = vec![
            event("50", "ringing", &TIMES),
            event("70", "answered", &[("answer_us", "900")]),
            event("90", "ended", &[("reason", "hangup"), ("duration_ms", "40")]),
        ];
        let found = CallData { lines, ..CallData::default() };
        let wanted = [
            (40_000, "asked"),
            (41_000, "queue"),
            (43_000, "directory"),
            (43_500, "place"),
            (49_500, "attach"),
            (50_000, "ring"),
            (50_000, "ringing"),
            (70_000, "answered"),
            (90_000, "ended"),
        ];
        assert_eq!(steps(&found), wanted);
        let story = Timeline::from_data(CallId::fresh(), &found);
        assert_eq!(
            (story.caller.username.as_str(), story.backend.as_str(), story.state),
            ("alice", "a", "is over")
        );
        assert_eq!((story.steps[7].took, story.steps[8].text.as_str()), (Some(900), "it ended: hangup"));
    }

    #[test]
    fn a_call_that_runs_is_where_the_directory_says() {
        let handle = HandleRef { session: SessionId(7), handle: HandleId(8) };
        let owner = Some(Owner { edge: ServiceId::from("edge-1"), handle });
        let party = |username: &str, owner| CallParty { username: username.to_owned(), owner };
        let record = Call {
            id: CallId::fresh(),
            backend: "b".into(),
            caller: party("carol", owner),
            callee: party("dave", None),
            opened: 45,
        };
        let mut found = CallData { record: Some(record), ..CallData::default() };
        assert_eq!(Timeline::from_data(CallId::fresh(), &found).state, "is being set up");
        assert_eq!(steps(&found), [(45_000, "opened")]);
        found.lines.push(event("50", "ringing", &TIMES[..4]));
        let story = Timeline::from_data(CallId::fresh(), &found);
        assert_eq!((story.state, story.backend.as_str()), ("rings", "b"));
        assert_eq!((story.caller.address, story.callee.address), (Some(("edge-1".to_owned(), 7, 8)), None));
        assert_eq!(steps(&found), [(45_000, "opened"), (50_000, "ringing")], "a line that does not tell all");
        found.lines.push(event("60", "answered", &[]));
        assert_eq!(Timeline::from_data(CallId::fresh(), &found).state, "is up");
    }

    #[test]
    fn what_waits_and_what_was_given_up_has_its_place() {
        let dead = line(&[("at", "30"), ("road", "q"), ("error", "no luck"), ("kind", "call")]);
        let waiting = vec![("m".to_owned(), "place".to_owned(), 20)];
        let found = CallData { waiting, dead: vec![dead], ..CallData::default() };
        assert!(found.is_known());
        assert_eq!(steps(&found), [(20_000, "waits"), (30_000, "given up")]);
    }
}
