//! What the pure parts of the dashboard make of what they are told. The cases are in `dashboard_cases.js`,
//! beside the words they are about, and run where the dashboard does.

use super::driver::Driver;
use super::files::{File, Files};
use super::page::Page;
use super::stage::turn;
use std::fs;
use std::path::Path;

#[tokio::test]
async fn every_case_is_judged_as_it_should_be() {
    let _turn = turn().await;
    let driver = Driver::start().await;
    let files = Files::serve(site()).await;
    let page = Page::visit(&driver, "judge", files.url(), &[]).await;
    page.is("passed").await;
    page.has_no_errors().await;
}

fn site() -> Vec<File> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let script = |name: &'static str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/rest").join(&name[1..]);
        (name, SCRIPT, fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display())))
    };
    vec![
        ("/", "text/html; charset=utf-8", include_str!("dashboard_cases.html").to_owned()),
        ("/cases.js", SCRIPT, include_str!("dashboard_cases.js").to_owned()),
        ("/favicon.ico", "image/svg+xml", String::new()),
        script("/dashboard/feed.js"),
        script("/dashboard/judge.js"),
        script("/dashboard/limits.js"),
        script("/dashboard/memory.js"),
        script("/dashboard/roads.js"),
        script("/dashboard/secret.js"),
        script("/dashboard/sse.js"),
        script("/dashboard/words.js"),
    ]
}
