//! `call`: pairs two handles and has a connector set the call up.
//!
//! The call's id is the request's, so a redelivered request finds its own call. The record is
//! written before the handles are taken: whoever finds a handle in a call finds the call.

use super::{Failure, end};
use crate::answer::{answer, core_hangup, reply};
use crate::backends::Backends;
use bus::SendError;
use bus::message::{Address, Body, ClientEvent, ClientRequest, Message, Party, Place};
use bus::topic::Mailbox;
use directory::record::{Call, CallParty, Concluded, Handle, Owner, Taken, Token, User};
use protocol::object::Object;
use protocol::outside::unix_millis;
use protocol::videocall::{self, PluginError};
use protocol::{BackendName, CallId, MessageId, Raw, Side};
use service::Context;

/// What a call is ended for that may have begun, and is refused when its request comes again.
const REFUSED: &str = "The call could not be set up";
/// How many backends are tried for one call.
const MAX_BACKENDS: usize = 3;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// In the plugin's words.
    Error(PluginError),
    /// The callee is in a call; says who called.
    Busy(String),
}

impl From<PluginError> for Refusal {
    fn from(error: PluginError) -> Self {
        Self::Error(error)
    }
}

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
    let call_id = CallId::from(request.id);
    let who = asks.from.handle_ref();
    let body = Object::parse(asks.body.get()).unwrap_or_default();
    let username = videocall::username(&body);
    let asked_for = username.as_deref().unwrap_or_default();
    let (handle, user) = context.directory.handle_and_user(who, asked_for).await?;
    let user = user.and_then(|user| match user {
        directory::record::Registered::Ours(user) => Some(user),
        directory::record::Registered::Theirs(_) => None,
    });
    let (name, callee) = match check(call_id, handle.as_ref(), &username, user) {
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
    let callee = CallParty { username: callee.username, owner: Some(callee.owner) };
    let parties = [caller, callee];
    let again = handle.is_some_and(|handle| handle.call == Some(call_id));
    place(context, backends, request, Begun { asks, offer, parties, again }).await
}

/// A call whose parties are known.
struct Begun<'a> {
    asks: &'a ClientRequest,
    offer: &'a Raw,
    parties: [CallParty; 2],
    /// A router has done some of this, perhaps all.
    again: bool,
}

/// What Janus checks before it looks at the callee's state, in its order: the caller's name and the
/// callee.
fn check(
    call: CallId,
    caller: Option<&Handle>,
    username: &Result<String, PluginError>,
    callee: Option<User>,
) -> Result<(String, User), Refusal> {
    let own = caller.and_then(|handle| handle.username.clone()).ok_or_else(PluginError::register_first)?;
    if caller.and_then(|handle| handle.call).is_some_and(|other| other != call) {
        return Err(PluginError::already_in_call().into());
    }
    let username = username.clone()?;
    if username == own {
        return Err(PluginError::use_echo_test().into());
    }
    let callee = callee.ok_or_else(|| PluginError::no_such_username(&username))?;
    Ok((own, callee))
}

/// A callee that is busy is said before a missing offer is.
async fn without_offer(context: &Context, own: String, callee: &User) -> Result<Refusal, Failure> {
    let callee = context.directory.handle(callee.owner.handle).await?;
    Ok(match callee.is_some_and(|callee| callee.call.is_some()) {
        true => Refusal::Busy(own),
        false => PluginError::missing_sdp().into(),
    })
}

/// Places the call on a backend; on another, when one does not take it.
async fn place(
    context: &Context,
    backends: &Backends,
    request: &Message,
    begun: Begun<'_>,
) -> Result<Result<(), Refusal>, Failure> {
    let id = CallId::from(request.id);
    let mut tried: Vec<BackendName> = Vec::new();
    while tried.len() < MAX_BACKENDS {
        let Some(backend) = backends.choose(&context.directory, &tried).await? else { break };
        let [caller, callee] = begun.parties.clone();
        let call = Call { id, backend, caller, callee, opened: unix_millis() };
        let call = context.directory.open_call(&call).await?;
        if let Err(refusal) = take(context, &call).await? {
            if begun.again {
                end::because(context, id, REFUSED).await?;
                return Ok(Err(refusal));
            }
            // Where it is over already, or a connector has it, another router does this request too.
            let freed = context.directory.conclude_call(id, Token::NOBODYS).await?;
            return Ok(if matches!(freed, Concluded::Freed(_)) { Err(refusal) } else { Ok(()) });
        }
        match hand_over(context, request, &call, &begun).await {
            Ok(()) => return Ok(Ok(())),
            // The backend may have it: the same request comes again and finds the same call.
            Err(SendError::Unavailable(why)) => return Err(SendError::Unavailable(why).into()),
            Err(error) => {
                tracing::warn!(%error, %id, backend = %call.backend, "a backend did not take a call")
            }
        }
        context.directory.free_call(id).await?;
        tried.push(call.backend);
    }
    // A router that died may have begun it when there was one.
    end::because(context, id, REFUSED).await?;
    Ok(Err(PluginError::no_backend().into()))
}

/// Takes both handles, in the order of their ids: of two calls that want the same two, one gets both.
async fn take(context: &Context, call: &Call) -> Result<Result<(), Refusal>, Failure> {
    let handle = |side| Some((call.party(side).owner.as_ref()?.handle, side));
    let mut sides: Vec<_> = [Side::Caller, Side::Callee].into_iter().filter_map(handle).collect();
    sides.sort_by_key(|(handle, _)| *handle);
    for (handle, side) in sides {
        let taken = context
            .directory
            .take(handle, &call.party(side).username, call.id, &call.party(side.peer()).username)
            .await?;
        if let Some(refusal) = lost(call, side, taken) {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

fn lost(call: &Call, side: Side, taken: Taken) -> Option<Refusal> {
    match (side, taken) {
        (_, Taken::Won) => None,
        (Side::Caller, Taken::Busy(_)) => Some(PluginError::already_in_call().into()),
        (Side::Caller, Taken::Gone) => Some(PluginError::register_first().into()),
        (Side::Callee, Taken::Busy(_)) => Some(Refusal::Busy(call.caller.username.clone())),
        (Side::Callee, Taken::Gone) => Some(PluginError::no_such_username(&call.callee.username).into()),
    }
}

async fn hand_over(
    context: &Context,
    request: &Message,
    call: &Call,
    begun: &Begun<'_>,
) -> Result<(), SendError> {
    let party = |party: &CallParty| {
        let address =
            |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
        let address = party.owner.clone().map(address);
        Party { username: party.username.clone(), address }
    };
    let place = Place {
        call: call.id,
        caller: party(&call.caller),
        callee: party(&call.callee),
        transaction: begun.asks.transaction.clone(),
        offer: Some(begun.offer.clone()),
        peer: None,
    };
    let message = Message { id: request.id, deadline: request.deadline, body: Body::Place(place) };
    context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await
}

async fn refuse(
    context: &Context,
    id: MessageId,
    asks: &ClientRequest,
    refusal: Refusal,
) -> Result<(), Failure> {
    metrics::counter!("switchboard_router_refused_calls_total").increment(1);
    let events = refusal_events(asks, &refusal);
    answer(&context.bus, id, asks, None, events).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{HandleId, HandleRef, ServiceId, SessionId};

    fn handle(username: Option<&str>, call: Option<CallId>) -> Handle {
        Handle { edge: ServiceId::from("edge-1"), username: username.map(str::to_owned), call }
    }

    fn user(username: &str) -> User {
        let handle = HandleRef { session: SessionId(1), handle: HandleId(2) };
        User { username: username.to_owned(), owner: Owner { edge: ServiceId::from("edge-1"), handle } }
    }

    fn code(result: Result<(String, User), Refusal>) -> u16 {
        match result {
            Err(Refusal::Error(error)) => error.code,
            _ => 0,
        }
    }

    #[test]
    fn refusals_come_in_the_order_of_janus() {
        let (id, other) = (CallId::fresh(), CallId::fresh());
        let bob = Ok("bob".to_owned());
        let bad = Err(PluginError::missing_sdp());
        let alice = handle(Some("alice"), None);
        let busy = handle(Some("alice"), Some(other));
        assert_eq!(code(check(id, None, &bad, None)), 473);
        assert_eq!(code(check(id, Some(&handle(None, Some(other))), &bob, None)), 473);
        assert_eq!(code(check(id, Some(&busy), &bad, None)), 480);
        assert_eq!(code(check(id, Some(&alice), &bad, None)), 482);
        assert_eq!(code(check(id, Some(&alice), &Ok("alice".to_owned()), Some(user("alice")))), 479);
        assert_eq!(code(check(id, Some(&alice), &bob, None)), 478);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(user("bob")))), 0);
    }

    #[test]
    fn a_request_that_comes_again_is_not_in_its_own_way() {
        let id = CallId::fresh();
        let taken = handle(Some("alice"), Some(id));
        assert_eq!(code(check(id, Some(&taken), &Ok("bob".to_owned()), Some(user("bob")))), 0);
    }
}
