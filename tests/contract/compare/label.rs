//! The label of a message, by which scenarios wait for it and rules describe it.
//!
//! Messages of the core keep their own word: `ack`, `success`, `pong`, `detached`, `timeout`, followed by the
//! relevant detail: `error 458`, `hangup Close PC`, `trickle candidate`, `trickle completed`. Messages of the
//! plugin begin with `@`: `@registered`, `@incomingcall`, `@hangup Explicit hangup`, `@error 480`, `@list`.

use super::json::Json;

/// The label of a message.
pub fn of(message: &Json) -> String {
    if message.get("closed").is_some() {
        return "closed".to_owned();
    }
    let kind = message.text(&["janus"]);
    match kind {
        "event" => plugin(message),
        "error" => format!("error {}", message.text(&["error", "code"])),
        "hangup" => format!("hangup {}", message.text(&["reason"])),
        "trickle" if message.at(&["candidate", "completed"]).is_some() => "trickle completed".to_owned(),
        "trickle" => "trickle candidate".to_owned(),
        _ => kind.to_owned(),
    }
}

fn plugin(message: &Json) -> String {
    let data = |keys: &[&str]| message.text(&[&["plugindata", "data"], keys].concat()).to_owned();
    let (code, event) = (data(&["error_code"]), data(&["result", "event"]));
    match message.at(&["plugindata", "data", "result"]) {
        None => format!("@error {code}"),
        Some(result) if result.get("list").is_some() => "@list".to_owned(),
        Some(result) if result.get("registered").is_some() => "@exists".to_owned(),
        Some(_) => format!("@{event} {}", data(&["result", "reason"])).trim_end().to_owned(),
    }
}

/// Whether a label matches: equal, or with further details behind it.
pub fn matches(label: &str, expected: &str) -> bool {
    label.strip_prefix(expected).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}
