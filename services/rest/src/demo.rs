//! The files of the demo page, and `/demo.json`, which tells it the websocket to connect to.

use crate::options::{Options, WEBSOCKET_PORT};
use crate::static_files::{self, CSS, File, HTML, JAVASCRIPT, SVG};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// A script of the folder `demo`.
macro_rules! script {
    ($name:literal) => {
        File {
            path: concat!("/", $name),
            content_type: JAVASCRIPT,
            text: include_str!(concat!("../demo/", $name)),
        }
    };
}

static FILES: [File; 12] = [
    File { path: "/", content_type: HTML, text: include_str!("../demo/index.html") },
    File { path: "/style.css", content_type: CSS, text: include_str!("../demo/style.css") },
    File { path: "/icon.svg", content_type: SVG, text: include_str!("../demo/icon.svg") },
    script!("app.js"),
    script!("calls.js"),
    script!("connection.js"),
    script!("media.js"),
    script!("messages.js"),
    script!("peer.js"),
    script!("ringtone.js"),
    script!("videocall.js"),
    script!("view.js"),
];

pub(crate) fn routes(options: &Options) -> Router {
    let endpoint = endpoint(options);
    static_files::routes(&FILES)
        .route("/demo.json", get(async move || static_files::uncached(Json(endpoint))))
}

/// The websocket of the page: a URL, or the port on the page's host.
fn endpoint(options: &Options) -> Value {
    json!({
        "websocket_url": options.websocket_url.as_ref().map(|url| url.as_str()),
        "websocket_port": options.websocket_port.unwrap_or(WEBSOCKET_PORT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::static_files::tests::{assert_imports_are_served, assert_nothing_inline_or_foreign};

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
    fn files_are_complete_and_local() {
        assert_imports_are_served(&FILES);
        assert_nothing_inline_or_foreign(&FILES);
    }
}
