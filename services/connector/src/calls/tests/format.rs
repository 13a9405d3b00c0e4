//! Actions in a short form:
//!
//! | form | meaning |
//! |---|---|
//! | `janus attach`, `janus 11 call`, `janus 11 trickle`, `janus 11 detach` | a request to Janus, with its handle |
//! | `alice: core media` | events for alice |
//! | `alice joined: ...` | and a change of her state |
//! | `alice! joined: ...` | and the final reply to her request |
//! | `c/calling`, `hangup(bob, bye)`, `accepted(bob)+answer` | an event, with its transaction, names, jsep |
//! | `c/error 502`, `c/refused 465` | a plugin error, a core error |
//! | `log ringing`, `log ended (bye)` | a record of the log |
//! | `timeout` | Janus did not reply in time |
//! | `second attempt for bob` | a request for another attempt |
//! | `reply yes`, `reply 476` | a reply for the rest service whose proxy waits |
//! | `invite bob` | an invite for bob's proxy |
//! | `destroy 7` | the end of a session on Janus |
//! | `end` | the end of the call, followed by its final notices |

use crate::breaker::outcomes::SetupFailure;
use crate::calls::action::{Action, EndedCall, FinalNotices, SecondAttempt};
use bus::message::{CallRecord, Change, ClientEvent, Events, ProxyReply};
use serde_json::Value;

pub fn action(action: &Action) -> Vec<String> {
    match action {
        Action::SendToJanus(text) => vec![janus_request(&serde_json::from_str(text).unwrap())],
        Action::SendToEdge(_, events) => vec![client_events(events)],
        Action::Log(record) => vec![log_record(record)],
        Action::DestroySession(session) => vec![format!("destroy {session}")],
        Action::ReportSetup(_, Err(SetupFailure::NoReply)) => vec!["timeout".to_owned()],
        Action::ReportSetup(..) => Vec::new(),
        Action::ReplyToRest(_, reply) => vec![proxy_reply(reply)],
        Action::InviteProxy(invite, _) => vec![format!("invite {}", invite.callee)],
        Action::SaveCall(_) | Action::RestoreCall(..) => Vec::new(),
        Action::EndCall(EndedCall { notices, .. }) => {
            std::iter::once("end".to_owned()).chain(final_notices(notices)).collect()
        }
    }
}

fn final_notices(notices: &FinalNotices) -> impl Iterator<Item = String> {
    let events = notices.client_events.iter().map(|(_, events)| client_events(events));
    let refusal = notices.proxy_refusal.iter().map(|(_, reply)| proxy_reply(reply));
    let second = notices.second_attempt.iter().map(|second| second_attempt(second));
    events.chain(refusal).chain(second).chain(notices.log.iter().map(|(record, _)| log_record(record)))
}

fn second_attempt(second: &SecondAttempt) -> String {
    let body: Value = serde_json::from_str(second.request.body.get()).unwrap();
    format!("second attempt for {}", body["username"].as_str().unwrap())
}

fn janus_request(request: &Value) -> String {
    let verb = request["janus"].as_str().unwrap();
    match (verb, request["handle_id"].as_u64()) {
        ("message", Some(handle)) => {
            let jsep = request["jsep"]["type"].as_str().map(|kind| format!("+{kind}")).unwrap_or_default();
            format!("janus {handle} {}{jsep}", request["body"]["request"].as_str().unwrap())
        }
        ("trickle", Some(handle)) => format!("janus {handle} trickle {}", request["candidates"]),
        (verb, Some(handle)) => format!("janus {handle} {verb}"),
        (verb, None) => format!("janus {verb}"),
    }
}

fn client_events(events: &Events) -> String {
    let client = if events.session.0 == 1 { "alice" } else { "bob" };
    let is_reply = if events.in_reply_to.is_some() { "!" } else { "" };
    let change = match &events.change {
        None => "",
        Some(Change::Joined { .. }) => " joined",
        Some(Change::Answered) => " answered",
        Some(Change::Left) => " left",
        Some(other) => panic!("not a change that connectors send: {other:?}"),
    };
    let items: Vec<String> = events.events.iter().map(client_event).collect();
    format!("{client}{is_reply}{change}: {}", items.join(", "))
}

fn client_event(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Plugin { transaction, data, jsep } => {
            let transaction = transaction.as_ref().map(|text| format!("{text}/")).unwrap_or_default();
            let read = |raw: &str| serde_json::from_str::<Value>(raw).unwrap();
            let jsep = jsep.as_ref().map(|jsep| format!("+{}", read(jsep.get())["type"].as_str().unwrap()));
            format!("{transaction}{}{}", plugin_data(&read(data.get())), jsep.unwrap_or_default())
        }
        ClientEvent::Core { janus, fields } => {
            let fields: Value = serde_json::from_str(fields.get()).unwrap();
            let reason = fields["reason"].as_str().map(|reason| format!("({reason})")).unwrap_or_default();
            format!("core {janus}{reason}")
        }
        ClientEvent::Error { transaction, code, .. } => format!("{transaction}/refused {code}"),
    }
}

fn plugin_data(data: &Value) -> String {
    if let Some(code) = data["error_code"].as_u64() {
        return format!("error {code}");
    }
    let result = &data["result"];
    let members: Vec<&str> = ["username", "reason"].iter().filter_map(|name| result[name].as_str()).collect();
    let members = if members.is_empty() { String::new() } else { format!("({})", members.join(", ")) };
    format!("{}{members}", result["event"].as_str().unwrap())
}

fn proxy_reply(reply: &ProxyReply) -> String {
    let code = reply.refusal.as_ref().map(|refusal| refusal.code.to_string());
    format!("reply {}", code.as_deref().unwrap_or("yes"))
}

fn log_record(record: &CallRecord) -> String {
    let reason = record.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("log {}{reason}", format!("{:?}", record.event).to_lowercase())
}
