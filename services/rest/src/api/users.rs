//! `/api/v1/users`: who is registered, where, and in which call. A name that belongs to a proxy of
//! another make is seen as that one wrote it down.

use super::input::{PageQuery, PathParam, Username};
use super::patience::PollDeadline;
use super::problem::Problem;
use super::{ApiState, sessions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::{BackendName, CallId, ServiceId};
use directory::record::{Call, Owner, RegisteredName, User};
use protocol::{HandleId, SessionId, Side};
use serde::Serialize;

const NAME_NOT_RELEASED: &str =
    "the session has ended; that the name is free could not be seen yet: look again";

/// Where a name's owner is.
#[derive(Serialize)]
pub(super) struct OwnerView {
    pub edge: ServiceId,
    pub session: SessionId,
    pub handle: HandleId,
}

impl From<Owner> for OwnerView {
    fn from(Owner { edge, handle }: Owner) -> Self {
        Self { edge, session: handle.session, handle: handle.handle }
    }
}

#[derive(Serialize)]
pub(super) struct UserSummary {
    username: String,
    owner: Option<OwnerView>,
}

#[derive(Serialize)]
pub(super) struct UserList {
    users: Vec<UserSummary>,
    next: Option<String>,
}

/// A proxy of another make.
#[derive(Serialize)]
struct ProxyView {
    uuid: String,
    /// Where it is asked; none while it is not alive, or does not say.
    url: Option<String>,
}

/// The call a user is in.
#[derive(Serialize)]
struct CallSummary {
    id: CallId,
    side: Side,
    with: String,
    /// Whether the other one is registered elsewhere.
    with_remote: bool,
    backend: BackendName,
}

/// A user, as operators see one.
#[derive(Serialize)]
pub(super) struct UserView {
    username: String,
    owner: Option<OwnerView>,
    proxy: Option<ProxyView>,
    in_call: bool,
    call: Option<CallSummary>,
}

/// `GET /users`
pub(super) async fn list(
    State(cluster): State<ApiState>,
    window: PageQuery,
) -> Result<Json<UserList>, Problem> {
    let page = cluster.directory.users_page(window.after, window.limit).await?;
    let next = page.next.map(|next| next.to_string());
    let listed = |user| match user {
        RegisteredName::Local(user) => {
            UserSummary { username: user.username, owner: Some(user.owner.into()) }
        }
        RegisteredName::Foreign(user) => UserSummary { username: user.username, owner: None },
    };
    let users = page.items.into_iter().map(listed);
    Ok(Json(UserList { users: users.collect(), next }))
}

/// `GET /users/{name}`
pub(super) async fn get(
    State(cluster): State<ApiState>,
    PathParam(Username(name)): PathParam<Username>,
) -> Result<Json<UserView>, Problem> {
    match cluster.directory.user(&name).await? {
        None => Err(Problem::no_such_user(&name)),
        Some(RegisteredName::Local(user)) => Ok(Json(local_user(&cluster, user).await?)),
        Some(RegisteredName::Foreign(peer)) => {
            let url = cluster.directory.proxy_url(&peer.proxy).await?.filter(|url| !url.is_empty());
            let proxy = Some(ProxyView { uuid: peer.proxy, url });
            Ok(Json(UserView { username: name, owner: None, proxy, in_call: peer.in_call, call: None }))
        }
    }
}

async fn local_user(cluster: &ApiState, User { username, owner }: User) -> Result<UserView, Problem> {
    let handle = cluster.directory.handle(owner.handle).await?;
    let call = match handle.and_then(|handle| handle.call) {
        Some(call) => cluster.directory.call(call).await?,
        None => None,
    };
    let call = call.and_then(|call| call_summary(&call, &owner));
    Ok(UserView { username, owner: Some(owner.into()), proxy: None, in_call: call.is_some(), call })
}

fn call_summary(call: &Call, owner: &Owner) -> Option<CallSummary> {
    let side = call.side_of(owner.handle)?;
    let other = call.party(side.peer());
    Some(CallSummary {
        id: call.id,
        side,
        with: other.username.clone(),
        with_remote: other.owner.is_none(),
        backend: call.backend.clone(),
    })
}

/// `POST /users/{name}/disconnect`
pub(super) async fn disconnect(
    State(cluster): State<ApiState>,
    PathParam(Username(name)): PathParam<Username>,
) -> Result<StatusCode, Problem> {
    let owner = match cluster.directory.user(&name).await? {
        None => return Err(Problem::no_such_user(&name)),
        Some(RegisteredName::Foreign(_)) => return Err(Problem::foreign_user()),
        Some(RegisteredName::Local(user)) => user.owner,
    };
    sessions::end(&cluster, owner.handle.session).await?;
    // Routers free the name after the edge has ended the session.
    let patience = PollDeadline::new();
    loop {
        let user = cluster.directory.user(&name).await?;
        let now = user.as_ref().and_then(RegisteredName::owner);
        if now.is_none_or(|now| now.handle != owner.handle) {
            return Ok(StatusCode::NO_CONTENT);
        }
        patience.wait(NAME_NOT_RELEASED).await?;
    }
}
