//! Prints the timeline of a call, for people and for scripts.

use super::timeline::{Side, Step, Timeline};
use crate::format::{millis, rfc3339};
use common::display::{visible, visible_json};
use serde_json::{Value, json};

/// Formats a line for each step: its time, the time since the first step, and what happened.
pub fn as_text(timeline: &Timeline) -> String {
    let caller = visible(&timeline.caller.username);
    let callee = visible(&timeline.callee.username);
    let backend = visible(&timeline.backend);
    let mut lines = vec![
        format!("call {}", timeline.call),
        format!("{caller} -> {callee}, on Janus server {backend}: {}", timeline.state),
    ];
    for (role, side) in [("caller", &timeline.caller), ("callee", &timeline.callee)] {
        if let Some(address) = &side.address {
            let (edge, session, handle) = (&address.edge, address.session, address.handle);
            lines.push(format!("{role} at {edge}, session {session}, handle {handle}"));
        }
    }
    lines.extend(timeline.connector.as_ref().map(|connector| format!("served by {connector}")));
    lines.push(String::new());
    let first = timeline.steps.first().map_or(0, |step| step.at);
    lines.extend(timeline.steps.iter().map(|step| step_line(step, first)));
    lines.join("\n")
}

fn step_line(step: &Step, first: u64) -> String {
    let since = millis(Some((step.at - first) as f64 / 1e3));
    let took = step.took.map(|took| format!(" (took {})", millis(Some(took as f64 / 1e3))));
    let (at, text) = (rfc3339(step.at / 1_000), visible(&step.text));
    format!("{at}  {:>9}  {text}{}", format!("+{since}"), took.unwrap_or_default())
}

/// Formats one JSON object.
pub fn as_json(timeline: &Timeline) -> String {
    let first = timeline.steps.first().map_or(0, |step| step.at);
    let steps = timeline.steps.iter().map(|step| {
        json!({
            "step": step.name, "text": step.text, "at": step.at / 1_000,
            "since_us": step.at - first, "took_us": step.took,
        })
    });
    let object = json!({
        "call": timeline.call.to_string(), "state": timeline.state, "backend": timeline.backend,
        "connector": timeline.connector, "caller": side(&timeline.caller), "callee": side(&timeline.callee),
        "steps": steps.collect::<Vec<_>>(),
    });
    visible_json(&object.to_string()).into_owned()
}

fn side(side: &Side) -> Value {
    let address = side.address.as_ref();
    json!({
        "username": side.username, "edge": address.map(|address| &address.edge),
        "session": address.map(|address| address.session), "handle": address.map(|address| address.handle),
    })
}

#[cfg(test)]
mod tests {
    use super::super::timeline::Address;
    use super::*;
    use common::CallId;

    fn timeline() -> Timeline {
        let side = |username: &str| Side { username: username.to_owned(), address: None };
        let step = |at, name, text: &str, took| Step { at, name, text: text.to_owned(), took };
        Timeline {
            call: "01981c3e-7f9b-7b6a-8c1d-2e3f40516273".parse::<CallId>().unwrap(),
            caller: Side {
                address: Some(Address { edge: "edge-1".to_owned(), session: 7, handle: 8 }),
                ..side("al\u{1b}ice")
            },
            callee: side("bob"),
            backend: "a".to_owned(),
            connector: None,
            state: "ended",
            steps: vec![
                step(1_795_361_022_007_000, "requested", "the caller requested it", None),
                step(1_795_361_022_008_250, "queue", "a router dequeued it", Some(1_250)),
                step(1_795_361_083_012_000, "ended", "it ended: hangup", None),
            ],
        }
    }

    #[test]
    fn text_has_a_line_for_each_step() {
        let expected = "\
call 01981c3e-7f9b-7b6a-8c1d-2e3f40516273
al\\u{1b}ice -> bob, on Janus server a: ended
caller at edge-1, session 7, handle 8

2026-11-22T15:23:42.007Z    +0.0 ms  the caller requested it
2026-11-22T15:23:42.008Z    +1.2 ms  a router dequeued it (took 1.2 ms)
2026-11-22T15:24:43.012Z      +61 s  it ended: hangup";
        assert_eq!(as_text(&timeline()), expected);
    }

    #[test]
    fn json_has_every_field() {
        let printed: Value = serde_json::from_str(&as_json(&timeline())).unwrap();
        assert_eq!((&printed["caller"]["session"], &printed["callee"]["edge"]), (&json!(7), &Value::Null));
        let expected = json!({
            "step": "queue", "text": "a router dequeued it", "at": 1_795_361_022_008_u64, "since_us": 1_250, "took_us": 1_250,
        });
        assert_eq!(printed["steps"][1], expected);
    }
}
