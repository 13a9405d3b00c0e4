//! What is not here: a page for people, JSON for programs.

use axum::Json;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

const NOT_FOUND_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
    <title>Not found – Switchboard</title><link rel=\"icon\" href=\"/icon.svg\"><link rel=\"stylesheet\" href=\"/style.css\">\
    <main class=\"lost\"><h2>There is nothing at this address.</h2>\
    <p>The <a href=\"/\">video call page</a> is here.</p></main></html>";

pub(crate) async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    let wanted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if wanted.contains("text/html") {
        return (StatusCode::NOT_FOUND, Html(NOT_FOUND_PAGE)).into_response();
    }
    let body = json!({ "info": format!("there is nothing at {}", uri.path()) });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
