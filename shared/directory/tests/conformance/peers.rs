//! Names that a janus-cloud proxy writes over ours, as it does it: HMSET of its six fields, DEL, EXPIRE.

use crate::support::{
    RedisServer, call, call_of, edge, gives, handle, name_of, ours, owner, place, register, request,
};
use directory::record::{
    AcquireOutcome, ClaimOutcome, FencingToken, GrantOutcome, Owner, ProxyUser, RegisteredName,
};
use directory::{Directory, OUR_PROXY, PROXY_TTL};
use redis::TypedCommands;
use std::collections::BTreeMap;

const ALICE: &str = "januscloud:videocall_users:alice";
const UUID: &str = "7c1cbd5e-c7a6-11f0-9d6a-0242ac120002";

struct House {
    server: RedisServer,
    directory: Directory,
}

impl House {
    async fn start() -> Self {
        let server = RedisServer::start();
        let directory = server.directory().await;
        Self { server, directory }
    }

    /// As `RDVideoCallUserDao.add` and `update` do it.
    fn peer_writes(&self, name: &str, in_call: &str) {
        self.peer_registers(name, in_call, "1795355906.2547772");
    }

    /// The same; each registration has a time of its own.
    fn peer_registers(&self, name: &str, in_call: &str, at: &str) {
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
async fn our_proxy_stands_in_janus_clouds_key() {
    let house = House::start().await;
    let key = "januscloud:videocall_proxies:switchboard";
    let keep = async || house.directory.renew_proxy().await.unwrap();
    let announce = async || house.directory.announce_proxy("http://a").await.unwrap();
    keep().await;
    assert_eq!(house.fields(key), [("api_base_url".to_owned(), String::new())].into());
    announce().await;
    let () = redis::cmd("EXPIRE").arg(key).arg(5).query(&mut house.server.raw()).unwrap();
    keep().await;
    assert_eq!(house.fields(key), [("api_base_url".to_owned(), "http://a".to_owned())].into());
    let left: u64 = redis::cmd("TTL").arg(key).query(&mut house.server.raw()).unwrap();
    assert!(left > 55 && left <= PROXY_TTL.as_secs());
}

#[tokio::test]
async fn a_peers_proxy_is_alive_while_its_key_is() {
    let house = House::start().await;
    let key = format!("januscloud:videocall_proxies:{UUID}");
    assert_eq!(house.directory.proxy_url(UUID).await.unwrap(), None);
    house.server.raw().hset(&key, "api_base_url", "http://peer").unwrap();
    assert_eq!(house.directory.proxy_url(UUID).await.unwrap().as_deref(), Some("http://peer"));
    house.server.raw().del(&key).unwrap();
    assert_eq!(house.directory.proxy_url(UUID).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_is_a_peers_by_its_uuid_alone() {
    let house = House::start().await;
    house.peer_writes("alice", "");
    assert_eq!(house.alice().await, theirs(false, None));
    for in_call in ["1", "0", "False"] {
        house.peer_writes("alice", in_call);
        assert_eq!(house.alice().await, theirs(true, None));
    }
    let (_, user) = house.directory.handle_and_user(handle(1), "alice").await.unwrap();
    assert_eq!(user, theirs(true, None));
    assert!(!house.directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(house.directory.usernames().await.unwrap(), ["alice"]);
    house.server.raw().hdel(ALICE, &["proxy_uuid", "incall"]).unwrap();
    assert_eq!(house.alice().await, None, "a record of nobody's");
}

#[tokio::test]
async fn a_register_takes_a_name_from_a_peer_at_once() {
    let house = House::start().await;
    house.peer_writes("alice", "1");
    assert_eq!(house.directory.grant_name("alice", &owner(1), None).await.unwrap(), GrantOutcome::Granted);
    assert_eq!(house.alice().await, Some(ours("alice", owner(1))));
    let record = house.fields(ALICE);
    let of = |name: &str| record[name].as_str();
    assert_eq!((of("incall"), of("proxy_uuid"), of("peer_name")), ("", OUR_PROXY, ""));
    assert!(of("ctime").parse::<f64>().unwrap() > 1.7e9);
}

#[tokio::test]
async fn a_peer_that_took_a_name_has_it_and_who_had_it_can_do_no_harm() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    house.peer_writes("alice", "");
    assert_eq!(house.alice().await, theirs(false, Some(owner(1))));
    assert!(!house.directory.release_name("alice", handle(1)).await.unwrap());
    house.directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
    assert_eq!(house.alice().await, theirs(false, Some(owner(1))));
    assert!(house.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    assert_eq!(name_of(&house.directory, handle(1)).await, None);
    // Whoever did that may have died before he said so: it is to be said again.
    assert!(house.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    house.directory.clear_displaced("alice", &owner(2)).await.unwrap();
    assert_eq!(house.alice().await, theirs(false, Some(owner(1))));
    house.directory.clear_displaced("alice", &owner(1)).await.unwrap();
    assert_eq!(house.alice().await, theirs(false, None));
    assert_eq!(house.fields(ALICE).len(), 6, "as the peer wrote it");
    assert!(!house.directory.revoke_displaced(handle(1), "alice").await.unwrap());
}

/// A handle of a peer that lost its name is not told, and writes all it knows whenever something changes.
#[tokio::test]
async fn a_peer_that_repeats_itself_has_not_taken_the_name() {
    let house = House::start().await;
    house.peer_writes("alice", "1");
    gives(&house.directory, "alice", &owner(1)).await;
    for in_call in ["1", ""] {
        house.peer_writes("alice", in_call);
        assert_eq!(house.alice().await, Some(ours("alice", owner(1))));
        let record = house.fields(ALICE);
        assert_eq!((record["proxy_uuid"].as_str(), record["incall"].as_str()), (OUR_PROXY, ""));
    }
    house.peer_writes("alice", "");
    let call = call(("alice", 1), ("bob", 2));
    house.directory.open_call(&call).await.unwrap();
    let taken = house.directory.acquire_handle(handle(1), "alice", call.id, "bob").await.unwrap();
    assert_eq!((taken, house.busy(ALICE)), (AcquireOutcome::Acquired, ("1".to_owned(), "bob".to_owned())));
    house.peer_writes("alice", "");
    house.directory.release_call(call.id).await.unwrap();
    house.directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
    let moved = Owner { edge: edge(2), ..owner(1) };
    assert_eq!(house.alice().await, Some(ours("alice", moved)));
    house.peer_writes("alice", "");
    assert!(house.directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(house.alice().await, None);
}

#[tokio::test]
async fn a_peer_that_registers_anew_has_the_name() {
    let house = House::start().await;
    house.peer_writes("alice", "");
    gives(&house.directory, "alice", &owner(1)).await;
    house.peer_registers("alice", "", "1795355999.5");
    assert_eq!(house.alice().await, theirs(false, Some(owner(1))));
    assert!(!house.directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(house.directory.grant_name("alice", &owner(1), None).await.unwrap(), GrantOutcome::Granted);
    house.peer_registers("alice", "", "1795355999.5");
    assert_eq!(house.alice().await, Some(ours("alice", owner(1))), "that was before");
}

#[tokio::test]
async fn a_handle_that_registered_again_is_not_stripped() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    house.peer_writes("alice", "");
    assert!(house.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    assert_eq!(register(&house.directory, "other", &owner(1), request()).await, ClaimOutcome::Claimed);
    assert!(!house.directory.revoke_displaced(handle(1), "alice").await.unwrap(), "it has another name");
    house.directory.revoke_name(handle(1), "other").await.unwrap();
    house.directory.claim_name(&owner(1), "alice", request()).await.unwrap();
    assert_eq!(house.directory.grant_name("alice", &owner(1), None).await.unwrap(), GrantOutcome::Granted);
    assert!(!house.directory.revoke_displaced(handle(1), "alice").await.unwrap());
    assert_eq!(house.alice().await, Some(ours("alice", owner(1))));
    assert_eq!(name_of(&house.directory, handle(1)).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_register_says_who_is_to_be_told_that_a_peer_had_taken_the_name() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    house.peer_writes("alice", "");
    assert_eq!(
        house.directory.grant_name("alice", &owner(2), None).await.unwrap(),
        GrantOutcome::OwnedBy(owner(1))
    );
    gives(&house.directory, "alice", &owner(2)).await;
    assert_eq!(house.alice().await, Some(ours("alice", owner(2))));
    house.peer_writes("alice", "1");
    assert_eq!(house.directory.grant_name("alice", &owner(2), None).await.unwrap(), GrantOutcome::Granted);
    let record = house.fields(ALICE);
    assert_eq!((record["incall"].as_str(), record["proxy_uuid"].as_str()), ("", OUR_PROXY));
}

#[tokio::test]
async fn a_name_that_its_peer_deletes_is_free() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    house.peer_writes("alice", "");
    house.server.raw().del(ALICE).unwrap();
    assert_eq!(house.alice().await, None);
    assert!(!house.directory.release_name("alice", handle(1)).await.unwrap());
    house.directory.clear_displaced("alice", &owner(1)).await.unwrap();
    assert_eq!(house.fields(ALICE).len(), 0);
}

#[tokio::test]
async fn a_name_is_busy_for_peers_while_its_handle_is_in_a_call() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    gives(&house.directory, "bob", &owner(2)).await;
    gives(&house.directory, "carol", &owner(3)).await;
    let bob = "januscloud:videocall_users:bob";
    let first = call(("alice", 1), ("bob", 2));
    for conclude in [true, false] {
        assert!(place(&house.directory, &first).await);
        assert_eq!(house.busy(ALICE), ("1".to_owned(), "bob".to_owned()));
        assert_eq!(house.busy(bob), ("1".to_owned(), "alice".to_owned()));
        assert!(!place(&house.directory, &call(("carol", 3), ("bob", 2))).await);
        assert_eq!(house.busy(bob), ("1".to_owned(), "alice".to_owned()));
        assert_eq!(house.busy("januscloud:videocall_users:carol").0, "");
        match conclude {
            true => drop(house.directory.end_call(first.id, Some(FencingToken(7)), None).await.unwrap()),
            false => drop(house.directory.release_call(first.id).await.unwrap()),
        }
        assert_eq!([house.busy(ALICE).0, house.busy(bob).0], ["", ""]);
        assert!(!house.fields(bob).contains_key("sb_call"));
    }
}

#[tokio::test]
async fn what_takes_no_handle_leaves_no_busy_name() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    let over = call(("alice", 1), ("bob", 2));
    assert_eq!(
        house.directory.acquire_handle(handle(1), "alice", over.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(house.busy(ALICE).0, "");
    house.directory.open_call(&over).await.unwrap();
    // The record of the name says so, the handle's own does not.
    house.directory.revoke_name(handle(1), "alice").await.unwrap();
    assert_eq!(
        house.directory.acquire_handle(handle(1), "alice", over.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(house.busy(ALICE).0, "");
}

#[tokio::test]
async fn a_handle_whose_name_a_peer_has_gets_into_no_call_and_stays_in_its_own() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    gives(&house.directory, "bob", &owner(2)).await;
    let first = call(("alice", 1), ("bob", 2));
    assert!(place(&house.directory, &first).await);
    house.peer_writes("alice", "");
    assert_eq!(
        house.directory.acquire_handle(handle(1), "alice", first.id, "bob").await.unwrap(),
        AcquireOutcome::Acquired
    );
    house.directory.release_call(first.id).await.unwrap();
    assert_eq!(house.alice().await, theirs(false, Some(owner(1))));
    house.peer_writes("alice", "1");
    let second = house.directory.open_call(&call(("alice", 1), ("bob", 2))).await.unwrap();
    assert_eq!(
        house.directory.acquire_handle(handle(1), "alice", second.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(call_of(&house.directory, handle(1)).await, None);
    assert_eq!(house.busy(ALICE).0, "1", "the peer's word");
    house.directory.release_call(second.id).await.unwrap();
    assert_eq!(house.busy(ALICE).0, "1");
}

#[tokio::test]
async fn a_name_that_is_taken_in_a_call_is_not_busy_for_its_new_owner() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    gives(&house.directory, "bob", &owner(2)).await;
    let first = call(("alice", 1), ("bob", 2));
    assert!(place(&house.directory, &first).await);
    gives(&house.directory, "alice", &owner(3)).await;
    assert_eq!(house.busy(ALICE).0, "");
    gives(&house.directory, "carol", &owner(4)).await;
    let second = call(("carol", 4), ("alice", 3));
    assert!(place(&house.directory, &second).await);
    house.directory.release_call(first.id).await.unwrap();
    assert_eq!(house.busy(ALICE), ("1".to_owned(), "carol".to_owned()));
}

#[tokio::test]
async fn a_restored_call_is_busy_where_the_name_is_there() {
    let house = House::start().await;
    gives(&house.directory, "alice", &owner(1)).await;
    let call = call(("alice", 1), ("bob", 2));
    house.directory.restore_call(&call, FencingToken(7), "running").await.unwrap();
    assert_eq!(house.busy(ALICE), ("1".to_owned(), "bob".to_owned()));
    house.directory.release_call(call.id).await.unwrap();
    assert_eq!(house.busy(ALICE).0, "");
    let mut raw = house.server.raw();
    assert!(!raw.exists("januscloud:videocall_users:bob").unwrap());
}
