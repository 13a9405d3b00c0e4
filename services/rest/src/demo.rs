//! The demo page: its files, which are part of the executable, and where it finds the websocket.

use crate::options::{Options, WEBSOCKET_PORT};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// A script of the page; its name is its path.
macro_rules! script {
    ($name:literal) => {
        File { path: concat!("/", $name), kind: SCRIPT, text: include_str!(concat!("../demo/", $name)) }
    };
}

const PAGE: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

static FILES: [File; 12] = [
    File { path: "/", kind: PAGE, text: include_str!("../demo/index.html") },
    File { path: "/style.css", kind: STYLE, text: include_str!("../demo/style.css") },
    File { path: "/icon.svg", kind: PICTURE, text: include_str!("../demo/icon.svg") },
    script!("app.js"),
    script!("calls.js"),
    script!("connection.js"),
    script!("media.js"),
    script!("peer.js"),
    script!("ring.js"),
    script!("videocall.js"),
    script!("view.js"),
    script!("words.js"),
];

pub(crate) fn routes(options: &Options) -> Router {
    let whereabouts = whereabouts(options);
    let mut routes = Router::new().route("/demo.json", get(async move || uncached(Json(whereabouts))));
    for file in &FILES {
        routes = routes.route(file.path, get(async move || serve(file)));
    }
    routes
}

fn serve(file: &'static File) -> Response {
    uncached(([(CONTENT_TYPE, file.kind)], file.text))
}

fn uncached(answer: impl IntoResponse) -> Response {
    // The files change with the executable, and their names do not.
    ([(CACHE_CONTROL, "no-cache")], answer).into_response()
}

/// Which websocket the page is to use.
fn whereabouts(options: &Options) -> Value {
    json!({
        "websocket_url": options.websocket_url.as_ref().map(|url| url.as_str()),
        "websocket_port": options.websocket_port.unwrap_or(WEBSOCKET_PORT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_an_address_or_at_least_a_port() {
        let none = whereabouts(&Options::default());
        assert_eq!(none, json!({ "websocket_url": null, "websocket_port": 8188 }));
        let url = "wss://calls.example".parse().unwrap();
        let both =
            whereabouts(&Options { websocket_url: Some(url), websocket_port: Some(9), ..Options::default() });
        assert_eq!(both, json!({ "websocket_url": "wss://calls.example", "websocket_port": 9 }));
    }

    #[test]
    fn every_script_that_is_imported_is_served() {
        for file in FILES.iter().filter(|file| file.kind == SCRIPT) {
            for import in file.text.lines().filter_map(|line| line.split_once("from \"./")) {
                let name = import.1.trim_end_matches("\";");
                assert!(FILES.iter().any(|other| other.path[1..] == *name), "{name} of {}", file.path);
            }
        }
    }

    #[test]
    fn nothing_in_the_page_is_inline_or_foreign() {
        for file in &FILES {
            assert!(!file.text.contains("style=\"") && !file.text.contains("<style"), "{}", file.path);
            assert!(!file.text.contains("onclick=\"") && !file.text.contains("<script>"), "{}", file.path);
            assert!(!file.text.contains("src=\"http") && !file.text.contains("@import"), "{}", file.path);
        }
    }
}
