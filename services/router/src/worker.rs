//! Takes requests from one shard of the queue and has each done, many at a time.

use crate::backends::BackendCache;
use crate::numbers;
use crate::verbs::{HandlerError, call, end, exists, invite, list, register, release, restore};
use bus::message::{Body, Canary, End, EndCause, Message};
use bus::topic::{Mailbox, Queue};
use bus::{Delivery, SendError, Worker};
use service::Context;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// How many requests of one shard are being done at once; the others wait in the queue.
const MAX_CONCURRENT: usize = 64;

/// Works until the router stops; then finishes what it has begun.
pub async fn run(queue: Queue, context: Context, backends: Arc<BackendCache>) {
    let mut worker = context.bus.join_workers(queue, context.id.as_str()).await;
    let places = Arc::new(Semaphore::new(MAX_CONCURRENT));
    let begun = TaskTracker::new();
    while let Some(Some((delivery, place))) =
        context.shutdown.run_until_cancelled(receive(&mut worker, &places)).await
    {
        let (context, backends) = (context.clone(), backends.clone());
        let span = delivery.message.span();
        let work = async move {
            handle(&context, &backends, delivery).await;
            drop(place);
        };
        begun.spawn(work.instrument(span));
    }
    begun.close();
    if timeout(context.shutdown_policy.timeout, begun.wait()).await.is_err() {
        tracing::warn!(?queue, unfinished = begun.len(), "others go on with requests that were begun here");
    }
    worker.leave().await;
}

async fn receive(
    worker: &mut Worker,
    places: &Arc<Semaphore>,
) -> Option<(Delivery, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    Some((worker.next().await, place))
}

async fn handle(context: &Context, backends: &BackendCache, delivery: Delivery) {
    let _under_way = context.health.load().begin("requests");
    let (began, kind) = (Instant::now(), delivery.message.body.kind());
    let done = match delivery.message.is_expired() {
        true => discard_expired(context, &delivery.message).await,
        false => handle_unless_ended(context, backends, &delivery).await,
    };
    match done {
        Ok(()) => {
            tracing::debug!(attempt = delivery.attempt, "a request is done");
            numbers::request_done(kind, began.elapsed());
            delivery.ack();
        }
        Err(error) => {
            numbers::request_failed();
            tracing::warn!(%error, "a request failed");
            delivery.nack(&error.to_string());
        }
    }
}

/// A request that nobody waits for any more. Clients' edges give back what was begun.
async fn discard_expired(context: &Context, message: &Message) -> Result<(), HandlerError> {
    numbers::request_expired();
    match &message.body {
        Body::Invite(_) => invite::abort_expired(context, message.id.into()).await,
        _ => Ok(()),
    }
}

/// A call that comes again may have been begun by a router that could not say so, and be over by now.
async fn handle_unless_ended(
    context: &Context,
    backends: &BackendCache,
    delivery: &Delivery,
) -> Result<(), HandlerError> {
    let message = &delivery.message;
    let begins_call = matches!(message.body, Body::Call(_) | Body::Invite(_));
    if delivery.attempt > 1 && begins_call && context.directory.has_ended(message.id.into()).await? {
        return Ok(());
    }
    dispatch(context, backends, message).await
}

async fn dispatch(context: &Context, backends: &BackendCache, message: &Message) -> Result<(), HandlerError> {
    match &message.body {
        Body::Register(asks) => register::register(context, message.id, asks).await,
        Body::Invite(asks) => invite::invite(context, message, asks).await,
        Body::Call(asks) => call::call(context, backends, message, asks).await,
        Body::Exists(asks) => exists::exists(context, message.id, asks).await,
        Body::List(asks) => list::list(context, message.id, asks).await,
        Body::Abandon(abandoned) => release::abandon(context, *abandoned).await,
        Body::Release(release) => release::release_and_reply(context, message.id, release).await,
        Body::Restore(lost) => restore::restore(context, message.id, lost).await,
        Body::End(End { call, cause: EndCause::Reason(reason) }) => {
            end::end_with_reason(context, *call, reason).await
        }
        Body::Canary(canary) => return_canary(context, canary).await,
        other => {
            tracing::warn!(kind = other.kind(), "not a request for a router");
            Ok(())
        }
    }
}

/// An edge that is gone does not listen for its canaries any more.
async fn return_canary(context: &Context, canary: &Canary) -> Result<(), HandlerError> {
    let message = Message::new(Body::Canary(canary.clone()));
    match context.bus.post(&Mailbox::Edge(canary.from.clone()), &message).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}
