//! `call`: pairs two handles, or one with a peer's user, and has a connector set the call up.
//!
//! The call's id is the request's, so a redelivered request finds its own call. The record is
//! written before the handles are taken: whoever finds a handle in a call finds the call.
//!
//! Of a call to a peer's user only the caller is taken; that user's proxy is asked when the caller is on the
//! Janus, by the connector.

mod check;

use super::pairing::{self, Particulars};
use super::registered::{self, Callee};
use super::{Failure, end};
use crate::answer::{core_hangup, reply, tell};
use crate::backends::Backends;
use crate::numbers;
use bus::SendError;
use bus::message::{ClientEvent, ClientRequest, Events, Message, PeerSide};
use bus::topic::Mailbox;
use check::{Refusal, check, lost};
use directory::record::{Call, CallParty, Concluded, Owner, Taken, Token, User};
use protocol::object::Object;
use protocol::outside::{unix_micros, unix_millis};
use protocol::videocall::{self, PluginError};
use protocol::{BackendName, CallId, MessageId, Raw, Side};
use service::Context;

/// What a call is ended for that may have begun, and is refused when its request comes again.
const REFUSED: &str = "The call could not be set up";
/// How many backends are tried for one call.
const MAX_BACKENDS: usize = 3;

/// Answers the request, or hands it to a connector that will.
pub async fn call(
    context: &Context,
    backends: &Backends,
    request: &Message,
    asks: &ClientRequest,
) -> Result<(), Failure> {
    match pair(context, backends, request, asks).await? {
        Ok(()) => Ok(()),
        Err(refusal) => refuse(context, request.id, asks, refusal).await,
    }
}

async fn pair(
    context: &Context,
    backends: &Backends,
    request: &Message,
    asks: &ClientRequest,
) -> Result<Result<(), Refusal>, Failure> {
    let (call_id, taken) = (CallId::from(request.id), unix_micros());
    let who = asks.from.handle_ref();
    let body = Object::parse(asks.body.get()).unwrap_or_default();
    let username = videocall::username(&body);
    let asked_for = username.as_deref().unwrap_or_default();
    let (handle, user) = context.directory.handle_and_user(who, asked_for).await?;
    let callee = registered::callee(context, user).await?;
    let (name, callee) = match check(call_id, handle.as_ref(), &username, callee) {
        Ok(parties) => parties,
        Err(refusal) => {
            // A router that died may have begun what is refused now.
            end::because(context, call_id, REFUSED).await?;
            return Ok(Err(refusal));
        }
    };
    let Some(offer) = &asks.jsep else { return without_offer(context, name, &callee).await.map(Err) };
    let own = Owner { edge: asks.from.edge.clone(), handle: who };
    let caller = CallParty { username: name, owner: Some(own) };
    let (callee, peer) = called(callee);
    let again = handle.is_some_and(|handle| handle.call == Some(call_id));
    place(context, backends, request, Begun { asks, offer, parties: [caller, callee], peer, again, taken })
        .await
}

fn called(callee: Callee) -> (CallParty, Option<PeerSide>) {
    match callee {
        Callee::Ours(User { username, owner }) => (CallParty { username, owner: Some(owner) }, None),
        Callee::Theirs(peer) => {
            let party = CallParty { username: peer.username, owner: None };
            (party, Some(PeerSide::IsCalled(peer.api_base_url)))
        }
    }
}

/// A call whose parties are known.
struct Begun<'a> {
    asks: &'a ClientRequest,
    offer: &'a Raw,
    parties: [CallParty; 2],
    /// What is to be done about a callee that is a peer's.
    peer: Option<PeerSide>,
    /// A router has done some of this, perhaps all.
    again: bool,
    /// When this one took it, unix microseconds.
    taken: u64,
}

/// A callee that is busy is said before a missing offer is.
async fn without_offer(context: &Context, own: String, callee: &Callee) -> Result<Refusal, Failure> {
    let busy = match callee {
        Callee::Ours(user) => {
            context.directory.handle(user.owner.handle).await?.and_then(|it| it.call).is_some()
        }
        Callee::Theirs(_) => false,
    };
    Ok(if busy { Refusal::Busy(own) } else { PluginError::missing_sdp().into() })
}

/// Places the call on a backend; on another, when one does not take it.
async fn place(
    context: &Context,
    backends: &Backends,
    request: &Message,
    begun: Begun<'_>,
) -> Result<Result<(), Refusal>, Failure> {
    let id = CallId::from(request.id);
    let (mut tried, mut is_crowded) = (Vec::<BackendName>::new(), false);
    while tried.len() < MAX_BACKENDS {
        let Some(backend) = backends.choose(&context.directory, &begun.asks.site, &tried).await? else {
            break;
        };
        // One that has the call already is not asked whether it has room.
        if !begun.again && context.bus.is_crowded(&Mailbox::Backend(backend.clone())) {
            is_crowded = true;
            tried.push(backend);
            continue;
        }
        let [caller, callee] = begun.parties.clone();
        let call = Call { id, backend, caller, callee, opened: unix_millis() };
        let (call, lost_handle) = context.directory.begin_call(&call).await?;
        if let Some((side, taken)) = lost_handle {
            let refusal = lost(side, taken, &call.caller.username, &call.callee.username);
            if let ((Side::Caller, Taken::Gone), Some(owner)) = ((side, taken), &call.caller.owner) {
                registered::find_displaced(context, &call.caller.username, owner).await?;
            }
            if begun.again {
                end::because(context, id, REFUSED).await?;
                return Ok(Err(refusal));
            }
            // Where it is over already, or a connector has it, another router does this request too.
            let freed = context.directory.conclude_call(id, Some(Token::NOBODYS), None).await?;
            return Ok(if matches!(freed, Concluded::Freed(_)) { Err(refusal) } else { Ok(()) });
        }
        match pairing::hand_over(context, &call, &begun.particulars(request)).await {
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
    end::because(context, id, REFUSED).await?;
    Ok(Err(if is_crowded { PluginError::crowded() } else { PluginError::no_backend() }.into()))
}

impl Begun<'_> {
    fn particulars(&self, request: &Message) -> Particulars<'_> {
        Particulars {
            deadline: request.deadline,
            transaction: &self.asks.transaction,
            offer: Some(self.offer),
            peer: self.peer.clone(),
            times: self.asks.asked.map(|asked| (asked, self.taken)),
        }
    }
}

async fn refuse(
    context: &Context,
    id: MessageId,
    asks: &ClientRequest,
    refusal: Refusal,
) -> Result<(), Failure> {
    match &refusal {
        Refusal::Error(error) => numbers::refused(error.code),
        Refusal::Busy(_) => numbers::refused_as_busy(),
    }
    let crowded = matches!(&refusal, Refusal::Error(error) if *error == PluginError::crowded());
    let events = Events::of(asks.from.handle_ref(), refusal_events(asks, &refusal));
    tell(&context.bus, &asks.from.edge, Events { answers: Some(id), crowded, ..events }).await?;
    Ok(())
}

/// With an offer Janus had begun a PeerConnection, which it then closes; not for a caller that is
/// in a call (where Janus would end that call too: we do not), and not for a missing offer.
fn refusal_events(asks: &ClientRequest, refusal: &Refusal) -> Vec<ClientEvent> {
    let data = match refusal {
        Refusal::Error(error) => videocall::error(error),
        Refusal::Busy(caller) => videocall::event("hangup", Some(caller), Some("User busy")),
    };
    let mut events = vec![reply(asks, data)];
    let in_call = matches!(refusal, Refusal::Error(error) if *error == PluginError::already_in_call());
    if asks.jsep.is_some() && !in_call {
        events.push(core_hangup("Close PC"));
    }
    events
}
