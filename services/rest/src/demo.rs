//! The demo page: its files, which are part of the executable, and where it finds the websocket.

use crate::files::{self, File, PAGE, PICTURE, SCRIPT, STYLE};
use crate::options::{Options, WEBSOCKET_PORT};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// A script of the page; its name is its path.
macro_rules! script {
    ($name:literal) => {
        File { path: concat!("/", $name), kind: SCRIPT, text: include_str!(concat!("../demo/", $name)) }
    };
}

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
    let whereabouts = endpoint(options);
    files::routes(&FILES).route("/demo.json", get(async move || files::uncached(Json(whereabouts))))
}

/// Which websocket the page is to use.
fn endpoint(options: &Options) -> Value {
    json!({
        "websocket_url": options.websocket_url.as_ref().map(|url| url.as_str()),
        "websocket_port": options.websocket_port.unwrap_or(WEBSOCKET_PORT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::{every_script_that_is_imported_is_served, nothing_is_inline_or_foreign};

    #[test]
    fn the_page_is_told_an_address_or_at_least_a_port() {
        let none = endpoint(&Options::default());
        assert_eq!(none, json!({ "websocket_url": null, "websocket_port": 8188 }));
        let url = "wss://calls.example".parse().unwrap();
        let both =
            endpoint(&Options { websocket_url: Some(url), websocket_port: Some(9), ..Options::default() });
        assert_eq!(both, json!({ "websocket_url": "wss://calls.example", "websocket_port": 9 }));
    }

    #[test]
    fn the_files_are_whole_and_ours() {
        every_script_that_is_imported_is_served(&FILES);
        nothing_is_inline_or_foreign(&FILES);
    }
}
