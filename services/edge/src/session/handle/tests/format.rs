//! Actions in a short form:
//!
//! | form | action |
//! |---|---|
//! | `ack t`, `success t`, `refused t 469` | send the core's reply to a request |
//! | `t: calling`, `t: error 499` | send the plugin's reply to a request |
//! | `incomingcall` | send a plugin event that is no reply |
//! | `core webrtcup` | send a core event |
//! | `router: call` | publish a request to a router |
//! | `leg: accept`, `leg: trickle ["1","2"]`, `leg: hangup` | publish to the connector of the call |
//! | `leg: replay {...}` | publish settings from before the call |
//! | `release`, `abandon` | publish to a router |

use crate::session::action::{Action, Destination};
use bus::message::{Body, Message};
use common::MessageId;
use serde_json::Value;

pub fn action(action: &Action) -> String {
    match action {
        Action::SendToClient(_, text) => client_message(&serde_json::from_str(text).unwrap()),
        Action::Publish(destination, message, _) => bus_message(destination, &message.body),
    }
}

/// The id of a request that gets a reply.
pub fn request_id(action: &Action) -> Option<MessageId> {
    let Action::Publish(_, message, _) = action else { return None };
    matches!(**message, Message { deadline: Some(_), .. }).then_some(message.id)
}

fn client_message(message: &Value) -> String {
    let transaction = message["transaction"].as_str();
    match message["janus"].as_str().unwrap() {
        "error" => format!("refused {} {}", transaction.unwrap(), message["error"]["code"]),
        "event" => match transaction {
            Some(transaction) => format!("{transaction}: {}", data(&message["plugindata"]["data"])),
            None => data(&message["plugindata"]["data"]),
        },
        reply @ ("ack" | "success") => format!("{reply} {}", transaction.unwrap()),
        name => format!("core {name}"),
    }
}

fn data(data: &Value) -> String {
    match data["error_code"].as_u64() {
        Some(code) => format!("error {code}"),
        None => data["result"]["event"].as_str().unwrap().to_owned(),
    }
}

fn bus_message(destination: &Destination, body: &Body) -> String {
    let kind = body.kind();
    match (destination, body) {
        (Destination::Requests, Body::Release(_) | Body::Abandon(_)) => kind.to_owned(),
        (Destination::Requests, _) => format!("router: {kind}"),
        (Destination::Backend(_), Body::Request(request)) if request.transaction.is_none() => {
            format!("leg: replay {}", request.body)
        }
        (Destination::Backend(_), Body::Request(request)) => {
            let plugin_request: Value = serde_json::from_str(request.body.get()).unwrap();
            format!("leg: {}", plugin_request["request"].as_str().unwrap().to_lowercase())
        }
        (Destination::Backend(_), Body::Trickle(trickle)) => {
            format!("leg: trickle {}", serde_json::to_string(&trickle.candidates).unwrap())
        }
        (Destination::Backend(_), _) => format!("leg: {kind}"),
    }
}
