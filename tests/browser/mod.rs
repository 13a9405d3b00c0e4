//! Two people with browsers: headless Chromium with a camera and a microphone that are not real, pages
//! that are, and media that flows through a real Janus.
//!
//! | file | holds |
//! |---|---|
//! | `demo_page.rs`, `demo_refusals.rs`, `demo_line.rs` | tests with the demo page: calls; what is refused; lost sockets and pages |
//! | `janus_js.rs`, `janus_js_updates.rs`, `janus_js_line.rs` | tests with the unmodified janus.js: calls; renegotiations; lost sockets |
//! | `janus_js.html` | the page with janus.js for them |
//! | `dashboard.rs`, `dashboard_trouble.rs`, `dashboard_secret.rs` | tests with the dashboard: live numbers, and how it looks; what breaks; who may see it |
//! | `dashboard_cases.rs`, `.js`, `.html` | what the pure parts of the dashboard make of what they are told |
//! | `wall.rs` | what they need: a cluster, and the dashboard as it hangs on a wall |
//! | `stage.rs` | what such a test needs: servers, a driver, pages |
//! | `page.rs` | a page as its user has it |
//! | `media.rs` | what a page receives |
//! | `driver.rs` | chromedriver, and the browsers it opens |
//! | `line.rs` | a line between page and server that can be cut |
//! | `files.rs` | a web server for a few files |
//!
//! Only one of these tests runs at a time ([`stage`]): two browsers that encode video keep two cores busy.
//! Whatever a test waits for is asked again until it is so or [`page`]'s patience ends; then the test fails
//! and prints what the page showed and what its console said.

mod dashboard;
mod dashboard_cases;
mod dashboard_secret;
mod dashboard_trouble;
mod demo_line;
pub mod demo_page;
mod demo_refusals;
pub mod driver;
mod files;
pub mod janus_js;
mod janus_js_line;
mod janus_js_updates;
pub mod line;
mod media;
pub mod page;
pub mod stage;
mod wall;
