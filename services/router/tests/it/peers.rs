//! Names of peers, in a real Redis, written as a janus-cloud proxy writes them.

use crate::bench::{Cluster, address, asks, call, call_id, handle, invite, message, register};
use bus::message::{Body, Change, ClientRequest, EndCause, Events, Place, ProxySide, Restore};
use directory::Directory;
use directory::record::BackendStatus;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use testkit::Redis;

const URL: &str = "http://127.0.0.1:8100/plugins/videocall";

struct House {
    redis: Redis,
    cluster: Cluster,
}

impl House {
    /// alice is ours; peter is a peer's.
    async fn start() -> Self {
        let redis = Redis::start().await;
        let directory = Directory::redis(&redis.url()).await.unwrap();
        let mut house = Self { redis, cluster: Cluster::on(directory).await };
        house.asks(1, register(0, "alice")).await;
        assert!(house.says().await.contains("registered"));
        house.redis(&["HSET", "januscloud:videocall_proxies:uuid", "api_base_url", URL]);
        house.peer_writes("peter", "");
        house
    }

    /// As `RDVideoCallUserDao` does it.
    fn peer_writes(&self, name: &str, in_call: &str) {
        let key = format!("januscloud:videocall_users:{name}");
        let about = ["HMSET", &key, "username", name, "incall", in_call, "peer_name", ""];
        let more = ["proxy_uuid", "uuid", "ctime", "1795355906.2547772", "utime", "1795355906.2547774"];
        assert_eq!(self.redis(&[&about[..], &more[..]].concat()), "+OK\r\n");
    }

    fn field(&self, name: &str, field: &str) -> String {
        self.redis(&["HGET", &format!("januscloud:videocall_users:{name}"), field])
    }

    /// One command, and its answer as Redis writes it.
    fn redis(&self, command: &[&str]) -> String {
        let url = self.redis.url();
        let address = url.strip_prefix("redis://").unwrap().trim_end_matches('/');
        let mut text = format!("*{}\r\n", command.len());
        command.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all((text + "QUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.strip_suffix("+OK\r\n").unwrap().to_owned()
    }

    /// Has a router do this, until it is done.
    async fn asks(&self, number: u128, body: Body) {
        let router = self.cluster.router();
        // It says that it knows no backends before it does anything else.
        tokio::task::yield_now().await;
        testkit::eventually("it knows the backends", async || router.complaints().is_empty()).await;
        self.cluster.enqueue(&message(number, body)).await;
        testkit::eventually("it is done", async || self.cluster.unfinished().await == 0).await;
        router.stop().await;
    }

    async fn hears(&mut self) -> Events {
        match self.cluster.edge_hears().await {
            Body::Events(events) => events,
            other => panic!("{other:?}"),
        }
    }

    async fn says(&mut self) -> String {
        format!("{:?}", self.hears().await.events)
    }

    /// That this handle has lost its name.
    async fn tells_displaced(&mut self, who: usize, name: &str) {
        let events = self.hears().await;
        assert_eq!(events.change, Some(Change::Displaced(name.to_owned())));
        assert_eq!((events.session, events.handle), (handle(who).session, handle(who).handle));
        assert!(format!("{:?}", events.events).contains("Registered elsewhere"));
        assert_eq!(self.cluster.directory.handle(handle(who)).await.unwrap().unwrap().username, None);
    }

    async fn places(&mut self) -> Place {
        match self.cluster.backend_hears().await {
            Body::Place(place) => place,
            other => panic!("{other:?}"),
        }
    }

    async fn is_idle(&self, who: usize) -> bool {
        self.cluster.directory.handle(handle(who)).await.unwrap().unwrap().call.is_none()
    }
}

fn exists(name: &str) -> Body {
    Body::Exists(asks(2, json!({ "request": "exists", "username": name })))
}

#[tokio::test]
async fn a_call_to_a_peers_user_takes_the_caller_and_says_where_the_proxy_is() {
    let mut house = House::start().await;
    house.asks(100, call(0, "peter")).await;
    let place = house.places().await;
    assert_eq!(place.proxy_side, Some(ProxySide::Callee(URL.to_owned())));
    assert_eq!((place.caller.username.as_str(), place.caller.address), ("alice", Some(address(0))));
    assert_eq!((place.callee.username.as_str(), place.callee.address), ("peter", None));
    assert!(place.offer.is_some() && place.transaction == "t");
    assert_eq!(house.field("alice", "incall"), "$1\r\n1\r\n");
    assert_eq!(house.field("alice", "peer_name"), "$5\r\npeter\r\n");
    // By the peer's word it is in a call now, and that is this one.
    house.peer_writes("peter", "1");
    house.asks(100, call(0, "peter")).await;
    assert_eq!(house.places().await.call, call_id(100));
    house.cluster.directory.release_call(call_id(100)).await.unwrap();
    assert!(house.is_idle(0).await);
    assert_eq!(house.field("alice", "incall"), "$0\r\n\r\n");
}

#[tokio::test]
async fn a_call_to_a_peers_user_is_refused_as_one_to_ours_and_leaves_nothing() {
    let mut house = House::start().await;
    house.peer_writes("busy", "1");
    let Body::Call(asks) = call(0, "peter") else { unreachable!("it is a call") };
    let without_offer = Body::Call(ClientRequest { jsep: None, ..asks });
    house.asks(100, without_offer).await;
    assert!(house.says().await.contains("482"));
    house.asks(101, call(0, "busy")).await;
    let busy = house.says().await;
    assert!(busy.contains("User busy") && busy.contains("alice"), "{busy}");
    house.cluster.announce("a", BackendStatus::Abnormal).await;
    house.redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    house.redis(&["HSET", "januscloud:videocall_proxies:other", "api_base_url", URL]);
    for number in 102..104 {
        let router = house.cluster.router();
        house.cluster.enqueue(&message(number, call(0, "peter"))).await;
        assert!(house.says().await.contains(if number == 102 { "478" } else { "502" }));
        router.stop().await;
        house.redis(&["HSET", "januscloud:videocall_proxies:uuid", "api_base_url", URL]);
    }
    assert!(house.is_idle(0).await);
    assert_eq!(house.field("alice", "incall"), "$0\r\n\r\n");
    for number in 100..104 {
        assert_eq!(house.cluster.directory.call(call_id(number)).await.unwrap(), None);
    }
    assert_eq!(house.cluster.at_backend().await.len(), 0);
}

#[tokio::test]
async fn a_peers_user_exists_while_its_proxy_is_alive() {
    let mut house = House::start().await;
    house.asks(100, exists("peter")).await;
    assert!(house.says().await.contains("\"registered\":true"));
    house.redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    house.asks(101, exists("peter")).await;
    assert!(house.says().await.contains("\"registered\":false"));
}

#[tokio::test]
async fn a_register_takes_a_name_from_a_peer() {
    let mut house = House::start().await;
    house.asks(100, register(1, "peter")).await;
    assert_eq!(house.hears().await.change, Some(Change::Registered("peter".to_owned())));
    assert_eq!(house.field("peter", "proxy_uuid"), "$11\r\nswitchboard\r\n");
    house.asks(101, call(0, "peter")).await;
    assert_eq!(house.places().await.callee.address, Some(address(1)));
}

#[tokio::test]
async fn whoever_looks_a_name_up_that_a_peer_took_has_its_handle_told_and_its_call_ended() {
    let mut house = House::start().await;
    house.asks(100, register(1, "bob")).await;
    house.hears().await;
    house.asks(101, call(0, "bob")).await;
    house.places().await;
    house.peer_writes("bob", "");
    house.asks(102, exists("bob")).await;
    match house.cluster.backend_hears().await {
        Body::End(end) => {
            assert_eq!(
                (end.call, end.cause),
                (call_id(101), EndCause::Reason("Registered elsewhere".to_owned()))
            )
        }
        other => panic!("{other:?}"),
    }
    house.tells_displaced(1, "bob").await;
    assert!(house.says().await.contains("true"), "with its peer it is registered");
    assert_eq!(house.redis(&["HLEN", "januscloud:videocall_users:bob"]), ":6\r\n", "as the peer wrote it");
    house.asks(103, exists("bob")).await;
    assert!(house.says().await.contains("true"), "it is told once");
}

#[tokio::test]
async fn a_caller_whose_name_a_peer_took_is_told() {
    let mut house = House::start().await;
    house.peer_writes("alice", "");
    house.asks(100, call(0, "peter")).await;
    house.tells_displaced(0, "alice").await;
    assert!(house.says().await.contains("473"));
    house.asks(101, register(0, "alice")).await;
    assert_eq!(house.hears().await.change, Some(Change::Registered("alice".to_owned())));
    // The peer's user went, which deletes the record, and came again.
    house.redis(&["DEL", "januscloud:videocall_users:alice"]);
    house.peer_writes("alice", "");
    house.asks(102, call(0, "peter")).await;
    house.tells_displaced(0, "alice").await;
    assert!(house.says().await.contains("473"));
    assert_eq!(house.cluster.at_backend().await.len(), 0);
}

#[tokio::test]
async fn a_handle_whose_name_a_peer_took_may_register_it_again_before_it_was_told() {
    let mut house = House::start().await;
    house.peer_writes("alice", "");
    house.asks(100, register(0, "alice")).await;
    assert_eq!(house.hears().await.change, Some(Change::Displaced("alice".to_owned())));
    assert_eq!(house.hears().await.change, Some(Change::Registered("alice".to_owned())));
    assert_eq!(house.field("alice", "proxy_uuid"), "$11\r\nswitchboard\r\n");
    house.asks(101, register(0, "alice")).await;
    assert!(house.says().await.contains("477"));
}

#[tokio::test]
async fn another_handle_that_registers_a_name_a_peer_took_has_the_first_told() {
    let mut house = House::start().await;
    house.peer_writes("alice", "");
    house.asks(100, register(1, "alice")).await;
    house.tells_displaced(0, "alice").await;
    assert_eq!(house.hears().await.change, Some(Change::Registered("alice".to_owned())));
}

#[tokio::test]
async fn a_lost_name_that_a_peer_has_by_now_is_not_restored() {
    let mut house = House::start().await;
    house.peer_writes("carol", "");
    let restore = Restore { who: address(2), username: "carol".to_owned() };
    house.asks(100, Body::Restore(restore.clone())).await;
    house.tells_displaced(2, "carol").await;
    house.redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    house.asks(101, Body::Restore(restore)).await;
    assert_eq!(house.hears().await.change, Some(Change::Registered("carol".to_owned())));
}

#[tokio::test]
async fn a_peers_call_to_a_peers_user_is_not_relayed() {
    let mut house = House::start().await;
    for (number, code) in [(100, "472"), (101, "478")] {
        house.asks(number, invite("dave", "peter", "ws://a")).await;
        let refusal = format!("{:?}", house.cluster.rest_hears().await);
        assert!(refusal.contains(code), "{refusal}");
        house.redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    }
    house.asks(102, invite("dave", "alice", "ws://a")).await;
    assert_eq!(house.places().await.callee.address, Some(address(0)));
    assert_eq!(house.field("alice", "peer_name"), "$4\r\ndave\r\n");
}

#[tokio::test]
async fn routers_keep_our_names_alive_for_peers() {
    let house = House::start().await;
    let life = house.redis(&["TTL", "januscloud:videocall_proxies:switchboard"]);
    let life: u64 = life.trim_start_matches(':').trim().parse().unwrap();
    assert!(life > 30 && life <= 60, "{life}");
}
