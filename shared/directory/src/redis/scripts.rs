//! The atomic steps, as Lua. Each touches one key, or the two keys of a lease (one hash tag).

use redis::Script;
use std::sync::LazyLock;

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!($file)),+)));)*

        /// The text of each, to give to a Redis that has forgotten them.
        pub(super) const SOURCES: &[&str] = &[$(concat!($(include_str!($file)),+)),*];
    };
}

scripts! {
    ANNOUNCE = "lua/announce.lua";
    ANNOUNCE_FOUND = "lua/announce_found.lua";
    CLAIM_NAME = "lua/claim_name.lua";
    CLAIM_SESSION = "lua/claim_session.lua";
    CLEAR_IF = "lua/clear_if.lua";
    DELETE_IF = "lua/delete_if.lua";
    END_CALL = "lua/end_call.lua";
    FORGET_DISPLACED = "lua/forget_displaced.lua";
    FREE_NAME = "lua/name.lua" "lua/free_name.lua";
    GIVE_NAME = "lua/give_name.lua";
    HEAL_NAME = "lua/name.lua" "lua/heal_name.lua";
    KEEP_PROXY = "lua/keep_proxy.lua";
    LEASE = "lua/lease.lua";
    MARK_USER = "lua/name.lua" "lua/mark_user.lua";
    MOVE_HANDLE = "lua/move_handle.lua";
    MOVE_NAME = "lua/name.lua" "lua/move_name.lua";
    NOTE = "lua/note.lua";
    OLDER = "lua/older.lua";
    OPEN_SESSION = "lua/open_session.lua";
    REGISTER_BACKEND = "lua/register_backend.lua";
    REMOVE_BACKEND = "lua/remove_backend.lua";
    REMOVE_HANDLE = "lua/remove_handle.lua";
    SAVE_CALL = "lua/save_call.lua";
    SAVE_SESSION = "lua/save_session.lua";
    STAMP = "lua/stamp.lua";
    STRIP_CLAIM = "lua/strip_claim.lua";
    TAKE = "lua/take.lua";
    UNEXPIRED = "lua/unexpired.lua";
    UNMARK_USER = "lua/unmark_user.lua";
    UNREGISTER_BACKEND = "lua/unregister_backend.lua";
}
