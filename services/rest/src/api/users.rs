//! `/api/v1/users`: the registered users, their clients and calls. A user of a janus-cloud proxy is shown as its proxy
//! recorded it.

use super::extract::{PageQuery, PathParam, Username};
use super::problem::Problem;
use super::sessions;
use super::state::{ApiState, PollDeadline};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::{BackendName, CallId, ServiceId};
use directory::record::{Call, Owner, RegisteredName, User};
use protocol::{HandleId, SessionId, Side};
use serde::Serialize;

const NAME_NOT_RELEASED: &str = "the session has ended, but the name is not released yet; read it again";

/// The handle that owns a name, and its edge.
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
    /// How many records of the page cannot be read.
    malformed: usize,
}

/// A janus-cloud proxy.
#[derive(Serialize)]
struct ProxyView {
    uuid: String,
    /// None while it is not running, or announces no URL.
    url: Option<String>,
}

#[derive(Serialize)]
struct CallSummary {
    id: CallId,
    side: Side,
    with: String,
    /// Whether the other party is a user of a janus-cloud proxy.
    with_remote: bool,
    backend: BackendName,
}

#[derive(Serialize)]
pub(super) struct UserView {
    username: String,
    owner: Option<OwnerView>,
    proxy: Option<ProxyView>,
    in_call: bool,
    call: Option<CallSummary>,
}

/// `GET /users`
pub(super) async fn list(State(state): State<ApiState>, query: PageQuery) -> Result<Json<UserList>, Problem> {
    let page = state.directory.users_page(query.after, query.limit).await?;
    let (next, malformed) = (page.next.map(|next| next.to_string()), page.malformed);
    let listed = |user| match user {
        RegisteredName::Local(user) => {
            UserSummary { username: user.username, owner: Some(user.owner.into()) }
        }
        RegisteredName::Foreign(user) => UserSummary { username: user.username, owner: None },
    };
    let users = page.items.into_iter().map(listed);
    Ok(Json(UserList { users: users.collect(), next, malformed }))
}

/// `GET /users/{name}`
pub(super) async fn get(
    State(state): State<ApiState>,
    PathParam(Username(name)): PathParam<Username>,
) -> Result<Json<UserView>, Problem> {
    match state.directory.user(&name).await? {
        None => Err(Problem::no_such_user(&name)),
        Some(RegisteredName::Local(user)) => Ok(Json(local_user(&state, user).await?)),
        Some(RegisteredName::Foreign(user)) => {
            let url = state.directory.proxy_url(&user.proxy).await?.filter(|url| !url.is_empty());
            let proxy = Some(ProxyView { uuid: user.proxy, url });
            Ok(Json(UserView { username: name, owner: None, proxy, in_call: user.in_call, call: None }))
        }
    }
}

async fn local_user(state: &ApiState, User { username, owner }: User) -> Result<UserView, Problem> {
    let handle = state.directory.handle(owner.handle).await?;
    let call = match handle.and_then(|handle| handle.call) {
        Some(call) => state.directory.call(call).await?,
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
    State(state): State<ApiState>,
    PathParam(Username(name)): PathParam<Username>,
) -> Result<StatusCode, Problem> {
    let owner = match state.directory.user(&name).await? {
        None => return Err(Problem::no_such_user(&name)),
        Some(RegisteredName::Foreign(_)) => return Err(Problem::foreign_user()),
        Some(RegisteredName::Local(user)) => user.owner,
    };
    sessions::end(&state, owner.handle.session).await?;
    // A router releases the name after the edge has ended the session.
    let deadline = PollDeadline::new();
    loop {
        let user = state.directory.user(&name).await?;
        let current = user.as_ref().and_then(RegisteredName::owner);
        if current.is_none_or(|current| current.handle != owner.handle) {
            return Ok(StatusCode::NO_CONTENT);
        }
        deadline.wait(NAME_NOT_RELEASED).await?;
    }
}
