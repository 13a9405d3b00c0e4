//! How a page sees its websocket end: with the same code from Switchboard as from a Janus, and cleanly.

use super::file_server::FileServer;
use super::fixture::Fixture;
use super::page::Page;

/// What `onclose` reports: the code, whether both sides have sent close frames, and the reason.
type Closed = (u16, bool, String);

/// An empty page. It has an origin of its own, from which Chromium lets it connect to local servers.
async fn empty_page(fixture: &Fixture) -> (Page, FileServer) {
    let file_server = FileServer::serve(vec![("/", "text/html", String::new())]).await;
    (Page::open_any(&fixture.driver, "alice", file_server.url(), &[]).await, file_server)
}

/// Opens a websocket in the page and runs this script when it is open.
async fn open(page: &Page, url: &str, on_open: &str) {
    let script = format!(
        "window.closeEvent = null;
        window.isOpen = false;
        const socket = new WebSocket('{url}', 'janus-protocol');
        socket.onopen = () => {{ window.isOpen = true; {on_open} }};
        socket.onclose = event => {{ window.closeEvent = [event.code, event.wasClean, event.reason]; }};
        return true;"
    );
    assert!(page.evaluate::<bool>(&script).await);
}

async fn closed(page: &Page) -> Closed {
    page.until("has a closed websocket", async || page.evaluate("return window.closeEvent !== null").await)
        .await;
    page.evaluate("return window.closeEvent").await
}

async fn close(page: &Page, url: &str, arguments: &str) -> Closed {
    open(page, url, &format!("socket.close({arguments});")).await;
    closed(page).await
}

#[tokio::test]
async fn page_that_closes_sees_the_same_as_from_a_janus() {
    let fixture = Fixture::on_memory().await;
    let (page, _file_server) = empty_page(&fixture).await;
    let cases = [
        ("", 1005, ""),
        ("1000", 1000, ""),
        ("1000, 'bye'", 1000, "bye"),
        ("3000", 3000, ""),
        ("4000, 'grüß'", 4000, "grüß"),
        ("4999", 4999, ""),
    ];
    for (arguments, code, reason) in cases {
        let from_janus = close(&page, &fixture.janus_url(), arguments).await;
        let from_edge = close(&page, fixture.edge_url(0), arguments).await;
        assert_eq!(from_edge, (code, true, reason.to_owned()), "close({arguments})");
        assert_eq!(from_edge, from_janus, "close({arguments})");
    }
    // A request is answered before the close frame.
    let ping = "socket.onmessage = () => socket.close(4001);
        socket.send('{\"janus\":\"ping\",\"transaction\":\"t\"}');";
    for url in [&fixture.janus_url(), fixture.edge_url(0)] {
        open(&page, url, ping).await;
        assert_eq!(closed(&page).await, (4001, true, String::new()));
    }
    open(&page, fixture.edge_url(0), "socket.send('x'.repeat(5 << 20));").await;
    // The edge closes at the first bytes of the message. Chromium calls that clean if it has sent the rest by then.
    let (code, _, reason) = closed(&page).await;
    assert_eq!((code, reason.as_str()), (1009, "the message is too large"));
}

#[tokio::test]
async fn page_sees_why_an_edge_closes() {
    let mut fixture = Fixture::on_redis().await;
    let (page, _file_server) = empty_page(&fixture).await;
    let edge = fixture.edge_url(0).to_owned();
    open(&page, &edge, "").await;
    page.until("has an open websocket", async || page.evaluate("return window.isOpen").await).await;
    fixture.cluster().edges[0].terminate();
    let (code, was_clean, reason) = closed(&page).await;
    assert_eq!((code, was_clean), (1012, true), "{reason}");
}
