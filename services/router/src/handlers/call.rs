//! `call`: acquires the handles of caller and callee, and has a connector set the call up.
//!
//! The call has the id of the request, so a redelivered request finds its own call. The call's record is
//! written before the handles are acquired, so there is a record of every call that a handle is in.
//!
//! A callee at a janus-cloud proxy has no handle here: only the caller's is acquired. The connector sends a
//! request to that proxy once the caller is registered on Janus.
//!
//! A connector whose backend fails before the call rings sends the request again, with an id of its own: the
//! call is looked up and checked anew, and gets another backend.

mod check;

use super::end::end_with_reason;
use super::names::{self, Callee};
use super::{HandlerError, RequestError};
use crate::backends::BackendCache;
use crate::metrics;
use crate::replies::{plugin_event, send_events};
use bus::SendError;
use bus::message::{
    Address, Body, ClientEvent, ClientRequest, Deadline, Events, HopTimestamps, Location, Message, Party,
    Place, ProxySide,
};
use bus::topic::Mailbox;
use check::{Refusal, check, refusal_for};
use common::clock::{unix_micros, unix_millis};
use common::{BackendName, CallId, ErrorLog, MessageId, warn_failure};
use directory::record::{AcquireOutcome, Call, CallParty, EndOutcome, FencingToken, Owner, User};
use protocol::hangup::{CLOSE_PC, core_hangup};
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use protocol::{Raw, Side};
use service::Context;

static POSTING: ErrorLog = ErrorLog::new("posting calls");

/// The reason for ending a call that an earlier attempt started and this one refuses.
const REFUSED_REASON: &str = "The call could not be set up";
/// How many backends are tried for one call.
const MAX_BACKENDS_TRIED: usize = 3;

type CallError = RequestError<Refusal>;

/// Replies with a refusal, or posts the call to a connector, which replies.
pub async fn call(
    context: &Context,
    backends: &BackendCache,
    message: &Message,
    request: &ClientRequest,
) -> Result<(), HandlerError> {
    match place_call(context, backends, message, request).await {
        Ok(()) => Ok(()),
        Err(RequestError::Refused(refusal)) => refuse(context, message.id, request, refusal).await,
        Err(RequestError::Failed(error)) => Err(error),
    }
}

async fn place_call(
    context: &Context,
    backends: &BackendCache,
    message: &Message,
    request: &ClientRequest,
) -> Result<(), CallError> {
    let plan = resolve_parties(context, message, request).await?;
    try_backends(context, backends, &plan).await
}

/// A call whose parties are known.
struct CallPlan<'a> {
    id: CallId,
    deadline: Option<Deadline>,
    request: &'a ClientRequest,
    offer: &'a Raw,
    caller: CallParty,
    callee: CallParty,
    /// The proxy of a callee at janus-cloud; `None` for a callee of this cluster.
    proxy: Option<ProxySide>,
    /// An earlier attempt has acquired the caller's handle for this call.
    is_retry: bool,
    /// When this router dequeued the request, in unix microseconds.
    dequeued_at: u64,
}

impl CallPlan<'_> {
    fn place_details(&self, has_fallback: bool) -> PlaceDetails<'_> {
        let may_move = has_fallback && self.request.failed.is_none() && self.proxy.is_none();
        PlaceDetails {
            request: self.request.failed.as_ref().map(|failed| failed.request),
            fallback: may_move.then(|| self.request.location.clone()),
            deadline: self.deadline,
            transaction: &self.request.transaction,
            offer: Some(self.offer),
            proxy: self.proxy.clone(),
            times: self.request.requested_at.map(|requested_at| (requested_at, self.dequeued_at)),
        }
    }
}

/// Looks up caller and callee, and checks in Janus' order whether they may be connected.
async fn resolve_parties<'a>(
    context: &Context,
    message: &Message,
    request: &'a ClientRequest,
) -> Result<CallPlan<'a>, CallError> {
    let (id, dequeued_at) = (CallId::from(message.id), unix_micros());
    let who = request.from.handle_ref();
    let body = LazyObject::parse(request.body.get()).unwrap_or_default();
    let username = videocall::username(&body);
    let wanted = username.as_deref().unwrap_or_default();
    let (handle, registered) = context.directory.handle_and_user(who, wanted).await?;
    let callee = names::resolve(context, registered).await?;
    let (caller_name, callee) = match check(id, handle.as_ref(), &username, callee) {
        Ok(parties) => parties,
        Err(refusal) => {
            // A router that died may have started the call that is refused now.
            end_with_reason(context, id, REFUSED_REASON).await?;
            return Err(RequestError::Refused(refusal));
        }
    };
    let Some(offer) = &request.jsep else {
        return Err(RequestError::Refused(refusal_without_offer(context, caller_name, &callee).await?));
    };
    let owner = Owner { edge: request.from.edge.clone(), handle: who };
    let (callee, proxy) = callee_party(callee);
    Ok(CallPlan {
        id,
        deadline: message.deadline,
        request,
        offer,
        caller: CallParty { username: caller_name, owner: Some(owner) },
        callee,
        proxy,
        is_retry: handle.is_some_and(|handle| handle.call == Some(id)),
        dequeued_at,
    })
}

fn callee_party(callee: Callee) -> (CallParty, Option<ProxySide>) {
    match callee {
        Callee::Local(User { username, owner }) => (CallParty { username, owner: Some(owner) }, None),
        Callee::Foreign(user) => {
            let party = CallParty { username: user.username, owner: None };
            (party, Some(ProxySide::Callee(user.api_base_url)))
        }
    }
}

/// Returns the refusal of a call without an offer. Like Janus, it reports a busy callee first.
async fn refusal_without_offer(
    context: &Context,
    caller: String,
    callee: &Callee,
) -> Result<Refusal, HandlerError> {
    if let Callee::Local(user) = callee {
        let handle = context.directory.handle(user.owner.handle).await?;
        if handle.is_some_and(|handle| handle.call.is_some()) {
            return Ok(Refusal::Busy(caller));
        }
    }
    Ok(PluginError::missing_sdp().into())
}

/// The outcome of an attempt to place a call on a backend.
enum Attempt {
    /// A connector has the call, or another router handles it.
    Done,
    /// The backend's mailbox is full.
    Overloaded(BackendName),
    /// The backend did not take the call.
    Failed(BackendName),
}

/// Places the call on a backend, or on another one when the first does not take it.
async fn try_backends(
    context: &Context,
    backends: &BackendCache,
    plan: &CallPlan<'_>,
) -> Result<(), CallError> {
    let failed = &plan.request.failed;
    let mut tried: Vec<BackendName> = failed.iter().map(|failed| failed.backend.clone()).collect();
    let mut is_overloaded = false;
    while tried.len() < MAX_BACKENDS_TRIED {
        let choice = backends.choose(&context.directory, &plan.request.location, &tried).await?;
        let Some(backend) = choice else { break };
        let has_fallback = backends.has_fallback(&backend, &tried);
        match try_backend(context, plan, backend, has_fallback).await? {
            Attempt::Done => return Ok(()),
            Attempt::Failed(backend) => tried.push(backend),
            Attempt::Overloaded(backend) => {
                is_overloaded = true;
                tried.push(backend);
            }
        }
    }
    // A router that died may have started the call while there was a backend.
    end_with_reason(context, plan.id, REFUSED_REASON).await?;
    let error = match failed {
        _ if is_overloaded => PluginError::overloaded(),
        Some(_) => PluginError::backend_failed(),
        None => PluginError::no_backend(),
    };
    Err(RequestError::Refused(error.into()))
}

async fn try_backend(
    context: &Context,
    plan: &CallPlan<'_>,
    backend: BackendName,
    has_fallback: bool,
) -> Result<Attempt, CallError> {
    // A retry is posted in any case: the backend may have the call already.
    if !plan.is_retry && context.bus.is_overloaded(&Mailbox::Backend(backend.clone())) {
        return Ok(Attempt::Overloaded(backend));
    }
    let planned = Call {
        id: plan.id,
        backend,
        caller: plan.caller.clone(),
        callee: plan.callee.clone(),
        opened: unix_millis(),
    };
    let (call, unavailable) = context.directory.begin_call(&planned).await?;
    if let Some((side, outcome)) = unavailable {
        return on_handle_unavailable(context, plan, &call, side, outcome).await;
    }
    let attempt = match post_to_backend(context, &call, &plan.place_details(has_fallback)).await {
        Ok(()) => {
            POSTING.succeeded();
            return Ok(Attempt::Done);
        }
        // The backend may have it: the redelivered request finds the same call.
        Err(SendError::Unavailable(why)) => return Err(SendError::Unavailable(why).into()),
        Err(SendError::Full) => Attempt::Overloaded(call.backend),
        Err(error) => {
            warn_failure!(POSTING, %error, call = %plan.id, backend = %call.backend, "failed to post a call, trying another backend");
            Attempt::Failed(call.backend)
        }
    };
    context.directory.release_call(plan.id).await?;
    Ok(attempt)
}

/// Refuses a call that could not acquire one of its handles.
async fn on_handle_unavailable(
    context: &Context,
    plan: &CallPlan<'_>,
    call: &Call,
    side: Side,
    outcome: AcquireOutcome,
) -> Result<Attempt, CallError> {
    let refusal = refusal_for(side, outcome, &call.caller.username, &call.callee.username);
    if let (Side::Caller, AcquireOutcome::Gone, Some(owner)) = (side, outcome, &call.caller.owner) {
        names::report_displaced(context, &call.caller.username, owner).await?;
    }
    if plan.is_retry {
        end_with_reason(context, plan.id, REFUSED_REASON).await?;
        return Err(RequestError::Refused(refusal));
    }
    // A call that has ended, or that a connector has, is being handled by another router too.
    match context.directory.end_call(plan.id, Some(FencingToken::UNLEASED), None).await? {
        EndOutcome::Ended(_) => Err(RequestError::Refused(refusal)),
        EndOutcome::Superseded | EndOutcome::NotFound => Ok(Attempt::Done),
    }
}

async fn refuse(
    context: &Context,
    id: MessageId,
    request: &ClientRequest,
    refusal: Refusal,
) -> Result<(), HandlerError> {
    match &refusal {
        Refusal::Error(error) => metrics::call_refused(error.code),
        Refusal::Busy(_) => metrics::call_refused_as_busy(),
    }
    let events = Events {
        in_reply_to: Some(request.failed.as_ref().map_or(id, |failed| failed.request)),
        overloaded: refusal == PluginError::overloaded().into(),
        ..Events::for_handle(request.from.handle_ref(), refusal_events(request, &refusal))
    };
    Ok(send_events(&context.bus, &request.from.edge, events).await?)
}

/// Returns the events of a refusal. For a call with an offer, Janus opens a PeerConnection and closes it on a
/// refusal; without an offer it opens none. When the caller is in a call already, Janus would close that call's
/// PeerConnection; Switchboard keeps the call.
fn refusal_events(request: &ClientRequest, refusal: &Refusal) -> Vec<ClientEvent> {
    let data = match refusal {
        Refusal::Error(error) => videocall::error(error),
        Refusal::Busy(caller) => videocall::event("hangup", Some(caller), Some("User busy")),
    };
    let mut events = vec![plugin_event(request, data)];
    let is_in_call = *refusal == PluginError::already_in_call().into();
    if request.jsep.is_some() && !is_in_call {
        events.push(core_hangup(CLOSE_PC).into());
    }
    events
}

/// What a connector needs for a call beside its record.
pub struct PlaceDetails<'a> {
    /// The request that the caller waits for, if it is not the one with the call's id.
    pub request: Option<MessageId>,
    /// Where another backend is to be chosen if this one fails; `None` if there is none.
    pub fallback: Option<Location>,
    pub deadline: Option<Deadline>,
    /// The transaction of the caller's request; empty for a caller at a janus-cloud proxy.
    pub transaction: &'a str,
    /// The caller's offer; `None` for a caller at a janus-cloud proxy.
    pub offer: Option<&'a Raw>,
    /// The side that is at a janus-cloud proxy, if any.
    pub proxy: Option<ProxySide>,
    /// When the call was requested, and when a router dequeued the request, in unix microseconds. `None`
    /// where the first is unknown.
    pub times: Option<(u64, u64)>,
}

/// Posts a call to its backend.
pub async fn post_to_backend(
    context: &Context,
    call: &Call,
    details: &PlaceDetails<'_>,
) -> Result<(), SendError> {
    let timestamps = details.times.map(|(requested_at, dequeued_at)| HopTimestamps {
        requested_at,
        dequeued_at,
        posted_at: unix_micros(),
    });
    let place = Place {
        call: call.id,
        caller: party(&call.caller),
        callee: party(&call.callee),
        transaction: details.transaction.to_owned(),
        offer: details.offer.cloned(),
        proxy_side: details.proxy.clone(),
        timestamps,
        request: details.request,
        fallback: details.fallback.clone(),
    };
    let message = Message { id: call.id.into(), deadline: details.deadline, body: Body::Place(place) };
    context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await
}

fn party(party: &CallParty) -> Party {
    let address = |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
    Party { username: party.username.clone(), address: party.owner.clone().map(address) }
}
