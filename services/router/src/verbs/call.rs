//! `call`: pairs two handles, or one with a peer's user, and has a connector set the call up.
//!
//! The call's id is the request's, so a redelivered request finds its own call. The record is
//! written before the handles are taken: whoever finds a handle in a call finds the call.
//!
//! Of a call to a peer's user only the caller is taken; that user's proxy is asked when the caller is on the
//! Janus, by the connector.

mod check;

use super::pairing::{self, PlaceDetails};
use super::registered::{self, Callee};
use super::{HandlerError, end};
use crate::answer::{core_hangup, plugin_event, send_events};
use crate::backends::BackendCache;
use crate::numbers;
use bus::SendError;
use bus::message::{ClientEvent, ClientRequest, Events, Message, ProxySide};
use bus::topic::Mailbox;
use check::{Refusal, check, refusal_for};
use common::entropy::{unix_micros, unix_millis};
use common::{BackendName, CallId, MessageId};
use directory::record::{AcquireOutcome, Call, CallParty, EndOutcome, Owner, Token, User};
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use protocol::{Raw, Side};
use service::Context;

/// What a call is ended for that may have begun, and is refused when its request comes again.
const REFUSED_REASON: &str = "The call could not be set up";
/// How many backends are tried for one call.
const MAX_BACKENDS_TRIED: usize = 3;

/// Answers the request, or hands it to a connector that will.
pub async fn call(
    context: &Context,
    backends: &BackendCache,
    request: &Message,
    asks: &ClientRequest,
) -> Result<(), HandlerError> {
    match resolve_parties(context, backends, request, asks).await? {
        Ok(()) => Ok(()),
        Err(refusal) => refuse(context, request.id, asks, refusal).await,
    }
}

async fn resolve_parties(
    context: &Context,
    backends: &BackendCache,
    request: &Message,
    asks: &ClientRequest,
) -> Result<Result<(), Refusal>, HandlerError> {
    let (call_id, taken) = (CallId::from(request.id), unix_micros());
    let who = asks.from.handle_ref();
    let body = LazyObject::parse(asks.body.get()).unwrap_or_default();
    let username = videocall::username(&body);
    let asked_for = username.as_deref().unwrap_or_default();
    let (handle, user) = context.directory.handle_and_user(who, asked_for).await?;
    let callee = registered::resolve(context, user).await?;
    let (name, callee) = match check(call_id, handle.as_ref(), &username, callee) {
        Ok(parties) => parties,
        Err(refusal) => {
            // A router that died may have begun what is refused now.
            end::end_with_reason(context, call_id, REFUSED_REASON).await?;
            return Ok(Err(refusal));
        }
    };
    let Some(offer) = &asks.jsep else { return refuse_without_offer(context, name, &callee).await.map(Err) };
    let own = Owner { edge: asks.from.edge.clone(), handle: who };
    let caller = CallParty { username: name, owner: Some(own) };
    let (callee, peer) = callee_party(callee);
    let again = handle.is_some_and(|handle| handle.call == Some(call_id));
    try_backends(
        context,
        backends,
        request,
        CallPlan {
            client_request: asks,
            offer,
            parties: [caller, callee],
            proxy: peer,
            is_retry: again,
            taken_at: taken,
        },
    )
    .await
}

fn callee_party(callee: Callee) -> (CallParty, Option<ProxySide>) {
    match callee {
        Callee::Local(User { username, owner }) => (CallParty { username, owner: Some(owner) }, None),
        Callee::Remote(peer) => {
            let party = CallParty { username: peer.username, owner: None };
            (party, Some(ProxySide::Callee(peer.api_base_url)))
        }
    }
}

/// A call whose parties are known.
struct CallPlan<'a> {
    client_request: &'a ClientRequest,
    offer: &'a Raw,
    parties: [CallParty; 2],
    /// What is to be done about a callee that is a peer's.
    proxy: Option<ProxySide>,
    /// A router has done some of this, perhaps all.
    is_retry: bool,
    /// When this one took it, unix microseconds.
    taken_at: u64,
}

/// A callee that is busy is said before a missing offer is.
async fn refuse_without_offer(
    context: &Context,
    own: String,
    callee: &Callee,
) -> Result<Refusal, HandlerError> {
    let busy = match callee {
        Callee::Local(user) => {
            context.directory.handle(user.owner.handle).await?.and_then(|it| it.call).is_some()
        }
        Callee::Remote(_) => false,
    };
    Ok(if busy { Refusal::Busy(own) } else { PluginError::missing_sdp().into() })
}

/// Places the call on a backend; on another, when one does not take it.
async fn try_backends(
    context: &Context,
    backends: &BackendCache,
    request: &Message,
    begun: CallPlan<'_>,
) -> Result<Result<(), Refusal>, HandlerError> {
    let id = CallId::from(request.id);
    let (mut tried, mut is_crowded) = (Vec::<BackendName>::new(), false);
    while tried.len() < MAX_BACKENDS_TRIED {
        let Some(backend) =
            backends.choose(&context.directory, &begun.client_request.location, &tried).await?
        else {
            break;
        };
        // One that has the call already is not asked whether it has room.
        if !begun.is_retry && context.bus.is_overloaded(&Mailbox::Backend(backend.clone())) {
            is_crowded = true;
            tried.push(backend);
            continue;
        }
        let [caller, callee] = begun.parties.clone();
        let call = Call { id, backend, caller, callee, opened: unix_millis() };
        let (call, lost_handle) = context.directory.begin_call(&call).await?;
        if let Some((side, taken)) = lost_handle {
            let refusal = refusal_for(side, taken, &call.caller.username, &call.callee.username);
            if let ((Side::Caller, AcquireOutcome::Gone), Some(owner)) = ((side, taken), &call.caller.owner) {
                registered::report_displaced(context, &call.caller.username, owner).await?;
            }
            if begun.is_retry {
                end::end_with_reason(context, id, REFUSED_REASON).await?;
                return Ok(Err(refusal));
            }
            // Where it is over already, or a connector has it, another router does this request too.
            let freed = context.directory.conclude_call(id, Some(Token::UNLEASED), None).await?;
            return Ok(if matches!(freed, EndOutcome::Ended(_)) { Err(refusal) } else { Ok(()) });
        }
        match pairing::post_to_backend(context, &call, &begun.place_details(request)).await {
            Ok(()) => return Ok(Ok(())),
            // The backend may have it: the same request comes again and finds the same call.
            Err(SendError::Unavailable(why)) => return Err(SendError::Unavailable(why).into()),
            Err(SendError::Full) => is_crowded = true,
            Err(error) => {
                tracing::warn!(%error, call = %id, backend = %call.backend, "a backend did not take a call")
            }
        }
        context.directory.free_call(id).await?;
        tried.push(call.backend);
    }
    // A router that died may have begun it when there was one.
    end::end_with_reason(context, id, REFUSED_REASON).await?;
    Ok(Err(if is_crowded { PluginError::overloaded() } else { PluginError::no_backend() }.into()))
}

impl CallPlan<'_> {
    fn place_details(&self, request: &Message) -> PlaceDetails<'_> {
        PlaceDetails {
            deadline: request.deadline,
            transaction: &self.client_request.transaction,
            offer: Some(self.offer),
            proxy: self.proxy.clone(),
            times: self.client_request.requested_at.map(|asked| (asked, self.taken_at)),
        }
    }
}

async fn refuse(
    context: &Context,
    id: MessageId,
    asks: &ClientRequest,
    refusal: Refusal,
) -> Result<(), HandlerError> {
    match &refusal {
        Refusal::Error(error) => numbers::call_refused(error.code),
        Refusal::Busy(_) => numbers::call_refused_as_busy(),
    }
    let crowded = matches!(&refusal, Refusal::Error(error) if *error == PluginError::overloaded());
    let events = Events::for_handle(asks.from.handle_ref(), refusal_events(asks, &refusal));
    send_events(
        &context.bus,
        &asks.from.edge,
        Events { in_reply_to: Some(id), overloaded: crowded, ..events },
    )
    .await?;
    Ok(())
}

/// With an offer Janus had begun a PeerConnection, which it then closes; not for a caller that is
/// in a call (where Janus would end that call too: we do not), and not for a missing offer.
fn refusal_events(asks: &ClientRequest, refusal: &Refusal) -> Vec<ClientEvent> {
    let data = match refusal {
        Refusal::Error(error) => videocall::error(error),
        Refusal::Busy(caller) => videocall::event("hangup", Some(caller), Some("User busy")),
    };
    let mut events = vec![plugin_event(asks, data)];
    let in_call = matches!(refusal, Refusal::Error(error) if *error == PluginError::already_in_call());
    if asks.jsep.is_some() && !in_call {
        events.push(core_hangup("Close PC"));
    }
    events
}
