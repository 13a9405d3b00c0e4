//! Asks other proxies to take part in calls of our users: works on the queue `peers`, with every other
//! rest service of the cluster, and sends what a proxy said to the backend's mailbox.
//!
//! A question is put at most once: it is taken off the queue before it is put, since a proxy that is
//! asked twice says that its user is busy. When this service dies at it nobody answers, and the
//! connector gives up at the call's deadline. At most [`AT_ONCE`] are under way; one that gets no place
//! within [`WAIT`] is left in the queue, where its time runs on, for whichever rest service has one: it
//! is refused when it has come for the last time, and answered without being put when it is late.
//!
//! So the queue is always read, and canaries come through while all proxies are slow.

use super::client::{PostResponse, PostTarget, post};
use crate::numbers;
use axum::http::StatusCode;
use bus::message::{self, Body, Message, ProxyInvite, ProxyRefusal, ProxyReply};
use bus::topic::{Mailbox, Queue};
use bus::{Delivery, MAX_DELIVERIES, SendError, Worker};
use serde_json::Value;
use service::{Context, canary};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How many proxies are being asked at once.
const MAX_CONCURRENT_REQUESTS: usize = 64;
/// How long a question waits for a place among them; another service gets it no earlier than
/// [`REDELIVER_AFTER`](bus::REDELIVER_AFTER).
const PERMIT_TIMEOUT: Duration = Duration::from_secs(1);
/// How many messages are in hand at once, those that wait among them; the others wait in the queue.
const MAX_IN_FLIGHT: usize = 1_024;
/// How long one may take, all in all.
const PROXY_TIMEOUT: Duration = Duration::from_secs(8);
/// How much of a refusal's text is passed on, in characters.
const MAX_REFUSAL_TEXT: usize = 200;

/// What janus-cloud says where it knows nothing better.
const GENERAL_ERROR: &str = "General Janus Cloud Error";
const NO_ANSWER: &str = "The other server does not answer";
const NO_ADDRESS: &str = "The other server has no address that can be asked";
const TOO_MANY: &str = "Too many other servers are being asked at the moment";
const BAD_GATEWAY: u16 = 502;
const UNAVAILABLE: u16 = 503;

/// What the messages in hand share.
struct InviteWorker {
    context: Context,
    permits: Semaphore,
}

/// Works until shutdown; then finishes what it has begun.
pub(super) async fn run(context: Context) {
    let mut worker = context.bus.join_workers(Queue::Proxies, context.id.as_str()).await;
    let office = Arc::new(InviteWorker { context, permits: Semaphore::new(MAX_CONCURRENT_REQUESTS) });
    let (hands, begun) = (Arc::new(Semaphore::new(MAX_IN_FLIGHT)), TaskTracker::new());
    let Context { shutdown, shutdown_policy: parting, .. } = &office.context;
    while let Some(Some((delivery, hand))) =
        shutdown.run_until_cancelled(next_delivery(&mut worker, &hands)).await
    {
        let office = office.clone();
        begun.spawn(async move {
            office.handle(delivery).await;
            drop(hand);
        });
    }
    begun.close();
    if timeout(parting.timeout, begun.wait()).await.is_err() {
        tracing::warn!(unfinished = begun.len(), "proxies that were asked are not waited for any longer");
    }
    worker.leave().await;
}

async fn next_delivery(
    worker: &mut Worker,
    hands: &Arc<Semaphore>,
) -> Option<(Delivery, OwnedSemaphorePermit)> {
    let hand = hands.clone().acquire_owned().await.ok()?;
    Some((worker.next().await, hand))
}

impl InviteWorker {
    async fn send_back(&self, canary: &message::Canary) -> Result<(), SendError> {
        canary::send_back(&self.context.bus, &Mailbox::Rest(canary.from.clone()), canary).await
    }

    async fn handle(&self, delivery: Delivery) {
        let is_late = delivery.message.is_expired();
        match delivery.message.body.clone() {
            Body::ProxyInvite(question) if is_late => {
                delivery.ack();
                self.reply(question, Some(refuse_with(BAD_GATEWAY, NO_ANSWER))).await;
            }
            Body::ProxyInvite(question) => self.invite(question, delivery).await,
            Body::Canary(_) if is_late => delivery.ack(),
            Body::Canary(canary) => match self.send_back(&canary).await {
                Ok(()) => delivery.ack(),
                Err(error) => delivery.nack(&error.to_string()),
            },
            other => {
                tracing::warn!(kind = other.kind(), "not a question for a proxy");
                delivery.ack();
            }
        }
    }

    async fn invite(&self, question: ProxyInvite, delivery: Delivery) {
        let place = timeout(PERMIT_TIMEOUT, self.permits.acquire()).await;
        if place.is_err() && delivery.attempt < MAX_DELIVERIES {
            // Not done: it comes again, here or elsewhere.
            return;
        }
        delivery.ack();
        let refusal = match &place {
            Ok(_place) => send_invite(&question).await,
            Err(_) => {
                numbers::queue_full(numbers::PROXY_REQUESTS);
                Some(refuse_with(UNAVAILABLE, TOO_MANY))
            }
        };
        drop(place);
        self.reply(question, refusal).await;
    }

    async fn reply(&self, question: ProxyInvite, refusal: Option<ProxyRefusal>) {
        let outcome = refusal.as_ref().map_or(200, |refusal| refusal.code);
        numbers::count_proxy_request(outcome);
        let ProxyInvite { call, backend, .. } = question;
        let answer = Message::new(Body::ProxyReply(ProxyReply { call, refusal }));
        if let Err(error) = self.context.bus.post(&Mailbox::Backend(backend), &answer).await {
            tracing::warn!(%error, %call, "what a proxy said could not be passed on");
        }
    }
}

/// Asks a proxy; says why it refuses, if it does.
async fn send_invite(question: &ProxyInvite) -> Option<ProxyRefusal> {
    let target = match PostTarget::new(&question.proxy, &question.callee) {
        Ok(target) => target,
        Err(error) => {
            tracing::warn!(%error, call = %question.call, "a proxy cannot be asked");
            return Some(refuse_with(BAD_GATEWAY, NO_ADDRESS));
        }
    };
    match post(&target, invite_form(question), PROXY_TIMEOUT).await {
        Ok(reply) => parse_refusal(&reply),
        Err(error) => {
            tracing::warn!(%error, proxy = target.authority(), call = %question.call, "a proxy was asked in vain");
            Some(refuse_with(BAD_GATEWAY, NO_ANSWER))
        }
    }
}

fn invite_form(question: &ProxyInvite) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("caller_username", &question.caller)
        .append_pair("backend_server_url", &question.backend_url)
        .finish()
}

fn parse_refusal(reply: &PostResponse) -> Option<ProxyRefusal> {
    if reply.status == StatusCode::OK {
        return None;
    }
    let body = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
    let text = match &body["info"] {
        Value::String(text) => sanitize(text),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Some(refuse_with(reply.status.as_u16(), if text.is_empty() { GENERAL_ERROR } else { &text }))
}

/// What a client can be shown of a text that somebody else wrote.
fn sanitize(text: &str) -> String {
    let text = text.trim().chars().map(|it| if it.is_control() { ' ' } else { it });
    text.take(MAX_REFUSAL_TEXT).collect()
}

fn refuse_with(code: u16, text: &str) -> ProxyRefusal {
    ProxyRefusal { code, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> Option<(u16, String)> {
        let reply = PostResponse { status: StatusCode::from_u16(status).unwrap(), body: body.into() };
        parse_refusal(&reply).map(|refusal| (refusal.code, refusal.text))
    }

    #[test]
    fn only_200_is_a_yes() {
        assert_eq!(said(200, "whatever"), None);
        for status in [201, 204, 302, 404, 500] {
            assert_eq!(said(status, ""), Some((status, GENERAL_ERROR.to_owned())));
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
            assert_eq!(text(body), GENERAL_ERROR, "{body}");
        }
    }
}
