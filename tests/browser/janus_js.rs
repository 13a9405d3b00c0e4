//! Calls between two pages with the janus.js of Debian's `libjs-janus-gateway`, unmodified, and the
//! adapter.js of `libjs-webrtc-adapter` that it wants: what browsers in the field speak.

use super::files::{File, Files};
use super::page::Page;
use super::stage::{Stage, on_both_buses};
use std::fs;

on_both_buses!(two_pages_with_janus_js_call_each_other);

const JANUS: &str = "/usr/share/javascript/janus-gateway/janus.js";
const ADAPTER: &str = "/usr/share/javascript/webrtc-adapter/adapter.js";

async fn two_pages_with_janus_js_call_each_other(stage: Stage) {
    let files = files().await;
    let (alice, bob) = alice_and_bob(&stage, &files, [stage.edge_url(0), stage.edge_url(1)], "").await;
    call(&alice, "alice", &bob, "bob").await;
    alice.hang_up().await;
    bob.says("hung up by alice").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
    call(&bob, "bob", &alice, "alice").await;
    bob.hang_up().await;
    alice.says("hung up by bob").await;
    tokio::join!(alice.is("idle"), bob.is("idle"));
}

/// alice and bob, registered, with these servers.
pub async fn alice_and_bob(stage: &Stage, files: &Files, servers: [&str; 2], options: &str) -> (Page, Page) {
    tokio::join!(
        open(stage, files, "alice", servers[0], options),
        open(stage, files, "bob", servers[1], options)
    )
}

async fn open(stage: &Stage, files: &Files, person: &str, server: &str, options: &str) -> Page {
    let url = format!("{}/?server={server}{options}", files.url());
    let page = Page::open(&stage.driver, person, &url).await;
    page.register(person).await;
    page
}

/// Brings a call up, as far as picture and sound on both sides.
pub async fn call(caller: &Page, calling: &str, callee: &Page, called: &str) {
    ring(caller, calling, callee, called).await;
    tokio::join!(caller.sees_and_hears(), callee.sees_and_hears());
}

/// Calls and accepts.
pub async fn ring(caller: &Page, calling: &str, callee: &Page, called: &str) {
    caller.call(called).await;
    callee.is("ringing").await;
    callee.says(&format!("called by {calling}")).await;
    callee.accept().await;
    tokio::join!(caller.is("incall"), callee.is("incall"));
}

/// A web server with our page and the two libraries.
pub async fn files() -> Files {
    Files::serve(site()).await
}

fn site() -> Vec<File> {
    let library = |path: &str| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{path} of a Debian package: {error}"))
    };
    vec![
        ("/", "text/html; charset=utf-8", include_str!("janus_js.html").to_owned()),
        ("/janus.js", "text/javascript; charset=utf-8", library(JANUS)),
        ("/adapter.js", "text/javascript; charset=utf-8", library(ADAPTER)),
    ]
}
