//! Names and the handles that own them, and our own proxy's record. No janus-cloud proxy shares this store,
//! so no name is foreign.

use super::{HandleRecord, MemoryDirectory, OwnProxy, State};
use crate::record::{ClaimOutcome, GrantOutcome, Handle, NameList, Owner, RegisteredName, User};
use crate::{OUR_PROXY, PROXY_TTL};
use common::{MessageId, ServiceId};
use protocol::HandleRef;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn claim_name(&self, owner: &Owner, username: &str, request: MessageId) -> ClaimOutcome {
        let mut state = self.state();
        let record = state.handles.entry(owner.handle).or_default();
        let is_redelivered = record.claimed_by == Some(request);
        match &record.name {
            Some(name) if name != username || !is_redelivered => ClaimOutcome::AlreadyNamed(name.clone()),
            None if is_redelivered => ClaimOutcome::Lost,
            _ => {
                record.edge = Some(owner.edge.clone());
                record.name = Some(username.to_owned());
                record.claimed_by = Some(request);
                ClaimOutcome::Claimed
            }
        }
    }

    pub(crate) fn grant_name(
        &self,
        username: &str,
        owner: &Owner,
        instead_of: Option<HandleRef>,
    ) -> GrantOutcome {
        let mut state = self.state();
        match state.users.get(username) {
            Some(current) if current.handle != owner.handle && Some(current.handle) != instead_of => {
                GrantOutcome::OwnedBy(current.clone())
            }
            _ => {
                state.users.insert(username.to_owned(), owner.clone());
                GrantOutcome::Granted
            }
        }
    }

    pub(crate) fn revoke_name(&self, handle: HandleRef, username: &str) -> bool {
        let mut state = self.state();
        let Some(record) = state.handles.get_mut(&handle) else { return false };
        record.name.take_if(|name| name == username).is_some()
    }

    pub(crate) fn release_name(&self, username: &str, owner: HandleRef) -> bool {
        let mut state = self.state();
        let owned = state.users.get(username).is_some_and(|current| current.handle == owner);
        owned && state.users.remove(username).is_some()
    }

    pub(crate) fn user(&self, username: &str) -> Option<RegisteredName> {
        self.state().user(username)
    }

    pub(crate) fn usernames(&self) -> Vec<String> {
        let mut list = NameList::default();
        for name in self.state().users.keys() {
            list.push(name.clone());
            if list.is_full() {
                break;
            }
        }
        list.into_names()
    }

    pub(crate) fn handle(&self, handle: HandleRef) -> Option<Handle> {
        self.state().handle(handle)
    }

    pub(crate) fn handle_and_user(
        &self,
        handle: HandleRef,
        username: &str,
    ) -> (Option<Handle>, Option<RegisteredName>) {
        let state = self.state();
        (state.handle(handle), state.user(username))
    }

    pub(crate) fn remove_handle(&self, handle: HandleRef) -> Option<Handle> {
        self.state().handles.remove(&handle)?.to_handle()
    }

    /// Moves the handle to the edge that owns its session, which may be another than `to` by now.
    pub(crate) fn move_handle(
        &self,
        handle: HandleRef,
        username: Option<&str>,
        _from: &ServiceId,
        to: &ServiceId,
    ) {
        let mut state = self.state();
        let to = state.sessions.get(&handle.session).map_or(to, |session| &session.edge).clone();
        let record = state.handles.get_mut(&handle);
        let Some(edge) = record.and_then(|record| record.edge.as_mut()) else { return };
        edge.clone_from(&to);
        let owner = username.and_then(|username| state.users.get_mut(username));
        if let Some(owner) = owner.filter(|owner| owner.handle == handle) {
            owner.edge = to;
        }
    }
}

/// Our own proxy.
impl MemoryDirectory {
    pub(crate) fn announce_proxy(&self, api_base_url: &str) {
        let expires_at = Instant::now() + PROXY_TTL;
        self.state().own_proxy = Some(OwnProxy { api_base_url: api_base_url.to_owned(), expires_at });
    }

    pub(crate) fn renew_proxy(&self) {
        let own = self.proxy_url(OUR_PROXY);
        self.announce_proxy(&own.unwrap_or_default());
    }

    pub(crate) fn proxy_url(&self, uuid: &str) -> Option<String> {
        let state = self.state();
        let own =
            state.own_proxy.as_ref().filter(|own| uuid == OUR_PROXY && own.expires_at > Instant::now())?;
        Some(own.api_base_url.clone())
    }

    pub(crate) fn revoke_displaced(&self, _handle: HandleRef, _username: &str) -> bool {
        false
    }

    pub(crate) fn clear_displaced(&self, _username: &str, _displaced: HandleRef) {}
}

impl State {
    pub(super) fn user(&self, username: &str) -> Option<RegisteredName> {
        let owner = self.users.get(username)?.clone();
        Some(RegisteredName::Local(User { username: username.to_owned(), owner }))
    }

    fn handle(&self, handle: HandleRef) -> Option<Handle> {
        self.handles.get(&handle)?.to_handle()
    }
}

impl HandleRecord {
    fn to_handle(&self) -> Option<Handle> {
        Some(Handle { edge: self.edge.clone()?, username: self.name.clone(), call: self.call })
    }
}
