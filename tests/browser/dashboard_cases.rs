//! Cases for the pure functions of the dashboard. They are in `dashboard_cases.js`, and run in the browser.

use super::driver::Driver;
use super::file_server::{File, FileServer};
use super::fixture::turn;
use super::page::Page;
use std::fs;
use std::path::Path;

#[tokio::test]
async fn every_case_passes() {
    let _turn = turn().await;
    let driver = Driver::start().await;
    let file_server = FileServer::serve(page_files()).await;
    let page = Page::open_any(&driver, "cases", file_server.url(), &[]).await;
    page.expect_state("passed").await;
    page.expect_no_errors().await;
}

fn page_files() -> Vec<File> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let script = |name: &'static str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/rest").join(&name[1..]);
        (
            name,
            SCRIPT,
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    };
    vec![
        ("/", "text/html; charset=utf-8", include_str!("dashboard_cases.html").to_owned()),
        ("/cases.js", SCRIPT, include_str!("dashboard_cases.js").to_owned()),
        ("/favicon.ico", "image/svg+xml", String::new()),
        script("/dashboard/feed.js"),
        script("/dashboard/findings.js"),
        script("/dashboard/format.js"),
        script("/dashboard/history.js"),
        script("/dashboard/secret.js"),
        script("/dashboard/sse.js"),
        script("/dashboard/streams.js"),
        script("/visible.js"),
    ]
}
