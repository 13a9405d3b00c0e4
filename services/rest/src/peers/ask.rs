//! Asks other proxies to take part in calls of our users: works on the queue `peers`, with every other
//! rest service of the cluster, and sends what a proxy said to the backend's mailbox.
//!
//! A question is put at most once: it is taken off the queue before it is put, since a proxy that is
//! asked twice says that its user is busy. When this service dies at it nobody answers, and the
//! connector gives up at the call's deadline. At most [`AT_ONCE`] are under way; the others wait in the
//! queue, where their time runs on: one that is late is answered without being put.

use super::client::{Reply, Target, post};
use axum::http::StatusCode;
use bus::message::{AskPeer, Body, Message, PeerAnswer, PeerRefusal};
use bus::topic::{Mailbox, Queue};
use bus::{Delivery, Worker};
use serde_json::Value;
use service::Context;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How many proxies are being asked at once.
const AT_ONCE: usize = 64;
/// How long one may take, all in all.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much of a refusal's text is passed on, in characters.
const MAX_TEXT: usize = 200;

/// What janus-cloud says where it knows nothing better.
const GENERAL: &str = "General Janus Cloud Error";
const NO_ANSWER: &str = "The other server does not answer";
const NO_ADDRESS: &str = "The other server has no address that can be asked";
const BAD_GATEWAY: u16 = 502;

/// Works until shutdown; then finishes what it has begun.
pub(super) async fn work(context: Context) {
    let mut worker = context.bus.work(Queue::Peers, context.id.as_str()).await;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let begun = TaskTracker::new();
    while let Some(Some((delivery, place))) =
        context.shutdown.run_until_cancelled(take(&mut worker, &places)).await
    {
        let context = context.clone();
        begun.spawn(async move {
            handle(&context, delivery).await;
            drop(place);
        });
    }
    begun.close();
    if timeout(context.parting.bound, begun.wait()).await.is_err() {
        tracing::warn!(unfinished = begun.len(), "proxies that were asked are not waited for any longer");
    }
    worker.leave().await;
}

async fn take(worker: &mut Worker, places: &Arc<Semaphore>) -> Option<(Delivery, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    Some((worker.next().await, place))
}

async fn handle(context: &Context, delivery: Delivery) {
    let (is_late, body) = (delivery.message.is_late(), delivery.message.body.clone());
    delivery.done();
    let Body::AskPeer(question) = body else {
        return tracing::warn!(kind = body.kind(), "not a question for a proxy");
    };
    let refusal = match is_late {
        true => Some(refused(BAD_GATEWAY, NO_ANSWER)),
        false => put(&question).await,
    };
    let outcome = refusal.as_ref().map_or(200, |refusal| refusal.code);
    metrics::counter!("switchboard_rest_asked_total", "status" => outcome.to_string()).increment(1);
    let AskPeer { call, backend, .. } = question;
    let answer = Message::new(Body::PeerAnswer(PeerAnswer { call, refusal }));
    if let Err(error) = context.bus.post(&Mailbox::Backend(backend), &answer).await {
        tracing::warn!(%error, %call, "what a proxy said could not be passed on");
    }
}

/// Asks a proxy; says why it refuses, if it does.
async fn put(question: &AskPeer) -> Option<PeerRefusal> {
    let target = match Target::new(&question.proxy, &question.callee) {
        Ok(target) => target,
        Err(error) => {
            tracing::warn!(%error, call = %question.call, "a proxy cannot be asked");
            return Some(refused(BAD_GATEWAY, NO_ADDRESS));
        }
    };
    match post(&target, form(question), PATIENCE).await {
        Ok(reply) => refusal(&reply),
        Err(error) => {
            tracing::warn!(%error, proxy = target.authority(), call = %question.call, "a proxy was asked in vain");
            Some(refused(BAD_GATEWAY, NO_ANSWER))
        }
    }
}

fn form(question: &AskPeer) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("caller_username", &question.caller)
        .append_pair("backend_server_url", &question.backend_url)
        .finish()
}

fn refusal(reply: &Reply) -> Option<PeerRefusal> {
    if reply.status == StatusCode::OK {
        return None;
    }
    let body = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
    let text = match &body["info"] {
        Value::String(text) => tidy(text),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Some(refused(reply.status.as_u16(), if text.is_empty() { GENERAL } else { &text }))
}

/// What a client can be shown of a text that somebody else wrote.
fn tidy(text: &str) -> String {
    let text = text.trim().chars().map(|it| if it.is_control() { ' ' } else { it });
    text.take(MAX_TEXT).collect()
}

fn refused(code: u16, text: &str) -> PeerRefusal {
    PeerRefusal { code, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> Option<(u16, String)> {
        let reply = Reply { status: StatusCode::from_u16(status).unwrap(), body: body.into() };
        refusal(&reply).map(|refusal| (refusal.code, refusal.text))
    }

    #[test]
    fn only_200_is_a_yes() {
        assert_eq!(said(200, "whatever"), None);
        for status in [201, 204, 302, 404, 500] {
            assert_eq!(said(status, ""), Some((status, GENERAL.to_owned())));
        }
    }

    #[test]
    fn a_refusal_has_the_words_of_its_info_made_fit_to_be_shown() {
        let text = |body: &str| said(480, body).unwrap().1;
        assert_eq!(text(r#"{"info":"User bob busy","traceback":["x"]}"#), "User bob busy");
        assert_eq!(text(r#"{"info":5}"#), "5");
        assert_eq!(text(r#"{"info":" a\nb\u0000c\u001b[1m "}"#), "a b c [1m");
        assert_eq!(text(&format!(r#"{{"info":"{}"}}"#, "é".repeat(500))), "é".repeat(200));
        for body in ["", "{", "[]", "no JSON", r#"{"info":""}"#, r#"{"info":null}"#, r#"{"info":["x"]}"#] {
            assert_eq!(text(body), GENERAL, "{body}");
        }
    }
}
