//! `/api/v1/users`: who is registered, where, and in which call. A name that belongs to a proxy of
//! another make is seen as that one wrote it down.

use super::input::{In, Username, Window};
use super::patience::Patience;
use super::problem::Problem;
use super::{Cluster, sessions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use directory::record::{Call, Owner, Registered, User};
use protocol::{BackendName, CallId, HandleId, ServiceId, SessionId, Side};
use serde::Serialize;

const NOT_FREE: &str = "the session has ended; that the name is free could not be seen yet: look again";

/// Where a name's owner is.
#[derive(Serialize)]
pub(super) struct Place {
    pub edge: ServiceId,
    pub session: SessionId,
    pub handle: HandleId,
}

impl From<Owner> for Place {
    fn from(Owner { edge, handle }: Owner) -> Self {
        Self { edge, session: handle.session, handle: handle.handle }
    }
}

#[derive(Serialize)]
pub(super) struct Listed {
    username: String,
    owner: Option<Place>,
}

#[derive(Serialize)]
pub(super) struct All {
    users: Vec<Listed>,
    next: Option<String>,
}

/// A proxy of another make.
#[derive(Serialize)]
struct Proxy {
    uuid: String,
    /// Where it is asked; none while it is not alive, or does not say.
    url: Option<String>,
}

/// The call a user is in.
#[derive(Serialize)]
struct InCall {
    id: CallId,
    side: Side,
    with: String,
    /// Whether the other one is registered elsewhere.
    with_peer: bool,
    backend: BackendName,
}

/// A user, as operators see one.
#[derive(Serialize)]
pub(super) struct Seen {
    username: String,
    owner: Option<Place>,
    proxy: Option<Proxy>,
    in_call: bool,
    call: Option<InCall>,
}

/// `GET /users`
pub(super) async fn list(State(cluster): State<Cluster>, window: Window) -> Result<Json<All>, Problem> {
    let page = cluster.directory.users_page(window.after, window.limit).await?;
    let next = page.next.map(|next| next.to_string());
    let listed = |user| match user {
        Registered::Ours(user) => Listed { username: user.username, owner: Some(user.owner.into()) },
        Registered::Theirs(user) => Listed { username: user.username, owner: None },
    };
    let users = page.items.into_iter().map(listed);
    Ok(Json(All { users: users.collect(), next }))
}

/// `GET /users/{name}`
pub(super) async fn one(
    State(cluster): State<Cluster>,
    In(Username(name)): In<Username>,
) -> Result<Json<Seen>, Problem> {
    match cluster.directory.user(&name).await? {
        None => Err(Problem::no_such_user(&name)),
        Some(Registered::Ours(user)) => Ok(Json(ours(&cluster, user).await?)),
        Some(Registered::Theirs(peer)) => {
            let url = cluster.directory.peer_proxy(&peer.proxy).await?.filter(|url| !url.is_empty());
            let proxy = Some(Proxy { uuid: peer.proxy, url });
            Ok(Json(Seen { username: name, owner: None, proxy, in_call: peer.in_call, call: None }))
        }
    }
}

async fn ours(cluster: &Cluster, User { username, owner }: User) -> Result<Seen, Problem> {
    let handle = cluster.directory.handle(owner.handle).await?;
    let call = match handle.and_then(|handle| handle.call) {
        Some(call) => cluster.directory.call(call).await?,
        None => None,
    };
    let call = call.and_then(|call| in_call(&call, &owner));
    Ok(Seen { username, owner: Some(owner.into()), proxy: None, in_call: call.is_some(), call })
}

fn in_call(call: &Call, owner: &Owner) -> Option<InCall> {
    let side = call.side_of(owner.handle)?;
    let other = call.party(side.peer());
    Some(InCall {
        id: call.id,
        side,
        with: other.username.clone(),
        with_peer: other.owner.is_none(),
        backend: call.backend.clone(),
    })
}

/// `POST /users/{name}/disconnect`
pub(super) async fn disconnect(
    State(cluster): State<Cluster>,
    In(Username(name)): In<Username>,
) -> Result<StatusCode, Problem> {
    let owner = match cluster.directory.user(&name).await? {
        None => return Err(Problem::no_such_user(&name)),
        Some(Registered::Theirs(_)) => return Err(Problem::a_peers_user()),
        Some(Registered::Ours(user)) => user.owner,
    };
    sessions::end(&cluster, owner.handle.session).await?;
    // Routers free the name after the edge has ended the session.
    let patience = Patience::new();
    loop {
        let user = cluster.directory.user(&name).await?;
        let now = user.as_ref().and_then(Registered::owner);
        if now.is_none_or(|now| now.handle != owner.handle) {
            return Ok(StatusCode::NO_CONTENT);
        }
        patience.pause(NOT_FREE).await?;
    }
}
