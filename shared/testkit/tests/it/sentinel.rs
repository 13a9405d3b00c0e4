//! The sentinel of janus-cloud, with a listener for its posts and with a proxy.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::sentinel::SentinelConfig;
use testkit::{Client, DEADLINE, Janus, JanusCloud, Redis, Sentinel, eventually, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

/// Receives posts, each on its own connection.
struct Listener {
    socket: TcpListener,
}

type Form = BTreeMap<String, String>;

impl Listener {
    async fn start() -> Self {
        Self { socket: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self) -> String {
        format!("http://{}/announced", self.socket.local_addr().unwrap())
    }

    /// Returns the next post whose body contains `text`: its head and its form.
    async fn receive(&self, text: &str) -> (String, Form) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let accepted = timeout_at(deadline, self.socket.accept()).await;
            let (mut socket, _) = accepted.unwrap_or_else(|_| panic!("no post contains {text}")).unwrap();
            let (head, body) = request(&mut socket).await;
            socket.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            if body.contains(text) {
                return (head, form(&body));
            }
        }
    }
}

async fn request(socket: &mut TcpStream) -> (String, String) {
    let mut text = String::new();
    loop {
        let mut chunk = [0; 1024];
        let read = socket.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the request is incomplete: {text}");
        text += std::str::from_utf8(&chunk[..read]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() >= length.map_or(0, |it| it.parse().unwrap()) {
            return (head.to_owned(), body.to_owned());
        }
    }
}

/// Decodes a form. Only the characters of a URL are escaped in these tests.
fn form(body: &str) -> Form {
    let body = body.replace("%3A", ":").replace("%2F", "/");
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn fields(form: &Form) -> Vec<&str> {
    form.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn it_announces_a_janus_periodically_until_it_stops() {
    let mut janus = Janus::start().await;
    let listener = Listener::start().await;
    let port = janus.url().rsplit_once(':').unwrap().1.parse().unwrap();
    let config = SentinelConfig { expire: 6, ..SentinelConfig::new("a", port, &[&listener.url()]) };
    let _sentinel = Sentinel::with(config).await;

    let (head, first) = listener.receive("status=0").await;
    assert!(head.starts_with("POST /announced HTTP/1.1\r\n"));
    assert!(head.contains("Content-Type: application/x-www-form-urlencoded"));
    assert_eq!(fields(&first), ["expire", "isp", "location", "name", "start_time", "status", "url"]);
    assert_eq!((&*first["name"], &*first["expire"]), ("a", "6"));
    assert_eq!(first["url"], format!("ws://localhost:{port}"));
    assert_eq!((&*first["isp"], &*first["location"], &*first["start_time"]), ("", "", "0"));

    let received = Instant::now();
    let (_, second) = listener.receive("status=0").await;
    assert_eq!(second, first);
    assert!(
        received.elapsed() < Duration::from_secs(6),
        "the second post came after {:?}",
        received.elapsed()
    );

    janus.kill();
    let (_, last) = listener.receive("status=1").await;
    assert_eq!(fields(&last), fields(&first));
    janus.restart().await;
    listener.receive("status=0").await;
}

#[tokio::test]
async fn it_counts_sessions_and_handles() {
    let janus = Janus::start().await;
    let listener = Listener::start().await;
    let _sentinel = Sentinel::start("a", &janus, &[&listener.url()]).await;
    listener.receive("session_num=0&handle_num=0").await;
    let _alice = Client::registered(&janus.url(), "alice").await;
    listener.receive("session_num=1&handle_num=1").await;
}

#[tokio::test]
async fn it_announces_maintenance() {
    let janus = Janus::start().await;
    let listener = Listener::start().await;
    let mut sentinel = Sentinel::start("a", &janus, &[&listener.url()]).await;
    listener.receive("status=0").await;
    sentinel.start_maintenance().await;
    listener.receive("status=2").await;
    sentinel.stop_maintenance().await;
    listener.receive("status=0").await;
    tokio::join!(sentinel.terminate(), listener.receive("status=1"));
}

#[tokio::test]
async fn a_proxy_learns_of_a_janus_from_it() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let proxy = JanusCloud::start(&redis.url(), &[]).await;
    let callback = format!("{}/sentinel_callback", proxy.rest_url());
    let _sentinel = Sentinel::start("a", &janus, &[&callback]).await;
    let servers = format!("{}/backend_servers", proxy.rest_url());
    let announced = async || {
        let servers: Value = serde_json::from_str(&http::get(&servers).await.body).unwrap();
        servers[0]["name"] == "a" && servers[0]["status"] == 0
    };
    eventually("the proxy knows the Janus", announced).await;

    let mut alice = Client::registered(&proxy.ws_url(), "alice").await;
    let mut bob = Client::registered(&proxy.ws_url(), "bob").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
}

#[tokio::test]
async fn a_killed_sentinel_has_exited() {
    let mut sentinel = Sentinel::with(SentinelConfig::new("a", 1, &["http://127.0.0.1:1/"])).await;
    let process = format!("/proc/{}", sentinel.pid());
    assert!(std::fs::exists(&process).unwrap());
    sentinel.kill();
    assert!(!std::fs::exists(&process).unwrap());
}
