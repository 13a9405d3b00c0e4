//! A page of another site in the browser of somebody who runs `standalone`: it reads no users or sessions, opens no
//! websocket, and so claims no session and places no call. The page comes from another origin, or from a name of its own
//! that leads to this machine (DNS rebinding).

use super::file_server::FileServer;
use super::fixture::Fixture;
use super::page::Page;
use serde_json::{Value, json};
use testkit::{Client, http};

/// Chromium resolves the attacker's names to this machine.
const REBOUND: &str = "--host-resolver-rules=MAP *.example 127.0.0.1";

/// Tries to read a URL; returns the text, or the kind of failure.
const READ: &str = "const [url, options] = ARGUMENTS;
    return fetch(url, { ...options, signal: AbortSignal.timeout(5000) }).then(
        async (response) => response.type === 'opaque' ? 'opaque' : `${response.status} ${await response.text()}`,
        (error) => `failed: ${error.name}`);";

/// Tries to open a websocket and to register a name; returns the reply, or `refused`.
const REGISTER: &str = "const [url] = ARGUMENTS;
    return new Promise((done) => {
        const socket = new WebSocket(url, 'janus-protocol');
        socket.onerror = () => done('refused');
        socket.onopen = () => socket.send(JSON.stringify({ janus: 'create', transaction: 'evil' }));
        socket.onmessage = ({ data }) => done(data);
    });";

async fn run(page: &Page, script: &str, arguments: Value) -> String {
    page.evaluate(&script.replace("ARGUMENTS", &arguments.to_string())).await
}

/// The port of a URL without a path.
fn port(url: &str) -> &str {
    url.trim_end_matches('/').rsplit_once(':').unwrap().1
}

async fn attacked() -> (Fixture, Client) {
    let fixture = Fixture::on_memory().await;
    let victim = Client::registered(fixture.edge_url(0), "victim-of-a-page").await;
    (fixture, victim)
}

/// The victim's session is as before: it is registered and can be used.
async fn expect_unharmed(fixture: &Fixture, mut victim: Client) {
    let users = http::get(&format!("{}/api/v1/users", fixture.demo())).await;
    let users: Value = serde_json::from_str(&users.body).unwrap();
    assert_eq!(users["users"].as_array().map(Vec::len), Some(1), "{users}");
    let listed = victim.request_plugin(json!({"request": "list"}), None).await;
    assert_eq!(listed["result"]["list"], json!(["victim-of-a-page"]));
}

#[tokio::test]
async fn page_of_another_origin_can_neither_read_nor_connect() {
    let (fixture, victim) = attacked().await;
    let files = vec![("/", "text/html", "<!doctype html><title>evil</title>".to_owned())];
    let server = FileServer::serve(files).await;
    let url = format!("http://evil.example:{}/", port(server.url()));
    let page = Page::open_any(&fixture.driver, "visitor", &url, &[REBOUND]).await;
    for path in ["/api/v1/users", "/api/v1/sessions", "/backend_servers", "/demo.json", "/metrics"] {
        let read = run(&page, READ, json!([format!("{}{path}", fixture.demo()), {}])).await;
        assert_eq!(read, "failed: TypeError", "{path}");
    }
    // Opaque: the page cannot read it. The place of a subscriber is not taken either.
    for _ in 0..40 {
        let events = format!("{}/api/v1/cluster/events", fixture.demo());
        run(&page, READ, json!([events, {"mode": "no-cors"}])).await;
    }
    let view = http::send("GET", &format!("{}/api/v1/cluster", fixture.demo()), "").await.unwrap();
    assert_eq!(view.status, 200);
    let port = port(fixture.edge_url(0));
    for host in ["127.0.0.1", "localhost", "evil.example"] {
        let opened = run(&page, REGISTER, json!([format!("ws://{host}:{port}/")])).await;
        assert_eq!(opened, "refused", "{host}");
    }
    expect_unharmed(&fixture, victim).await;
}

#[tokio::test]
async fn page_whose_name_leads_to_this_machine_can_neither_read_nor_connect() {
    let (fixture, victim) = attacked().await;
    // The page is that of rest itself, under the attacker's name, so that rest is of the same origin.
    let url = format!("http://evil.example:{}/style.css", port(&fixture.demo()));
    let page = Page::open_any(&fixture.driver, "visitor", &url, &[REBOUND]).await;
    for path in
        ["/api/v1/users", "/api/v1/sessions", "/api/v1/cluster", "/api/v1/cluster/events", "/backend_servers"]
    {
        let read = run(&page, READ, json!([path, {}])).await;
        assert!(read.starts_with("403 ") && read.contains("--allow-host"), "{path}: {read}");
        assert!(!read.contains("victim-of-a-page"), "{read}");
    }
    let session = format!("/api/v1/sessions/{}", victim.session());
    let changed = run(&page, READ, json!([session, {"method": "DELETE"}])).await;
    assert!(changed.starts_with("403 "), "{changed}");
    let opened =
        run(&page, REGISTER, json!([format!("ws://evil.example:{}/", port(fixture.edge_url(0)))])).await;
    assert_eq!(opened, "refused");
    expect_unharmed(&fixture, victim).await;
}

#[tokio::test]
async fn page_of_an_allowed_origin_can_connect() {
    let fixture = Fixture::on_memory_with(&["--allow-origin=http://app.example:1,*"]).await;
    let server = FileServer::serve(vec![("/", "text/html", "<!doctype html>".to_owned())]).await;
    let url = format!("http://app.example:{}/", port(server.url()));
    let page = Page::open_any(&fixture.driver, "visitor", &url, &[REBOUND]).await;
    let opened = run(&page, REGISTER, json!([fixture.edge_url(0)])).await;
    assert!(opened.contains("success"), "{opened}");
    let read = run(&page, READ, json!([format!("{}/api/v1/users", fixture.demo()), {}])).await;
    assert!(read.starts_with("200 "), "{read}");
}
