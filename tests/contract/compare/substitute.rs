//! Replaces placeholders with names, ids and session descriptions.

use super::actor::Actor;
use super::offers;
use serde_json::{Value, json};

/// What a `$` may refer to.
pub struct Names<'a> {
    pub actors: &'a [Actor],
    /// The suffix that makes a user name unique to this run.
    pub suffix: &'a str,
}

/// Replaces each `$name` and `$name.field`.
pub fn substitute(text: &str, names: &Names<'_>) -> Result<String, String> {
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
    let Some((who, field)) = name.split_once('.') else { return Ok(format!("{name}{}", names.suffix)) };
    if who == "id" {
        return Ok(fresh_id(field, names.suffix));
    }
    let actor = names.actors.iter().find(|actor| actor.name == who);
    let id = actor.and_then(|actor| if field == "handle" { actor.handle } else { actor.session });
    id.map(|id| id.to_string()).ok_or_else(|| format!("there is no {name}"))
}

/// An unused session id, the same wherever a scenario names it.
fn fresh_id(number: &str, suffix: &str) -> String {
    format!("{}{number}", 7_000_000 + suffix.trim_matches('~').parse::<u64>().unwrap_or_default())
}

/// Merges the fields of one object into another. The value `"$absent"` removes a field.
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
pub fn address(request: &mut Value, verb: &str, actor: &Actor) {
    let of_session = !["create", "ping", "info"].contains(&verb);
    let of_handle = ["message", "trickle", "hangup", "detach"].contains(&verb);
    if let (true, Some(session)) = (of_session, actor.session) {
        request["session_id"] = json!(session);
    }
    if let (true, Some(handle)) = (of_handle, actor.handle) {
        request["handle_id"] = json!(handle);
    }
}
