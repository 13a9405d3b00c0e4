//! Two users with browsers: headless Chromium with a fake camera and microphone, real pages, and media that
//! flows through a real Janus.
//!
//! | file | holds |
//! |---|---|
//! | `demo_page.rs`, `demo_refusals.rs`, `demo_reconnect.rs` | tests with the demo page: calls, refusals, lost sockets and pages |
//! | `janus_js.rs`, `janus_js_updates.rs`, `janus_js_reconnect.rs` | tests with the unmodified janus.js: calls, renegotiations, lost sockets |
//! | `janus_js.html` | the page with janus.js for them |
//! | `dashboard.rs`, `dashboard_findings.rs`, `dashboard_secret.rs` | tests with the dashboard: figures and looks, findings, access |
//! | `dashboard_cases.rs`, `.js`, `.html` | cases for the pure functions of the dashboard |
//! | `dashboard_page.rs` | a cluster with the dashboard in a browser |
//! | `foreign_pages.rs` | what a page of another site can do to a local `standalone` |
//! | `fixture.rs` | servers, a driver and pages |
//! | `page.rs` | a page as its user sees it |
//! | `media.rs` | the media that a page receives |
//! | `driver.rs` | chromedriver, and the browsers it opens |
//! | `tcp_proxy.rs` | a proxy between page and server that can be cut |
//! | `file_server.rs` | a web server for a few files |
//! | `websocket_close.rs` | the end of a websocket, compared with a Janus |
//!
//! Only one of these tests runs at a time ([`fixture`]): two browsers that encode video keep two cores busy.
//! A test polls for what it expects until the timeout of [`page`]. Then it fails, and prints what the page
//! showed and its console.

mod dashboard;
mod dashboard_cases;
mod dashboard_findings;
mod dashboard_page;
mod dashboard_secret;
pub mod demo_page;
mod demo_reconnect;
mod demo_refusals;
pub mod driver;
mod file_server;
pub mod fixture;
mod foreign_pages;
pub mod janus_js;
mod janus_js_reconnect;
mod janus_js_updates;
mod media;
pub mod page;
pub mod tcp_proxy;
mod websocket_close;
