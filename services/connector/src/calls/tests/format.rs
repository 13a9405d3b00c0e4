//! What is to be done, in a short form:
//!
//! | form | what |
//! |---|---|
//! | `janus attach`, `janus 11 call`, `janus 11 trickle`, `janus 11 detach` | said to Janus, of a handle |
//! | `alice: core media` | told to alice |
//! | `alice joined: ...` | and it changes her state |
//! | `alice! joined: ...` | and it is the final answer to her request |
//! | `c/calling`, `hangup(bob, bye)`, `accepted(bob)+answer` | an event, with its transaction, names, jsep |
//! | `c/error 502`, `c/refused 465` | a plugin error, a core error |
//! | `log ringing`, `log ended (bye)` | a line of the log |
//! | `unanswered` | Janus has not answered in time |
//! | `answer yes`, `answer 476` | a rest service hears whether its peer may call |
//! | `ask bob` | bob's proxy is to be asked |
//! | `destroy 7` | a session on Janus is ended |
//! | `end` | handles are freed, and then follows what is told |

use crate::calls::action::{Action, EndedCall, FinalNotices};
use bus::message::{CallRecord, Change, ClientEvent, Events, ProxyReply};
use serde_json::Value;

pub fn action(action: &Action) -> Vec<String> {
    match action {
        Action::SendToJanus(text) => vec![said(&serde_json::from_str(text).unwrap())],
        Action::SendToEdge(_, events) => vec![told(events)],
        Action::Log(record) => vec![logged(record)],
        Action::DestroySession(session) => vec![format!("destroy {session}")],
        Action::JanusTimeout => vec!["unanswered".to_owned()],
        Action::ReplyToRest(_, answer) => vec![answered(answer)],
        Action::InviteProxy(ask, _) => vec![format!("ask {}", ask.callee)],
        Action::SaveCall(_) | Action::RestoreCall(..) => Vec::new(),
        Action::EndCall(EndedCall {
            notices: FinalNotices { client_events: tell, proxy_refusal: refused, log },
            ..
        }) => {
            let told = tell.iter().map(|(_, events)| told(events));
            let refused = refused.iter().map(|(_, answer)| answered(answer));
            let said = told.chain(refused).chain(log.as_ref().map(|(line, _)| logged(line)));
            std::iter::once("end".to_owned()).chain(said).collect()
        }
    }
}

fn said(request: &Value) -> String {
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

fn told(events: &Events) -> String {
    let who = if events.session.0 == 1 { "alice" } else { "bob" };
    let answers = if events.in_reply_to.is_some() { "!" } else { "" };
    let change = match &events.change {
        None => "",
        Some(Change::Joined { .. }) => " joined",
        Some(Change::Answered) => " answered",
        Some(Change::Left) => " left",
        Some(other) => panic!("not a connector's to say: {other:?}"),
    };
    let items: Vec<String> = events.events.iter().map(item).collect();
    format!("{who}{answers}{change}: {}", items.join(", "))
}

fn item(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Plugin { transaction, data, jsep } => {
            let transaction = transaction.as_ref().map(|text| format!("{text}/")).unwrap_or_default();
            let read = |raw: &str| serde_json::from_str::<Value>(raw).unwrap();
            let jsep = jsep.as_ref().map(|jsep| format!("+{}", read(jsep.get())["type"].as_str().unwrap()));
            format!("{transaction}{}{}", data_of(&read(data.get())), jsep.unwrap_or_default())
        }
        ClientEvent::Core { janus, fields } => {
            let fields: Value = serde_json::from_str(fields.get()).unwrap();
            let reason = fields["reason"].as_str().map(|reason| format!("({reason})")).unwrap_or_default();
            format!("core {janus}{reason}")
        }
        ClientEvent::Error { transaction, code, .. } => format!("{transaction}/refused {code}"),
    }
}

fn data_of(data: &Value) -> String {
    if let Some(code) = data["error_code"].as_u64() {
        return format!("error {code}");
    }
    let result = &data["result"];
    let with: Vec<&str> = ["username", "reason"].iter().filter_map(|name| result[name].as_str()).collect();
    let with = if with.is_empty() { String::new() } else { format!("({})", with.join(", ")) };
    format!("{}{with}", result["event"].as_str().unwrap())
}

fn answered(answer: &ProxyReply) -> String {
    let code = answer.refusal.as_ref().map(|refusal| refusal.code.to_string());
    format!("answer {}", code.as_deref().unwrap_or("yes"))
}

fn logged(record: &CallRecord) -> String {
    let reason = record.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("log {}{reason}", format!("{:?}", record.event).to_lowercase())
}
