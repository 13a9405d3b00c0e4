//! The demo page and the dashboard, whose files are compiled into the executable.
//!
//! The dashboard's files contain no data and need no secret; the page reads `/api/v1/cluster/events`, which does.

use crate::options::{Options, WEBSOCKET_PORT};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

/// A script of the folder `demo`.
macro_rules! demo_script {
    ($name:literal) => {
        File {
            path: concat!("/", $name),
            content_type: JAVASCRIPT,
            text: include_str!(concat!("../demo/", $name)),
        }
    };
}

static DEMO_FILES: [File; 13] = [
    File { path: "/", content_type: HTML, text: include_str!("../demo/index.html") },
    File { path: "/style.css", content_type: CSS, text: include_str!("../demo/style.css") },
    File { path: "/icon.svg", content_type: SVG, text: include_str!("../demo/icon.svg") },
    demo_script!("app.js"),
    demo_script!("calls.js"),
    demo_script!("connection.js"),
    demo_script!("media.js"),
    demo_script!("messages.js"),
    demo_script!("peer.js"),
    demo_script!("ringtone.js"),
    demo_script!("videocall.js"),
    demo_script!("view.js"),
    // The dashboard imports it too.
    File { path: "/visible.js", content_type: JAVASCRIPT, text: include_str!("../visible.js") },
];

/// A file of the folder `dashboard`.
macro_rules! dashboard_file {
    ($content_type:ident, $name:literal) => {
        File {
            path: concat!("/dashboard/", $name),
            content_type: $content_type,
            text: include_str!(concat!("../dashboard/", $name)),
        }
    };
}

static DASHBOARD_FILES: [File; 23] = [
    File { path: "/dashboard", content_type: HTML, text: include_str!("../dashboard/index.html") },
    dashboard_file!(CSS, "style.css"),
    dashboard_file!(CSS, "diagram.css"),
    dashboard_file!(CSS, "tables.css"),
    dashboard_file!(SVG, "ok.svg"),
    dashboard_file!(SVG, "warning.svg"),
    dashboard_file!(SVG, "critical.svg"),
    dashboard_file!(SVG, "unknown.svg"),
    dashboard_file!(JAVASCRIPT, "app.js"),
    dashboard_file!(JAVASCRIPT, "calls.js"),
    dashboard_file!(JAVASCRIPT, "diagram.js"),
    dashboard_file!(JAVASCRIPT, "dom.js"),
    dashboard_file!(JAVASCRIPT, "feed.js"),
    dashboard_file!(JAVASCRIPT, "findings.js"),
    dashboard_file!(JAVASCRIPT, "format.js"),
    dashboard_file!(JAVASCRIPT, "history.js"),
    dashboard_file!(JAVASCRIPT, "rows.js"),
    dashboard_file!(JAVASCRIPT, "secret.js"),
    dashboard_file!(JAVASCRIPT, "sparkline.js"),
    dashboard_file!(JAVASCRIPT, "sse.js"),
    dashboard_file!(JAVASCRIPT, "status.js"),
    dashboard_file!(JAVASCRIPT, "streams.js"),
    dashboard_file!(JAVASCRIPT, "table.js"),
];

/// Returns the routes of the demo page, and `/demo.json`, which tells it the websocket to connect to.
pub(crate) fn demo_routes(options: &Options) -> Router {
    let endpoint = endpoint(options);
    file_routes(&DEMO_FILES).route("/demo.json", get(async move || uncached(Json(endpoint))))
}

/// Returns the websocket that the page connects to: a URL, or the port on the page's host.
fn endpoint(options: &Options) -> Value {
    json!({
        "websocket_url": options.websocket_url.as_ref().map(|url| url.as_str()),
        "websocket_port": options.websocket_port.unwrap_or(WEBSOCKET_PORT),
    })
}

/// Returns the routes of the dashboard.
pub(crate) fn dashboard_routes() -> Router {
    // The page's relative links are valid at `/dashboard` only.
    file_routes(&DASHBOARD_FILES).route("/dashboard/", get(async || Redirect::permanent("../dashboard")))
}

/// Returns one route for each file.
fn file_routes(files: &'static [File]) -> Router {
    files.iter().fold(Router::new(), |routes, file| routes.route(file.path, get(async move || serve(file))))
}

fn serve(file: &'static File) -> Response {
    uncached(([(CONTENT_TYPE, file.content_type)], file.text))
}

/// Makes browsers revalidate: the content changes with the executable, and the address does not.
fn uncached(response: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-cache")], response).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a script imports a file that is not served.
    fn assert_imports_are_served(files: &[File]) {
        for file in files.iter().filter(|file| file.content_type == JAVASCRIPT) {
            let (folder, _) = file.path.rsplit_once('/').unwrap();
            for (_, import) in file.text.lines().filter_map(|line| line.split_once("from \"./")) {
                let path = format!("{folder}/{}", import.trim_end_matches("\";"));
                assert!(files.iter().any(|other| other.path == path), "{path} of {}", file.path);
            }
        }
    }

    /// Fails if a file contains what the content security policy forbids.
    fn assert_nothing_inline_or_foreign(files: &[File]) {
        for File { path, text, .. } in files {
            assert!(!text.contains("style=\"") && !text.contains("<style"), "{path}");
            assert!(!text.contains("onclick=\"") && !text.contains("<script>"), "{path}");
            assert!(!text.contains("src=\"http") && !text.contains("@import"), "{path}");
        }
    }

    #[test]
    fn page_gets_a_url_or_at_least_a_port() {
        let neither = endpoint(&Options::default());
        assert_eq!(neither, json!({ "websocket_url": null, "websocket_port": 8188 }));
        let url = "wss://calls.example".parse().unwrap();
        let both =
            endpoint(&Options { websocket_url: Some(url), websocket_port: Some(9), ..Options::default() });
        assert_eq!(both, json!({ "websocket_url": "wss://calls.example", "websocket_port": 9 }));
    }

    #[test]
    fn demo_files_are_complete_and_local() {
        assert_imports_are_served(&DEMO_FILES);
        assert_nothing_inline_or_foreign(&DEMO_FILES);
    }

    #[test]
    fn dashboard_files_are_complete_and_local() {
        assert_imports_are_served(&DASHBOARD_FILES);
        assert_nothing_inline_or_foreign(&DASHBOARD_FILES);
    }

    #[test]
    fn data_of_the_cluster_never_becomes_markup() {
        let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval("];
        for file in DASHBOARD_FILES.iter().filter(|file| file.content_type == JAVASCRIPT) {
            assert!(!markup.iter().any(|word| file.text.contains(word)), "{}", file.path);
        }
    }
}
