//! The story of a call, for people and for scripts. Pure.

use super::story::{Side, Step, Timeline};
use crate::when::rfc3339;
use crate::words::{millis, sanitize};
use serde_json::{Value, json};

/// A line for each step: when, how long after the first, what.
pub fn as_text(story: &Timeline) -> String {
    let (caller, callee) = (sanitize(&story.caller.username), sanitize(&story.callee.username));
    let mut lines = vec![
        format!("call {}", story.call),
        format!("{caller} -> {callee}, on Janus server {}; it {}", sanitize(&story.backend), story.state),
    ];
    for (role, side) in [("caller", &story.caller), ("callee", &story.callee)] {
        if let Some((edge, session, handle)) = &side.address {
            lines.push(format!("{role} at {edge}, session {session}, handle {handle}"));
        }
    }
    lines.extend(story.connector.as_ref().map(|connector| format!("served by {connector}")));
    lines.push(String::new());
    let first = story.steps.first().map_or(0, |step| step.at);
    lines.extend(story.steps.iter().map(|step| step_line(step, first)));
    lines.join("\n")
}

fn step_line(step: &Step, first: u64) -> String {
    let since = millis(Some((step.at - first) as f64 / 1e3));
    let took = step.took.map(|took| format!(" (took {})", millis(Some(took as f64 / 1e3))));
    let (at, text) = (rfc3339(step.at / 1_000), sanitize(&step.text));
    format!("{at}  {:>9}  {text}{}", format!("+{since}"), took.unwrap_or_default())
}

/// One object.
pub fn as_json(story: &Timeline) -> String {
    let first = story.steps.first().map_or(0, |step| step.at);
    let steps = story.steps.iter().map(|step| {
        json!({
            "step": step.name, "text": step.text, "at": step.at / 1_000,
            "since_us": step.at - first, "took_us": step.took,
        })
    });
    let story = json!({
        "call": story.call.to_string(), "state": story.state, "backend": story.backend,
        "connector": story.connector, "caller": side(&story.caller), "callee": side(&story.callee),
        "steps": steps.collect::<Vec<_>>(),
    });
    story.to_string()
}

fn side(side: &Side) -> Value {
    let place = side.address.as_ref();
    json!({
        "username": side.username, "edge": place.map(|(edge, ..)| edge),
        "session": place.map(|(_, session, _)| session), "handle": place.map(|(.., handle)| handle),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::CallId;

    fn story() -> Timeline {
        let side = |username: &str| Side { username: username.to_owned(), address: None };
        let step = |at, name, text: &str, took| Step { at, name, text: text.to_owned(), took };
        Timeline {
            call: "01981c3e-7f9b-7b6a-8c1d-2e3f40516273".parse::<CallId>().unwrap(),
            caller: Side { address: Some(("edge-1".to_owned(), 7, 8)), ..side("al\u{1b}ice") },
            callee: side("bob"),
            backend: "a".to_owned(),
            connector: None,
            state: "is over",
            steps: vec![
                step(1_795_361_022_007_000, "asked", "the caller asked for it", None),
                step(1_795_361_022_008_250, "queue", "a router took it", Some(1_250)),
                step(1_795_361_083_012_000, "ended", "it ended: hangup", None),
            ],
        }
    }

    #[test]
    fn a_story_is_read_from_above() {
        let wanted = "\
call 01981c3e-7f9b-7b6a-8c1d-2e3f40516273
al\\u{1b}ice -> bob, on Janus server a; it is over
caller at edge-1, session 7, handle 8

2026-11-22T15:23:42.007Z    +0.0 ms  the caller asked for it
2026-11-22T15:23:42.008Z    +1.2 ms  a router took it (took 1.2 ms)
2026-11-22T15:24:43.012Z      +61 s  it ended: hangup";
        assert_eq!(as_text(&story()), wanted);
    }

    #[test]
    fn a_script_gets_all_of_it() {
        let told: Value = serde_json::from_str(&as_json(&story())).unwrap();
        assert_eq!((&told["caller"]["session"], &told["callee"]["edge"]), (&json!(7), &Value::Null));
        let wanted = json!({
            "step": "queue", "text": "a router took it", "at": 1_795_361_022_008_u64, "since_us": 1_250, "took_us": 1_250,
        });
        assert_eq!(told["steps"][1], wanted);
    }
}
