//! The document and the routes agree.

use super::schema::Document;
use super::{open, register, send_with};
use crate::harness::{start, start_with};
use rest::Options;
use service::Secret;
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// A path of the template; nothing exists there.
fn filled(path: &str) -> String {
    let id = if path.starts_with("/calls") { "01981c3e-7f9b-7b6a-8c1d-2e3f40516273" } else { "77" };
    path.replace("{name}", "nobody").replace("{id}", id).replace("{key}", "sb%3Adead")
}

#[tokio::test]
async fn documented_operations_exist_and_others_are_refused() {
    let rest = start().await;
    let document = Document::of(&rest).await;
    let documented: BTreeSet<_> =
        document.operations().iter().map(|(verb, path, _)| (verb.clone(), *path)).collect();
    assert!(documented.len() >= 18, "{documented:?}");
    for (verb, path) in &documented {
        let body = if *verb == "POST" { "{}" } else { "" };
        let response = send_with(&rest, verb, &filled(path), "Content-Type: application/json", body).await;
        assert_ne!(response.status, 405, "{verb} {path}");
        assert_ne!(response.body["detail"], "there is nothing at this address", "{verb} {path}");
    }
    for path in documented.iter().map(|(_, path)| path) {
        for verb in METHODS.iter().filter(|verb| !documented.contains(&((**verb).to_owned(), path))) {
            let response = rest.json(verb, &format!("/api/v1{}", filled(path)), "").await;
            assert_eq!(response.status, 405, "{verb} {path}");
        }
    }
}

#[tokio::test]
async fn all_routes_except_the_document_need_the_secret() {
    let rest = start_with(Options { rest_secret: Some(Secret::from("hunter2")), ..Options::default() }).await;
    register(&rest, "alice", 1).await;
    open(&rest, 77, "").await;
    let document = Document::of(&rest).await;
    for (verb, path, operation) in document.operations() {
        let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(is_open, path == "/openapi.json");
        let none = send_with(&rest, &verb, &filled(path), "X-None: 1", "").await;
        assert_eq!(none.status, if is_open { 200 } else { 401 }, "{verb} {path}");
        for header in ["Authorization: Bearer hunter", "Authorization: Bearer hunter22"] {
            let response = send_with(&rest, &verb, &filled(path), header, "").await;
            let is_refused = matches!(response.status, 401 | 429);
            assert_eq!(is_refused, !is_open, "{verb} {path}");
        }
    }
    let response = send_with(&rest, "GET", "/users/alice", "Authorization: Bearer hunter2", "").await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn page_of_another_origin_can_use_only_the_document_without_a_secret() {
    let rest = start().await;
    for (verb, path, _) in Document::of(&rest).await.operations() {
        let response = send_with(&rest, &verb, &filled(path), "Origin: http://evil.example", "").await;
        assert_eq!(response.status == 403, path != "/openapi.json", "{verb} {path}: {response:?}");
    }
}

#[tokio::test]
async fn references_resolve_and_operations_are_described() {
    let Document(document) = Document::of(&start().await).await;
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for place in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(place).is_some(), "{place}");
    }
    let mut ids = BTreeSet::new();
    for (verb, path, operation) in Document(document.clone()).operations() {
        assert!(operation["summary"].is_string(), "{verb} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{verb} {path}");
        let named: Vec<_> = path.matches('{').collect();
        let parameters = operation["parameters"]
            .as_array()
            .map_or(0, |all| all.iter().filter(|it| it["in"] == "path").count());
        assert_eq!(parameters, named.len(), "{verb} {path}");
    }
}
