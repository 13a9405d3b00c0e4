//! Names of janus-cloud proxies, in a real Redis, written as such a proxy writes them.

use crate::harness::{Cluster, address, call, call_id, client_request, handle, invite, message, register};
use bus::message::{Body, Change, ClientRequest, EndCause, Events, Place, ProxySide, Restore};
use directory::Directory;
use directory::record::BackendStatus;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use testkit::Redis;

const URL: &str = "http://127.0.0.1:8100/plugins/videocall";

struct Fixture {
    redis: Redis,
    cluster: Cluster,
}

impl Fixture {
    /// Starts with alice registered here, and peter at a proxy.
    async fn start() -> Self {
        let redis = Redis::start().await;
        let directory = Directory::redis(&redis.url()).await.unwrap();
        let mut fixture = Self { redis, cluster: Cluster::on(directory).await };
        fixture.process(1, register(0, "alice")).await;
        assert!(fixture.next_text().await.contains("registered"));
        fixture.run_redis(&["HSET", "januscloud:videocall_proxies:uuid", "api_base_url", URL]);
        fixture.write_proxy_name("peter", "");
        fixture
    }

    /// Writes the record of a name like janus-cloud's `RDVideoCallUserDao`.
    fn write_proxy_name(&self, name: &str, in_call: &str) {
        let key = format!("januscloud:videocall_users:{name}");
        let about = ["HMSET", &key, "username", name, "incall", in_call, "peer_name", ""];
        let more = ["proxy_uuid", "uuid", "ctime", "1795355906.2547772", "utime", "1795355906.2547774"];
        assert_eq!(self.run_redis(&[&about[..], &more[..]].concat()), "+OK\r\n");
    }

    fn field(&self, name: &str, field: &str) -> String {
        self.run_redis(&["HGET", &format!("januscloud:videocall_users:{name}"), field])
    }

    /// Runs a command and returns the reply in the protocol of Redis.
    fn run_redis(&self, command: &[&str]) -> String {
        let url = self.redis.url();
        let address = url.strip_prefix("redis://").unwrap().trim_end_matches('/');
        let mut text = format!("*{}\r\n", command.len());
        command.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all((text + "QUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        socket.read_to_string(&mut reply).unwrap();
        reply.strip_suffix("+OK\r\n").unwrap().to_owned()
    }

    /// Has a router handle a message, and waits until it is acknowledged.
    async fn process(&self, number: u128, body: Body) {
        let router = self.cluster.router();
        // The router first reports that it has no list of backends.
        tokio::task::yield_now().await;
        testkit::eventually("the router has listed the backends", async || router.unmet().is_empty()).await;
        self.cluster.enqueue(&message(number, body)).await;
        testkit::eventually("the message is acknowledged", async || self.cluster.unfinished().await == 0)
            .await;
        router.stop().await;
    }

    async fn next_events(&mut self) -> Events {
        match self.cluster.next_at_edge().await {
            Body::Events(events) => events,
            other => panic!("{other:?}"),
        }
    }

    async fn next_text(&mut self) -> String {
        format!("{:?}", self.next_events().await.events)
    }

    /// Expects events that notify this handle that it has lost its name.
    async fn expect_displaced(&mut self, who: usize, name: &str) {
        let events = self.next_events().await;
        assert_eq!(events.change, Some(Change::Displaced(name.to_owned())));
        assert_eq!((events.session, events.handle), (handle(who).session, handle(who).handle));
        assert!(format!("{:?}", events.events).contains("Registered elsewhere"));
        assert_eq!(self.cluster.directory.handle(handle(who)).await.unwrap().unwrap().username, None);
    }

    async fn next_place(&mut self) -> Place {
        match self.cluster.next_at_backend().await {
            Body::Place(place) => place,
            other => panic!("{other:?}"),
        }
    }

    async fn is_idle(&self, who: usize) -> bool {
        self.cluster.directory.handle(handle(who)).await.unwrap().unwrap().call.is_none()
    }
}

fn exists(name: &str) -> Body {
    Body::Exists(client_request(2, json!({ "request": "exists", "username": name })))
}

#[tokio::test]
async fn call_to_a_proxy_user_is_placed_with_the_proxy_url() {
    let mut fixture = Fixture::start().await;
    fixture.process(100, call(0, "peter")).await;
    let place = fixture.next_place().await;
    assert_eq!(place.proxy_side, Some(ProxySide::Callee(URL.to_owned())));
    assert_eq!((place.caller.username.as_str(), place.caller.address), ("alice", Some(address(0))));
    assert_eq!((place.callee.username.as_str(), place.callee.address), ("peter", None));
    assert!(place.offer.is_some() && place.transaction == "t");
    assert_eq!(fixture.field("alice", "incall"), "$1\r\n1\r\n");
    assert_eq!(fixture.field("alice", "peer_name"), "$5\r\npeter\r\n");
    // Its proxy has recorded that it is in a call, which is this one.
    fixture.write_proxy_name("peter", "1");
    fixture.process(100, call(0, "peter")).await;
    assert_eq!(fixture.next_place().await.call, call_id(100));
    fixture.cluster.directory.release_call(call_id(100)).await.unwrap();
    assert!(fixture.is_idle(0).await);
    assert_eq!(fixture.field("alice", "incall"), "$0\r\n\r\n");
}

#[tokio::test]
async fn call_to_a_proxy_user_is_refused_like_a_local_one() {
    let mut fixture = Fixture::start().await;
    fixture.write_proxy_name("busy", "1");
    let Body::Call(request) = call(0, "peter") else { unreachable!("it is a call") };
    let without_offer = Body::Call(ClientRequest { jsep: None, ..request });
    fixture.process(100, without_offer).await;
    assert!(fixture.next_text().await.contains("482"));
    fixture.process(101, call(0, "busy")).await;
    let busy = fixture.next_text().await;
    assert!(busy.contains("User busy") && busy.contains("alice"), "{busy}");
    fixture.cluster.add_backend("a", BackendStatus::Abnormal).await;
    fixture.run_redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    fixture.run_redis(&["HSET", "januscloud:videocall_proxies:other", "api_base_url", URL]);
    for number in 102..104 {
        let router = fixture.cluster.router();
        fixture.cluster.enqueue(&message(number, call(0, "peter"))).await;
        assert!(fixture.next_text().await.contains(if number == 102 { "478" } else { "502" }));
        router.stop().await;
        fixture.run_redis(&["HSET", "januscloud:videocall_proxies:uuid", "api_base_url", URL]);
    }
    assert!(fixture.is_idle(0).await);
    assert_eq!(fixture.field("alice", "incall"), "$0\r\n\r\n");
    for number in 100..104 {
        assert_eq!(fixture.cluster.directory.call(call_id(number)).await.unwrap(), None);
    }
    assert_eq!(fixture.cluster.at_backend().await.len(), 0);
}

#[tokio::test]
async fn proxy_user_exists_while_its_proxy_is_alive() {
    let mut fixture = Fixture::start().await;
    fixture.process(100, exists("peter")).await;
    assert!(fixture.next_text().await.contains("\"registered\":true"));
    fixture.run_redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    fixture.process(101, exists("peter")).await;
    assert!(fixture.next_text().await.contains("\"registered\":false"));
}

#[tokio::test]
async fn register_takes_a_name_from_a_proxy() {
    let mut fixture = Fixture::start().await;
    fixture.process(100, register(1, "peter")).await;
    assert_eq!(fixture.next_events().await.change, Some(Change::Registered("peter".to_owned())));
    assert_eq!(fixture.field("peter", "proxy_uuid"), "$11\r\nswitchboard\r\n");
    fixture.process(101, call(0, "peter")).await;
    assert_eq!(fixture.next_place().await.callee.address, Some(address(1)));
}

#[tokio::test]
async fn lookup_of_a_taken_name_displaces_its_handle() {
    let mut fixture = Fixture::start().await;
    fixture.process(100, register(1, "bob")).await;
    fixture.next_events().await;
    fixture.process(101, call(0, "bob")).await;
    fixture.next_place().await;
    fixture.write_proxy_name("bob", "");
    fixture.process(102, exists("bob")).await;
    match fixture.cluster.next_at_backend().await {
        Body::End(end) => {
            assert_eq!(
                (end.call, end.cause),
                (call_id(101), EndCause::Reason("Registered elsewhere".to_owned()))
            )
        }
        other => panic!("{other:?}"),
    }
    fixture.expect_displaced(1, "bob").await;
    assert!(fixture.next_text().await.contains("true"), "it is registered at its proxy");
    assert_eq!(
        fixture.run_redis(&["HLEN", "januscloud:videocall_users:bob"]),
        ":6\r\n",
        "as the proxy wrote it"
    );
    fixture.process(103, exists("bob")).await;
    assert!(fixture.next_text().await.contains("true"), "the handle is notified once");
}

#[tokio::test]
async fn caller_whose_name_a_proxy_took_is_displaced() {
    let mut fixture = Fixture::start().await;
    fixture.write_proxy_name("alice", "");
    fixture.process(100, call(0, "peter")).await;
    fixture.expect_displaced(0, "alice").await;
    assert!(fixture.next_text().await.contains("473"));
    fixture.process(101, register(0, "alice")).await;
    assert_eq!(fixture.next_events().await.change, Some(Change::Registered("alice".to_owned())));
    // The proxy user unregistered, which deletes the record, and registered again.
    fixture.run_redis(&["DEL", "januscloud:videocall_users:alice"]);
    fixture.write_proxy_name("alice", "");
    fixture.process(102, call(0, "peter")).await;
    fixture.expect_displaced(0, "alice").await;
    assert!(fixture.next_text().await.contains("473"));
    assert_eq!(fixture.cluster.at_backend().await.len(), 0);
}

#[tokio::test]
async fn handle_may_register_its_taken_name_again() {
    let mut fixture = Fixture::start().await;
    fixture.write_proxy_name("alice", "");
    fixture.process(100, register(0, "alice")).await;
    assert_eq!(fixture.next_events().await.change, Some(Change::Displaced("alice".to_owned())));
    assert_eq!(fixture.next_events().await.change, Some(Change::Registered("alice".to_owned())));
    assert_eq!(fixture.field("alice", "proxy_uuid"), "$11\r\nswitchboard\r\n");
    fixture.process(101, register(0, "alice")).await;
    assert!(fixture.next_text().await.contains("477"));
}

#[tokio::test]
async fn register_of_a_taken_name_displaces_the_first_handle() {
    let mut fixture = Fixture::start().await;
    fixture.write_proxy_name("alice", "");
    fixture.process(100, register(1, "alice")).await;
    fixture.expect_displaced(0, "alice").await;
    assert_eq!(fixture.next_events().await.change, Some(Change::Registered("alice".to_owned())));
}

#[tokio::test]
async fn name_that_a_proxy_took_is_not_restored() {
    let mut fixture = Fixture::start().await;
    fixture.write_proxy_name("carol", "");
    let restore = Restore { who: address(2), username: "carol".to_owned() };
    fixture.process(100, Body::Restore(restore.clone())).await;
    fixture.expect_displaced(2, "carol").await;
    fixture.run_redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    fixture.process(101, Body::Restore(restore)).await;
    assert_eq!(fixture.next_events().await.change, Some(Change::Registered("carol".to_owned())));
}

#[tokio::test]
async fn invite_to_a_proxy_user_is_refused() {
    let mut fixture = Fixture::start().await;
    for (number, code) in [(100, "472"), (101, "478")] {
        fixture.process(number, invite("dave", "peter", "ws://a")).await;
        let refusal = format!("{:?}", fixture.cluster.next_at_rest().await);
        assert!(refusal.contains(code), "{refusal}");
        fixture.run_redis(&["DEL", "januscloud:videocall_proxies:uuid"]);
    }
    fixture.process(102, invite("dave", "alice", "ws://a")).await;
    assert_eq!(fixture.next_place().await.callee.address, Some(address(0)));
    assert_eq!(fixture.field("alice", "peer_name"), "$4\r\ndave\r\n");
}

#[tokio::test]
async fn proxy_record_is_renewed() {
    let fixture = Fixture::start().await;
    let ttl = fixture.run_redis(&["TTL", "januscloud:videocall_proxies:switchboard"]);
    let seconds: u64 = ttl.trim_start_matches(':').trim().parse().unwrap();
    assert!(seconds > 30 && seconds <= 60, "{seconds}");
}
