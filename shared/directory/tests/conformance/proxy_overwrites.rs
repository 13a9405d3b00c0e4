//! Names that a janus-cloud proxy overwrites, with its own commands: HMSET of its six fields, DEL, EXPIRE.

use crate::support::{
    RedisServer, call, call_of, edge, handle, name_of, ours, owner, place, register, register_now, request,
};
use directory::record::{
    AcquireOutcome, ClaimOutcome, FencingToken, GrantOutcome, Owner, ProxyUser, RegisteredName,
};
use directory::{Directory, OUR_PROXY, PROXY_TTL};
use redis::TypedCommands;
use std::collections::BTreeMap;

const ALICE: &str = "januscloud:videocall_users:alice";
const UUID: &str = "7c1cbd5e-c7a6-11f0-9d6a-0242ac120002";

struct Fixture {
    server: RedisServer,
    directory: Directory,
}

impl Fixture {
    async fn start() -> Self {
        let server = RedisServer::start();
        let directory = server.directory().await;
        Self { server, directory }
    }

    /// Writes what janus-cloud's `RDVideoCallUserDao.add` and `update` write.
    fn proxy_writes(&self, name: &str, in_call: &str) {
        self.proxy_registers(name, in_call, "1795355906.2547772");
    }

    /// The same for a new registration, which has its own time.
    fn proxy_registers(&self, name: &str, in_call: &str, at: &str) {
        let fields = [
            ("username", name),
            ("incall", in_call),
            ("peer_name", ""),
            ("proxy_uuid", UUID),
            ("ctime", at),
            ("utime", "1795355906.2547774"),
        ];
        let key = format!("januscloud:videocall_users:{name}");
        let () = redis::cmd("HMSET").arg(key).arg(&fields).query(&mut self.server.raw()).unwrap();
    }

    fn fields(&self, key: &str) -> BTreeMap<String, String> {
        self.server.raw().hgetall(key).unwrap().into_iter().collect()
    }

    fn busy(&self, key: &str) -> (String, String) {
        let fields = self.fields(key);
        (fields["incall"].clone(), fields["peer_name"].clone())
    }

    async fn alice(&self) -> Option<RegisteredName> {
        self.directory.user("alice").await.unwrap()
    }
}

fn theirs(in_call: bool, displaced: Option<Owner>) -> Option<RegisteredName> {
    let (username, proxy) = ("alice".to_owned(), UUID.to_owned());
    Some(RegisteredName::Foreign(ProxyUser { username, proxy, in_call, displaced }))
}

#[tokio::test]
async fn our_proxy_is_stored_in_janus_cloud_format() {
    let fixture = Fixture::start().await;
    let key = "januscloud:videocall_proxies:switchboard";
    let renew = async || fixture.directory.renew_proxy().await.unwrap();
    let announce = async || fixture.directory.announce_proxy("http://a").await.unwrap();
    renew().await;
    assert_eq!(fixture.fields(key), [("api_base_url".to_owned(), String::new())].into());
    announce().await;
    let () = redis::cmd("EXPIRE").arg(key).arg(5).query(&mut fixture.server.raw()).unwrap();
    renew().await;
    assert_eq!(fixture.fields(key), [("api_base_url".to_owned(), "http://a".to_owned())].into());
    let left: u64 = redis::cmd("TTL").arg(key).query(&mut fixture.server.raw()).unwrap();
    assert!(left > 55 && left <= PROXY_TTL.as_secs());
}

#[tokio::test]
async fn proxy_is_up_while_its_key_exists() {
    let fixture = Fixture::start().await;
    let key = format!("januscloud:videocall_proxies:{UUID}");
    assert_eq!(fixture.directory.proxy_url(UUID).await.unwrap(), None);
    fixture.server.raw().hset(&key, "api_base_url", "http://peer").unwrap();
    assert_eq!(fixture.directory.proxy_url(UUID).await.unwrap().as_deref(), Some("http://peer"));
    fixture.server.raw().del(&key).unwrap();
    assert_eq!(fixture.directory.proxy_url(UUID).await.unwrap(), None);
}

#[tokio::test]
async fn name_is_foreign_by_its_uuid() {
    let fixture = Fixture::start().await;
    fixture.proxy_writes("alice", "");
    assert_eq!(fixture.alice().await, theirs(false, None));
    for in_call in ["1", "0", "False"] {
        fixture.proxy_writes("alice", in_call);
        assert_eq!(fixture.alice().await, theirs(true, None));
    }
    let (_, user) = fixture.directory.handle_and_user(handle(1), "alice").await.unwrap();
    assert_eq!(user, theirs(true, None));
    assert!(!fixture.directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(fixture.directory.usernames().await.unwrap(), ["alice"]);
    fixture.server.raw().hdel(ALICE, &["proxy_uuid", "incall"]).unwrap();
    assert_eq!(fixture.alice().await, None, "a record without an owner");
}

#[tokio::test]
async fn grant_takes_name_from_proxy() {
    let fixture = Fixture::start().await;
    fixture.proxy_writes("alice", "1");
    assert_eq!(fixture.directory.grant_name("alice", &owner(1), None).await.unwrap(), GrantOutcome::Granted);
    assert_eq!(fixture.alice().await, Some(ours("alice", owner(1))));
    let record = fixture.fields(ALICE);
    let of = |name: &str| record[name].as_str();
    assert_eq!((of("incall"), of("proxy_uuid"), of("peer_name")), ("", OUR_PROXY, ""));
    assert!(of("ctime").parse::<f64>().unwrap() > 1.7e9);
}

#[tokio::test]
async fn displaced_handle_cannot_change_foreign_name() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    fixture.proxy_writes("alice", "");
    assert_eq!(fixture.alice().await, theirs(false, Some(owner(1))));
    assert!(!fixture.directory.release_name("alice", handle(1)).await.unwrap());
    fixture.directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
    assert_eq!(fixture.alice().await, theirs(false, Some(owner(1))));
    assert!(fixture.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    assert_eq!(name_of(&fixture.directory, handle(1)).await, None);
    // The router may have died before it notified the client, so the result is the same again.
    assert!(fixture.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    fixture.directory.clear_displaced("alice", &owner(2)).await.unwrap();
    assert_eq!(fixture.alice().await, theirs(false, Some(owner(1))));
    fixture.directory.clear_displaced("alice", &owner(1)).await.unwrap();
    assert_eq!(fixture.alice().await, theirs(false, None));
    assert_eq!(fixture.fields(ALICE).len(), 6, "as the proxy wrote it");
    assert!(!fixture.directory.revoke_displaced(handle(1), "alice").await.unwrap());
}

/// A janus-cloud proxy is not notified that its handle lost the name, and rewrites the record at each change.
#[tokio::test]
async fn repeated_write_of_proxy_takes_no_name() {
    let fixture = Fixture::start().await;
    fixture.proxy_writes("alice", "1");
    register_now(&fixture.directory, "alice", &owner(1)).await;
    for in_call in ["1", ""] {
        fixture.proxy_writes("alice", in_call);
        assert_eq!(fixture.alice().await, Some(ours("alice", owner(1))));
        let record = fixture.fields(ALICE);
        assert_eq!((record["proxy_uuid"].as_str(), record["incall"].as_str()), (OUR_PROXY, ""));
    }
    fixture.proxy_writes("alice", "");
    let call = call(("alice", 1), ("bob", 2));
    fixture.directory.open_call(&call).await.unwrap();
    let taken = fixture.directory.acquire_handle(handle(1), "alice", call.id, "bob").await.unwrap();
    assert_eq!((taken, fixture.busy(ALICE)), (AcquireOutcome::Acquired, ("1".to_owned(), "bob".to_owned())));
    fixture.proxy_writes("alice", "");
    fixture.directory.release_call(call.id).await.unwrap();
    fixture.directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
    let moved = Owner { edge: edge(2), ..owner(1) };
    assert_eq!(fixture.alice().await, Some(ours("alice", moved)));
    fixture.proxy_writes("alice", "");
    assert!(fixture.directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(fixture.alice().await, None);
}

#[tokio::test]
async fn new_registration_of_proxy_takes_name() {
    let fixture = Fixture::start().await;
    fixture.proxy_writes("alice", "");
    register_now(&fixture.directory, "alice", &owner(1)).await;
    fixture.proxy_registers("alice", "", "1795355999.5");
    assert_eq!(fixture.alice().await, theirs(false, Some(owner(1))));
    assert!(!fixture.directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(fixture.directory.grant_name("alice", &owner(1), None).await.unwrap(), GrantOutcome::Granted);
    fixture.proxy_registers("alice", "", "1795355999.5");
    assert_eq!(fixture.alice().await, Some(ours("alice", owner(1))), "that was the old registration");
}

#[tokio::test]
async fn handle_that_registered_again_keeps_name() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    fixture.proxy_writes("alice", "");
    assert!(fixture.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    assert_eq!(register(&fixture.directory, "other", &owner(1), request()).await, ClaimOutcome::Claimed);
    assert!(!fixture.directory.revoke_displaced(handle(1), "alice").await.unwrap(), "it has another name");
    fixture.directory.revoke_name(handle(1), "other").await.unwrap();
    fixture.directory.claim_name(&owner(1), "alice", request()).await.unwrap();
    assert_eq!(fixture.directory.grant_name("alice", &owner(1), None).await.unwrap(), GrantOutcome::Granted);
    assert!(!fixture.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    assert_eq!(fixture.alice().await, Some(ours("alice", owner(1))));
    assert_eq!(name_of(&fixture.directory, handle(1)).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn grant_returns_displaced_handle() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    fixture.proxy_writes("alice", "");
    assert_eq!(
        fixture.directory.grant_name("alice", &owner(2), None).await.unwrap(),
        GrantOutcome::OwnedBy(owner(1))
    );
    register_now(&fixture.directory, "alice", &owner(2)).await;
    assert_eq!(fixture.alice().await, Some(ours("alice", owner(2))));
    fixture.proxy_writes("alice", "1");
    assert_eq!(fixture.directory.grant_name("alice", &owner(2), None).await.unwrap(), GrantOutcome::Granted);
    let record = fixture.fields(ALICE);
    assert_eq!((record["incall"].as_str(), record["proxy_uuid"].as_str()), ("", OUR_PROXY));
}

#[tokio::test]
async fn name_deleted_by_proxy_is_free() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    fixture.proxy_writes("alice", "");
    fixture.server.raw().del(ALICE).unwrap();
    assert_eq!(fixture.alice().await, None);
    assert!(!fixture.directory.release_name("alice", handle(1)).await.unwrap());
    fixture.directory.clear_displaced("alice", &owner(1)).await.unwrap();
    assert_eq!(fixture.fields(ALICE).len(), 0);
}

#[tokio::test]
async fn name_is_busy_while_handle_is_in_call() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    register_now(&fixture.directory, "bob", &owner(2)).await;
    register_now(&fixture.directory, "carol", &owner(3)).await;
    let bob = "januscloud:videocall_users:bob";
    let first = call(("alice", 1), ("bob", 2));
    for with_token in [true, false] {
        assert!(place(&fixture.directory, &first).await);
        assert_eq!(fixture.busy(ALICE), ("1".to_owned(), "bob".to_owned()));
        assert_eq!(fixture.busy(bob), ("1".to_owned(), "alice".to_owned()));
        assert!(!place(&fixture.directory, &call(("carol", 3), ("bob", 2))).await);
        assert_eq!(fixture.busy(bob), ("1".to_owned(), "alice".to_owned()));
        assert_eq!(fixture.busy("januscloud:videocall_users:carol").0, "");
        if with_token {
            fixture.directory.end_call(first.id, Some(FencingToken(7)), None).await.unwrap();
        } else {
            fixture.directory.release_call(first.id).await.unwrap();
        }
        assert_eq!([fixture.busy(ALICE).0, fixture.busy(bob).0], ["", ""]);
        assert!(!fixture.fields(bob).contains_key("sb_call"));
    }
}

#[tokio::test]
async fn failed_acquire_leaves_name_idle() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    let over = call(("alice", 1), ("bob", 2));
    assert_eq!(
        fixture.directory.acquire_handle(handle(1), "alice", over.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(fixture.busy(ALICE).0, "");
    fixture.directory.open_call(&over).await.unwrap();
    // The record of the name has the handle, the record of the handle lacks the name.
    fixture.directory.revoke_name(handle(1), "alice").await.unwrap();
    assert_eq!(
        fixture.directory.acquire_handle(handle(1), "alice", over.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(fixture.busy(ALICE).0, "");
}

#[tokio::test]
async fn displaced_handle_enters_no_new_call() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    register_now(&fixture.directory, "bob", &owner(2)).await;
    let first = call(("alice", 1), ("bob", 2));
    assert!(place(&fixture.directory, &first).await);
    fixture.proxy_writes("alice", "");
    assert_eq!(
        fixture.directory.acquire_handle(handle(1), "alice", first.id, "bob").await.unwrap(),
        AcquireOutcome::Acquired
    );
    fixture.directory.release_call(first.id).await.unwrap();
    assert_eq!(fixture.alice().await, theirs(false, Some(owner(1))));
    fixture.proxy_writes("alice", "1");
    let second = fixture.directory.open_call(&call(("alice", 1), ("bob", 2))).await.unwrap();
    assert_eq!(
        fixture.directory.acquire_handle(handle(1), "alice", second.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(call_of(&fixture.directory, handle(1)).await, None);
    assert_eq!(fixture.busy(ALICE).0, "1", "as the proxy wrote it");
    fixture.directory.release_call(second.id).await.unwrap();
    assert_eq!(fixture.busy(ALICE).0, "1");
}

#[tokio::test]
async fn name_taken_during_call_is_idle() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    register_now(&fixture.directory, "bob", &owner(2)).await;
    let first = call(("alice", 1), ("bob", 2));
    assert!(place(&fixture.directory, &first).await);
    register_now(&fixture.directory, "alice", &owner(3)).await;
    assert_eq!(fixture.busy(ALICE).0, "");
    register_now(&fixture.directory, "carol", &owner(4)).await;
    let second = call(("carol", 4), ("alice", 3));
    assert!(place(&fixture.directory, &second).await);
    fixture.directory.release_call(first.id).await.unwrap();
    assert_eq!(fixture.busy(ALICE), ("1".to_owned(), "carol".to_owned()));
}

#[tokio::test]
async fn restored_call_makes_existing_names_busy() {
    let fixture = Fixture::start().await;
    register_now(&fixture.directory, "alice", &owner(1)).await;
    let call = call(("alice", 1), ("bob", 2));
    fixture.directory.restore_call(&call, FencingToken(7), "running").await.unwrap();
    assert_eq!(fixture.busy(ALICE), ("1".to_owned(), "bob".to_owned()));
    fixture.directory.release_call(call.id).await.unwrap();
    assert_eq!(fixture.busy(ALICE).0, "");
    let mut raw = fixture.server.raw();
    assert!(!raw.exists("januscloud:videocall_users:bob").unwrap());
}
