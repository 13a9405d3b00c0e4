//! Calls between two pages that use the unmodified janus.js of Debian's `libjs-janus-gateway` and the
//! adapter.js of `libjs-webrtc-adapter`.

use super::file_server::{File, FileServer};
use super::fixture::{Fixture, on_both_buses};
use super::page::Page;
use std::fs;

on_both_buses!(two_pages_with_janus_js_call_each_other);

const JANUS: &str = "/usr/share/javascript/janus-gateway/janus.js";
const ADAPTER: &str = "/usr/share/javascript/webrtc-adapter/adapter.js";

async fn two_pages_with_janus_js_call_each_other(fixture: Fixture) {
    let file_server = file_server().await;
    let (alice, bob) =
        alice_and_bob(&fixture, &file_server, [fixture.edge_url(0), fixture.edge_url(1)], "").await;
    call(&alice, "alice", &bob, "bob").await;
    alice.hang_up().await;
    bob.expect_message("hung up by alice").await;
    tokio::join!(alice.expect_state("idle"), bob.expect_state("idle"));
    call(&bob, "bob", &alice, "alice").await;
    bob.hang_up().await;
    alice.expect_message("hung up by bob").await;
    tokio::join!(alice.expect_state("idle"), bob.expect_state("idle"));
}

/// alice and bob, registered, with these servers.
pub async fn alice_and_bob(
    fixture: &Fixture,
    file_server: &FileServer,
    servers: [&str; 2],
    options: &str,
) -> (Page, Page) {
    tokio::join!(
        open(fixture, file_server, "alice", servers[0], options),
        open(fixture, file_server, "bob", servers[1], options)
    )
}

async fn open(fixture: &Fixture, file_server: &FileServer, user: &str, server: &str, options: &str) -> Page {
    let url = format!("{}/?server={server}{options}", file_server.url());
    let page = Page::open(&fixture.driver, user, &url).await;
    page.register(user).await;
    page
}

/// Sets a call up and waits for picture and sound on both sides.
pub async fn call(caller: &Page, calling: &str, callee: &Page, called: &str) {
    ring(caller, calling, callee, called).await;
    tokio::join!(caller.expect_audio_and_video(), callee.expect_audio_and_video());
}

/// Calls and accepts.
pub async fn ring(caller: &Page, calling: &str, callee: &Page, called: &str) {
    caller.call(called).await;
    callee.expect_state("ringing").await;
    callee.expect_message(&format!("called by {calling}")).await;
    callee.accept().await;
    tokio::join!(caller.expect_state("incall"), callee.expect_state("incall"));
}

/// A web server with the test page and the two libraries.
pub async fn file_server() -> FileServer {
    FileServer::serve(page_files()).await
}

fn page_files() -> Vec<File> {
    let library = |path: &str| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{path} of a Debian package: {error}"))
    };
    vec![
        ("/", "text/html; charset=utf-8", include_str!("janus_js.html").to_owned()),
        ("/janus.js", "text/javascript; charset=utf-8", library(JANUS)),
        ("/adapter.js", "text/javascript; charset=utf-8", library(ADAPTER)),
    ]
}
