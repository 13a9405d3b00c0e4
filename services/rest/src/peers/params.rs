//! The parameters of a request as janus-cloud takes them: those of the query and of a form together,
//! those of a JSON object over them. A body without a content type is a form (both measured).
//!
//! Where janus-cloud takes a body of any other type for nothing, it is refused with 400 here: whoever
//! sent it meant something by it. A JSON body that is no JSON is 400 too (janus-cloud 1.0.0: 500).

use super::refusal::JanusCloudError;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use std::collections::BTreeMap;

const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters by name.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = JanusCloudError;

    async fn from_request(request: Request, state: &S) -> Result<Self, JanusCloudError> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let headers = request.headers().clone();
        let body: Result<Bytes, BytesRejection> = Bytes::from_request(request, state).await;
        Self::parse(&query, &headers, &body?)
    }
}

impl Params {
    fn parse(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self, JanusCloudError> {
        let mut params = Self::default();
        params.add_form(query.as_bytes());
        let kind = headers.get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()));
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        match kind {
            _ if body.is_empty() => {}
            "" | FORM => params.add_form(body),
            _ if kind.contains("json") => params.add_json(body)?,
            _ => {
                return Err(JanusCloudError::bad_request(format!(
                    "content type {kind} is not {FORM} or application/json"
                )));
            }
        }
        Ok(params)
    }

    fn add_form(&mut self, form: &[u8]) {
        let fields = form_urlencoded::parse(form);
        self.0.extend(fields.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))));
    }

    fn add_json(&mut self, body: &[u8]) -> Result<(), JanusCloudError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => self.0.extend(fields),
            Ok(other) => {
                return Err(JanusCloudError::bad_request(format!(
                    "{other} should be instance of <class 'dict'>"
                )));
            }
            Err(_) => return Err(JanusCloudError::bad_request("the body is no JSON")),
        }
        Ok(())
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A parameter as text, which everything can be turned into.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(as_text)
    }
}

/// As Python writes it.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(query: &str, kind: Option<&str>, body: &str) -> Result<Params, JanusCloudError> {
        let kind = kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_str(kind).unwrap()));
        Params::parse(query, &kind.into_iter().collect(), body.as_bytes())
    }

    fn text(query: &str, kind: Option<&str>, body: &str) -> Option<String> {
        read(query, kind, body).unwrap().text("a")
    }

    #[test]
    fn query_form_and_json_are_merged() {
        let one = Some("1".to_owned());
        assert_eq!(text("a=1", None, ""), one);
        for kind in [None, Some(FORM), Some("Application/X-WWW-Form-Urlencoded; charset=utf-8")] {
            assert_eq!(text("a=0", kind, "b=%20&a=1"), one);
        }
        for kind in ["application/json", "application/json; charset=utf-8", "text/json"] {
            assert_eq!(text("a=0", Some(kind), r#"{"a":1}"#), one);
        }
        assert_eq!(text("a=%C3%A9+%2B", None, ""), Some("é +".to_owned()));
    }

    #[test]
    fn other_bodies_are_refused_unless_they_are_empty() {
        for (kind, body) in [
            ("text/plain", "a=1"),
            ("multipart/form-data; boundary=x", "--x"),
            ("application/json", "[1]"),
            ("application/json", "{"),
        ] {
            assert!(read("a=1", Some(kind), body).is_err(), "{kind} {body}");
        }
        assert_eq!(text("a=1", Some("text/plain"), ""), Some("1".to_owned()));
    }

    #[test]
    fn values_become_text_as_in_python() {
        for (json, python) in [("null", "None"), ("true", "True"), ("5", "5"), ("1.5", "1.5"), ("[1]", "[1]")]
        {
            assert_eq!(as_text(&serde_json::from_str(json).unwrap()), python);
        }
    }
}
