//! Takes requests from one shard of the queue and has each done, many at a time.

use crate::backends::Backends;
use crate::numbers;
use crate::verbs::{Failure, call, end, exists, invite, list, register, release, restore};
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
const AT_ONCE: usize = 64;

/// Works until the router stops; then finishes what it has begun.
pub async fn work(queue: Queue, context: Context, backends: Arc<Backends>) {
    let mut worker = context.bus.work(queue, context.id.as_str()).await;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let begun = TaskTracker::new();
    while let Some(Some((delivery, place))) =
        context.shutdown.run_until_cancelled(take(&mut worker, &places)).await
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
    if timeout(context.parting.bound, begun.wait()).await.is_err() {
        tracing::warn!(?queue, unfinished = begun.len(), "others go on with requests that were begun here");
    }
    worker.leave().await;
}

async fn take(
    worker: &mut Worker,
    places: &Arc<Semaphore>,
) -> Option<(Delivery, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    Some((worker.next().await, place))
}

async fn handle(context: &Context, backends: &Backends, delivery: Delivery) {
    let _under_way = context.health.load().begin("requests");
    let (began, kind) = (Instant::now(), delivery.message.body.kind());
    let done = match delivery.message.is_late() {
        true => let_lie(context, &delivery.message).await,
        false => do_unless_over(context, backends, &delivery).await,
    };
    match done {
        Ok(()) => {
            tracing::debug!(attempt = delivery.attempt, "a request is done");
            numbers::done(kind, began.elapsed());
            delivery.done();
        }
        Err(error) => {
            numbers::failed();
            tracing::warn!(%error, "a request failed");
            delivery.failed(&error.to_string());
        }
    }
}

/// A request that nobody waits for any more. Clients' edges give back what was begun.
async fn let_lie(context: &Context, message: &Message) -> Result<(), Failure> {
    numbers::late();
    match &message.body {
        Body::Invite(_) => invite::too_late(context, message.id.into()).await,
        _ => Ok(()),
    }
}

/// A call that comes again may have been begun by a router that could not say so, and be over by now.
async fn do_unless_over(context: &Context, backends: &Backends, delivery: &Delivery) -> Result<(), Failure> {
    let message = &delivery.message;
    let begins_call = matches!(message.body, Body::Call(_) | Body::Invite(_));
    if delivery.attempt > 1 && begins_call && context.directory.is_over(message.id.into()).await? {
        return Ok(());
    }
    dispatch(context, backends, message).await
}

async fn dispatch(context: &Context, backends: &Backends, message: &Message) -> Result<(), Failure> {
    match &message.body {
        Body::Register(asks) => register::register(context, message.id, asks).await,
        Body::Invite(asks) => invite::invite(context, message, asks).await,
        Body::Call(asks) => call::call(context, backends, message, asks).await,
        Body::Exists(asks) => exists::exists(context, message.id, asks).await,
        Body::List(asks) => list::list(context, message.id, asks).await,
        Body::Abandon(abandoned) => release::abandon(context, *abandoned).await,
        Body::Release(release) => release::on_request(context, message.id, release).await,
        Body::Restore(lost) => restore::restore(context, message.id, lost).await,
        Body::End(End { call, cause: EndCause::Because(reason) }) => {
            end::because(context, *call, reason).await
        }
        Body::Canary(canary) => send_back(context, canary).await,
        other => {
            tracing::warn!(kind = other.kind(), "not a request for a router");
            Ok(())
        }
    }
}

/// An edge that is gone does not listen for its canaries any more.
async fn send_back(context: &Context, canary: &Canary) -> Result<(), Failure> {
    let message = Message::new(Body::Canary(canary.clone()));
    match context.bus.post(&Mailbox::Edge(canary.from.clone()), &message).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}
