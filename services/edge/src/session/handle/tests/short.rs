//! What is to be done, in a short form:
//!
//! | form | what |
//! |---|---|
//! | `ack t`, `success t`, `refused t 469` | the core's reply to a request |
//! | `t: calling`, `t: error 499` | the plugin's answer to a request |
//! | `incomingcall` | a plugin event of its own accord |
//! | `core webrtcup` | a core event |
//! | `router: call` | asked of a router |
//! | `leg: accept`, `leg: trickle ["1","2"]`, `leg: hangup` | sent to the connector of the call |
//! | `leg: replay {...}` | settings from before the call |
//! | `release`, `abandon` | given back through a router |

use crate::session::action::{Action, Destination};
use bus::message::{Body, Message};
use common::MessageId;
use serde_json::Value;

pub fn act(act: &Action) -> String {
    match act {
        Action::SendToClient(_, text) => told(&serde_json::from_str(text).unwrap()),
        Action::Publish(road, message, _) => sent(road, &message.body),
    }
}

/// The id of a request that is to be answered.
pub fn asks(act: &Action) -> Option<MessageId> {
    let Action::Publish(_, message, _) = act else { return None };
    matches!(**message, Message { deadline: Some(_), .. }).then_some(message.id)
}

fn told(message: &Value) -> String {
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

fn sent(road: &Destination, body: &Body) -> String {
    let kind = body.kind();
    match (road, body) {
        (Destination::Requests, Body::Release(_) | Body::Abandon(_)) => kind.to_owned(),
        (Destination::Requests, _) => format!("router: {kind}"),
        (Destination::Backend(_), Body::Request(asks)) if asks.transaction.is_none() => {
            format!("leg: replay {}", asks.body)
        }
        (Destination::Backend(_), Body::Request(asks)) => {
            let body: Value = serde_json::from_str(asks.body.get()).unwrap();
            format!("leg: {}", body["request"].as_str().unwrap().to_lowercase())
        }
        (Destination::Backend(_), Body::Trickle(trickle)) => {
            format!("leg: trickle {}", serde_json::to_string(&trickle.candidates).unwrap())
        }
        (Destination::Backend(_), _) => format!("leg: {kind}"),
    }
}
