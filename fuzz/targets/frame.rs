//! Fuzzes the path from a client's frame to a checked request: nothing may panic, and every reply must be JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::object::LazyObject;
use protocol::request::{self, Verb};
use protocol::{HandleId, SessionId, frame, reply, videocall};
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    match frame::objects(text, 1 << 20) {
        Err(error) => is_json(&reply::error(None, None, &error)),
        Ok(objects) => objects.into_iter().for_each(check),
    }
});

fn check(object: LazyObject<'_>) {
    let request = match request::read(object) {
        Ok(request) => request,
        Err(error) => return is_json(&reply::request_error(&error)),
    };
    let _ = (request.credentials(), request.is_public());
    match request.verb() {
        Err(error) => is_json(&reply::error(None, Some(&request.transaction), &error)),
        Ok(Verb::Message { body, .. }) => plugin(body),
        Ok(Verb::Trickle(candidates)) => {
            let _ = candidates.check();
            candidates.list().iter().for_each(|candidate| is_json(candidate.get()));
        }
        Ok(_) => is_json(&reply::pong(&request.transaction)),
    }
}

fn plugin(body: &RawValue) {
    let object = LazyObject::parse(body.get()).unwrap_or_default();
    let data = match videocall::request(&object) {
        Err(error) => videocall::error(&error),
        Ok(_) => match (videocall::username(&object), videocall::check_set(&object)) {
            (Ok(name), _) => videocall::event("registered", Some(&name), None),
            (_, Err(error)) => videocall::error(&error),
            _ => object.without(&["request", "filename"]),
        },
    };
    let _ = (videocall::wants_recording(&object), videocall::hangup_reason(&object));
    is_json(&reply::event(SessionId(1), HandleId(2), Some("t"), &data, None));
    is_json(&reply::core_event("media", SessionId(1), HandleId(2), body));
}

fn is_json(text: &str) {
    if let Err(error) = serde_json::from_str::<&RawValue>(text) {
        panic!("{error}: {text}");
    }
}
