//! Receives the requests of one shard of the queue and handles many of them concurrently.

use crate::backends::BackendCache;
use crate::handlers::{HandlerError, call, end, invite, names, register};
use crate::metrics;
use crate::name_policy::NamePolicy;
use crate::replies::send_error;
use bus::message::{Body, End, EndCause, Message};
use bus::topic::{Mailbox, Queue};
use bus::{Delivery, SendError, Worker};
use common::{ErrorLog, warn_failure};
use protocol::videocall::PluginError;
use service::{Context, canary};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

static HANDLING: ErrorLog = ErrorLog::new("handling requests");
static UNKNOWN_KIND: ErrorLog = ErrorLog::new("understanding messages");

/// How many requests of one shard are handled at once; the others wait in the queue.
const MAX_CONCURRENT: usize = 64;

/// Handles requests until the router stops, then finishes those in flight.
pub async fn run(queue: Queue, context: Context, backends: Arc<BackendCache>, name_policy: Arc<NamePolicy>) {
    let mut worker = context.bus.join_workers(queue, context.id.as_str()).await;
    let permits = Arc::new(Semaphore::new(MAX_CONCURRENT));
    let in_flight = TaskTracker::new();
    while let Some(Some((delivery, permit))) =
        context.shutdown.run_until_cancelled(receive(&mut worker, &permits)).await
    {
        let (context, backends, name_policy) = (context.clone(), backends.clone(), name_policy.clone());
        let span = delivery.message.span();
        let task = async move {
            handle(&context, &backends, &name_policy, delivery).await;
            drop(permit);
        };
        in_flight.spawn(task.instrument(span));
    }
    in_flight.close();
    if timeout(context.shutdown_policy.timeout, in_flight.wait()).await.is_err() {
        let unfinished = in_flight.len();
        tracing::warn!(?queue, unfinished, "shutdown: leaving unfinished requests to other routers");
    }
    worker.leave().await;
}

/// Waits for a permit first, so that a router takes no request that it has no capacity for.
async fn receive(worker: &mut Worker, permits: &Arc<Semaphore>) -> Option<(Delivery, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    Some((worker.next().await, permit))
}

async fn handle(context: &Context, backends: &BackendCache, name_policy: &NamePolicy, delivery: Delivery) {
    let _load = context.health.load().begin("requests");
    let (started_at, kind) = (Instant::now(), delivery.message.body.kind());
    let outcome = if delivery.message.is_expired() {
        discard_expired(context, &delivery.message).await
    } else {
        handle_unless_ended(context, backends, name_policy, &delivery).await
    };
    match outcome {
        Ok(()) => {
            HANDLING.succeeded();
            tracing::debug!(attempt = delivery.attempt, "handled a request");
            metrics::request_done(kind, started_at.elapsed());
            delivery.ack();
        }
        // A second attempt would fail in the same way.
        Err(HandlerError::Bus(SendError::TooLarge)) => {
            warn_failure!(
                HANDLING,
                kind,
                "the result of a request is too large for the bus, refusing the request"
            );
            metrics::request_failed();
            match refuse_too_large(context, &delivery.message).await {
                Ok(()) => delivery.ack(),
                Err(error) => delivery.nack(&error.to_string()),
            }
        }
        Err(error) => {
            metrics::request_failed();
            warn_failure!(HANDLING, %error, "failed to handle a request, it will be redelivered");
            delivery.nack(&error.to_string());
        }
    }
}

/// Ends a request whose result no message can hold.
async fn refuse_too_large(context: &Context, message: &Message) -> Result<(), HandlerError> {
    match &message.body {
        Body::Call(request) => {
            send_error(&context.bus, message.id, request, &PluginError::result_too_large()).await?;
            end::end_with_reason(context, message.id.into(), "The request is too large").await
        }
        Body::Invite(_) => invite::abort_expired(context, message.id.into()).await,
        Body::Register(request) | Body::Exists(request) | Body::List(request) => {
            Ok(send_error(&context.bus, message.id, request, &PluginError::result_too_large()).await?)
        }
        _ => Ok(()),
    }
}

/// Drops a request whose deadline has passed. An edge undoes what its clients' expired requests started. An
/// invite comes from a rest service and is undone here.
async fn discard_expired(context: &Context, message: &Message) -> Result<(), HandlerError> {
    metrics::request_expired();
    match &message.body {
        Body::Invite(_) => invite::abort_expired(context, message.id.into()).await,
        _ => Ok(()),
    }
}

/// Handles a request, but not a redelivered one whose call has ended already: the router that placed that
/// call stopped before it acknowledged the request.
async fn handle_unless_ended(
    context: &Context,
    backends: &BackendCache,
    name_policy: &NamePolicy,
    delivery: &Delivery,
) -> Result<(), HandlerError> {
    let message = &delivery.message;
    let begins_call = matches!(message.body, Body::Call(_) | Body::Invite(_));
    // Two connectors, one after the other, may send the same second attempt.
    let is_second_attempt = matches!(&message.body, Body::Call(request) if request.failed.is_some());
    if (delivery.attempt > 1 || is_second_attempt)
        && begins_call
        && context.directory.has_ended(message.id.into()).await?
    {
        return Ok(());
    }
    dispatch(context, backends, name_policy, message).await
}

async fn dispatch(
    context: &Context,
    backends: &BackendCache,
    name_policy: &NamePolicy,
    message: &Message,
) -> Result<(), HandlerError> {
    match &message.body {
        Body::Register(request) => register::register(context, name_policy, message.id, request).await,
        Body::Invite(invite) => invite::invite(context, message, invite).await,
        Body::Call(request) => call::call(context, backends, message, request).await,
        Body::Exists(request) => names::exists(context, message.id, request).await,
        Body::List(request) => names::list(context, name_policy.lists.as_ref(), message.id, request).await,
        Body::Abandon(abandoned) => end::abandon(context, *abandoned).await,
        Body::Release(release) => end::release_and_reply(context, message.id, release).await,
        Body::Restore(restore) => register::restore(context, message.id, restore).await,
        Body::End(End { call, cause: EndCause::Reason(reason) }) => {
            end::end_with_reason(context, *call, reason).await
        }
        Body::Canary(canary) => {
            let mailbox = Mailbox::Edge(canary.from.clone());
            Ok(canary::send_back(&context.bus, &mailbox, canary).await?)
        }
        other => {
            warn_failure!(UNKNOWN_KIND, kind = other.kind(), "dropped a message that is not for a router");
            Ok(())
        }
    }
}
