//! Fills in what stands for something: names, ids, session descriptions.

use super::offers;
use super::voice::Actor;
use serde_json::{Value, json};

/// What a `$` may refer to.
pub struct Names<'a> {
    pub voices: &'a [Actor],
    /// What makes a user name one of this run.
    pub mark: &'a str,
}

/// The text with each `$name` or `$name.field` replaced.
pub fn fill(text: &str, names: &Names<'_>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(after.len());
        filled.push_str(before);
        filled.push_str(&meaning(&after[..end], names)?);
        rest = &after[end..];
    }
    Ok(filled + rest)
}

fn meaning(name: &str, names: &Names<'_>) -> Result<String, String> {
    match name {
        "absent" => return Ok("$absent".to_owned()),
        "newline" => return Ok("\n".to_owned()),
        _ => {}
    }
    if let Some(jsep) = offers::by_name(name) {
        return Ok(jsep.to_string());
    }
    let Some((who, field)) = name.split_once('.') else { return Ok(format!("{name}{}", names.mark)) };
    if who == "id" {
        return Ok(fresh_id(field, names.mark));
    }
    let voice = names.voices.iter().find(|voice| voice.name == who);
    let id = voice.and_then(|voice| if field == "handle" { voice.handle } else { voice.session });
    id.map(|id| id.to_string()).ok_or_else(|| format!("there is no {name}"))
}

/// A session id that nobody has, the same wherever a play names it.
fn fresh_id(number: &str, mark: &str) -> String {
    format!("{}{number}", 7_000_000 + mark.trim_matches('~').parse::<u64>().unwrap_or_default())
}

/// Adds the fields of one object to another; `"$absent"` takes one away.
pub fn merge(object: &mut Value, more: &Value) {
    let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) else { return };
    for (key, value) in more {
        match value.as_str() {
            Some("$absent") => object.remove(key),
            _ => object.insert(key.clone(), value.clone()),
        };
    }
}

/// Adds the ids that a verb needs.
pub fn address(request: &mut Value, verb: &str, voice: &Actor) {
    let of_session = !["create", "ping", "info"].contains(&verb);
    let of_handle = ["message", "trickle", "hangup", "detach"].contains(&verb);
    if let (true, Some(session)) = (of_session, voice.session) {
        request["session_id"] = json!(session);
    }
    if let (true, Some(handle)) = (of_handle, voice.handle) {
        request["handle_id"] = json!(handle);
    }
}
