//! The atomic steps, as Lua. Each changes one key, or the two keys of a lease, which share a hash tag.

use redis::Script;
use std::sync::LazyLock;

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!($file)),+)));)*

        /// The text of each script, for a Redis server that does not have them.
        pub(super) const SOURCES: &[&str] = &[$(concat!($(include_str!($file)),+)),*];
    };
}

scripts! {
    ACQUIRE_HANDLE = "lua/acquire_handle.lua";
    ACQUIRE_LEASE = "lua/acquire_lease.lua";
    ANNOUNCE_BACKEND = "lua/announce_backend.lua";
    ANNOUNCE_DISCOVERED = "lua/announce_discovered.lua";
    CLAIM_NAME = "lua/claim_name.lua";
    CLAIM_SESSION = "lua/claim_session.lua";
    CLEAR_DISPLACED = "lua/clear_displaced.lua";
    CLEAR_IF = "lua/clear_if.lua";
    CLEAR_IN_CALL = "lua/clear_in_call.lua";
    DELETE_IF = "lua/delete_if.lua";
    END_CALL = "lua/end_call.lua";
    GRANT_NAME = "lua/grant_name.lua";
    MOVE_HANDLE = "lua/move_handle.lua";
    MOVE_NAME = "lua/name.lua" "lua/move_name.lua";
    OPEN_SESSION = "lua/open_session.lua";
    PUT_CONNECTOR_RECORD = "lua/put_connector_record.lua";
    REGISTER_BACKEND = "lua/register_backend.lua";
    RELEASE_NAME = "lua/name.lua" "lua/release_name.lua";
    REMOVE_BACKEND = "lua/remove_backend.lua";
    REMOVE_HANDLE = "lua/remove_handle.lua";
    RENEW_PROXY = "lua/renew_proxy.lua";
    REPAIR_NAME = "lua/name.lua" "lua/repair_name.lua";
    REVOKE_CLAIM = "lua/revoke_claim.lua";
    SAVE_CALL = "lua/save_call.lua";
    SAVE_SESSION = "lua/save_session.lua";
    SET_IN_CALL = "lua/name.lua" "lua/set_in_call.lua";
    SET_TIMESTAMP = "lua/set_timestamp.lua";
    STALE_MEMBERS = "lua/stale_members.lua";
    UNEXPIRED_MEMBERS = "lua/unexpired_members.lua";
    UNREGISTER_BACKEND = "lua/unregister_backend.lua";
}
