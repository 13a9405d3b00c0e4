//! Calls of this cluster's users to janus-cloud users. The rest services consume the queue `proxies`, send each invite
//! to the callee's proxy, and post the result to the mailbox of the call's backend.
//!
//! An invite is sent at most once, since a proxy that receives it twice reports its user as busy. So it is acknowledged
//! before it is sent. If this service dies in between, the connector gives up at the call's deadline.
//!
//! At most [`MAX_CONCURRENT_REQUESTS`] are in flight. An invite without a permit within [`PERMIT_TIMEOUT`] is left for
//! redelivery to any rest service. It is refused at its last delivery, and when it has expired. So the queue is always
//! read, and canaries pass while proxies are slow.

use crate::metrics;
use axum::body::Body as HttpBody;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use bus::message::{Body, Message, ProxyInvite, ProxyRefusal, ProxyReply};
use bus::topic::{Mailbox, Queue};
use bus::{Delivery, MAX_DELIVERIES, Worker};
use common::{ErrorLog, warn_failure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use service::http_client::{BaseUrl, HttpError};
use service::{Context, canary};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

static REPLYING: ErrorLog = ErrorLog::new("posting the replies of proxies");
static UNKNOWN_KIND: ErrorLog = ErrorLog::new("understanding messages");
static ADDRESSING: ErrorLog = ErrorLog::new("finding the URLs of proxies");
static REQUESTING: ErrorLog = ErrorLog::new("requests to proxies");

const MAX_CONCURRENT_REQUESTS: usize = 64;
/// How long an invite waits for a permit. It is redelivered no earlier than [`REDELIVER_AFTER`](bus::REDELIVER_AFTER).
const PERMIT_TIMEOUT: Duration = Duration::from_secs(1);
/// How many messages are received and not finished, including those that wait for a permit.
const MAX_IN_FLIGHT: usize = 1_024;
/// How long a request to a proxy may take in total.
const PROXY_TIMEOUT: Duration = Duration::from_secs(8);
/// The largest body of a response, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The characters of a path that are not encoded (RFC 3986: unreserved).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest refusal text that is passed on, in characters.
const MAX_REFUSAL_TEXT: usize = 200;

/// The refusal texts for clients; the first is janus-cloud's.
const GENERAL_ERROR: &str = "General Janus Cloud Error";
const NO_ANSWER: &str = "The other server does not answer";
const NO_ADDRESS: &str = "The other server has no usable address";
const TOO_MANY: &str = "Too many requests to other servers are in flight";
const BAD_GATEWAY: u16 = 502;
const UNAVAILABLE: u16 = 503;

/// A proxy's response to an invite; the body of status 200 is not read.
struct ProxyResponse {
    status: StatusCode,
    body: Vec<u8>,
}

struct InviteWorker {
    context: Context,
    permits: Semaphore,
}

/// Handles invites until shutdown, then finishes those in flight.
pub(super) async fn run(context: Context) {
    let mut worker = context.bus.join_workers(Queue::Proxies, context.id.as_str()).await;
    let handler = Arc::new(InviteWorker { context, permits: Semaphore::new(MAX_CONCURRENT_REQUESTS) });
    let (slots, tasks) = (Arc::new(Semaphore::new(MAX_IN_FLIGHT)), TaskTracker::new());
    let Context { shutdown, shutdown_policy, .. } = &handler.context;
    while let Some(Some((delivery, slot))) =
        shutdown.run_until_cancelled(next_delivery(&mut worker, &slots)).await
    {
        let handler = handler.clone();
        tasks.spawn(async move {
            handler.handle(delivery).await;
            drop(slot);
        });
    }
    tasks.close();
    if timeout(shutdown_policy.timeout, tasks.wait()).await.is_err() {
        tracing::warn!(
            unfinished = tasks.len(),
            "shutdown: requests to proxies did not finish before the deadline"
        );
    }
    worker.leave().await;
}

async fn next_delivery(
    worker: &mut Worker,
    slots: &Arc<Semaphore>,
) -> Option<(Delivery, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    Some((worker.next().await, slot))
}

impl InviteWorker {
    async fn handle(&self, delivery: Delivery) {
        let is_expired = delivery.message.is_expired();
        match delivery.message.body.clone() {
            Body::ProxyInvite(invite) if is_expired => {
                delivery.ack();
                self.reply(invite, Some(refuse_with(BAD_GATEWAY, NO_ANSWER))).await;
            }
            Body::ProxyInvite(invite) => self.invite(invite, delivery).await,
            Body::Canary(_) if is_expired => delivery.ack(),
            Body::Canary(canary) => {
                let sender = Mailbox::Rest(canary.from.clone());
                match canary::send_back(&self.context.bus, &sender, &canary).await {
                    Ok(()) => delivery.ack(),
                    Err(error) => delivery.nack(&error.to_string()),
                }
            }
            other => {
                warn_failure!(
                    UNKNOWN_KIND,
                    kind = other.kind(),
                    "unexpected message in the queue of proxies"
                );
                delivery.ack();
            }
        }
    }

    async fn invite(&self, invite: ProxyInvite, delivery: Delivery) {
        let permit = timeout(PERMIT_TIMEOUT, self.permits.acquire()).await;
        if permit.is_err() && delivery.attempt < MAX_DELIVERIES {
            // Without an acknowledgement it is redelivered.
            return;
        }
        delivery.ack();
        let refusal = match &permit {
            Ok(_permit) => send_invite(&invite).await,
            Err(_) => {
                metrics::queue_full(metrics::PROXY_REQUESTS);
                Some(refuse_with(UNAVAILABLE, TOO_MANY))
            }
        };
        drop(permit);
        self.reply(invite, refusal).await;
    }

    async fn reply(&self, invite: ProxyInvite, refusal: Option<ProxyRefusal>) {
        let status = refusal.as_ref().map_or(200, |refusal| refusal.code);
        metrics::count_proxy_request(status);
        let ProxyInvite { call, backend, .. } = invite;
        let reply = Message::new(Body::ProxyReply(ProxyReply { call, refusal }));
        let posted = self.context.bus.post(&Mailbox::Backend(backend), &reply).await;
        if posted.is_ok() {
            REPLYING.succeeded();
        }
        if let Err(error) = posted {
            warn_failure!(REPLYING, %error, %call, "failed to post a proxy's reply to the backend");
        }
    }
}

/// Sends an invite to a proxy; returns its refusal, if any.
async fn send_invite(invite: &ProxyInvite) -> Option<ProxyRefusal> {
    let ProxyInvite { call, proxy, callee, .. } = invite;
    let Ok(url) = BaseUrl::parse(proxy) else {
        warn_failure!(ADDRESSING, proxy, %call, "proxy has no URL of the form http://HOST[:PORT]/PATH");
        return Some(refuse_with(BAD_GATEWAY, NO_ADDRESS));
    };
    let path = format!("/{}", utf8_percent_encode(callee, UNRESERVED));
    match timeout(PROXY_TIMEOUT, post(&url, &path, invite_form(invite))).await {
        Ok(Ok(response)) => {
            REQUESTING.succeeded();
            parse_refusal(&response)
        }
        Ok(Err(error)) => {
            warn_failure!(REQUESTING, %error, proxy = url.authority(), %call, "request to a proxy failed");
            Some(refuse_with(BAD_GATEWAY, NO_ANSWER))
        }
        Err(_) => {
            warn_failure!(REQUESTING, proxy = url.authority(), %call, "request to a proxy failed: no response in time");
            Some(refuse_with(BAD_GATEWAY, NO_ANSWER))
        }
    }
}

/// Posts a form as janus-cloud's proxies do: on a connection of its own, without a retry.
async fn post(url: &BaseUrl, path: &str, form: String) -> Result<ProxyResponse, HttpError> {
    let request = url.request(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = url.send(request.body(HttpBody::from(form))?).await?;
    let status = response.status;
    // A body that is too large or incomplete does not matter: the status says enough.
    let body = match status {
        StatusCode::OK => Vec::new(),
        _ => response.read_body(MAX_BODY).await.map(Into::into).unwrap_or_default(),
    };
    Ok(ProxyResponse { status, body })
}

fn invite_form(invite: &ProxyInvite) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("caller_username", &invite.caller)
        .append_pair("backend_server_url", &invite.backend_url)
        .finish()
}

fn parse_refusal(response: &ProxyResponse) -> Option<ProxyRefusal> {
    if response.status == StatusCode::OK {
        return None;
    }
    let body = serde_json::from_slice::<Value>(&response.body).unwrap_or_default();
    let text = match &body["info"] {
        Value::String(text) => sanitize(text),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Some(refuse_with(response.status.as_u16(), if text.is_empty() { GENERAL_ERROR } else { &text }))
}

/// Makes the text of a proxy safe to show to clients.
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

    fn refusal(status: u16, body: &str) -> Option<(u16, String)> {
        let response = ProxyResponse { status: StatusCode::from_u16(status).unwrap(), body: body.into() };
        parse_refusal(&response).map(|refusal| (refusal.code, refusal.text))
    }

    #[test]
    fn only_200_is_acceptance() {
        assert_eq!(refusal(200, "whatever"), None);
        for status in [201, 204, 302, 404, 500] {
            assert_eq!(refusal(status, ""), Some((status, GENERAL_ERROR.to_owned())));
        }
    }

    #[test]
    fn refusal_has_the_sanitized_text_of_its_info() {
        let text = |body: &str| refusal(480, body).unwrap().1;
        assert_eq!(text(r#"{"info":"User bob busy","traceback":["x"]}"#), "User bob busy");
        assert_eq!(text(r#"{"info":5}"#), "5");
        assert_eq!(text(r#"{"info":" a\nb\u0000c\u001b[1m "}"#), "a b c [1m");
        assert_eq!(text(&format!(r#"{{"info":"{}"}}"#, "é".repeat(500))), "é".repeat(200));
        for body in ["", "{", "[]", "no JSON", r#"{"info":""}"#, r#"{"info":null}"#, r#"{"info":["x"]}"#] {
            assert_eq!(text(body), GENERAL_ERROR, "{body}");
        }
    }
}
