//! The parameters of a request as in janus-cloud: those of the query and of a form, overridden by those of a JSON
//! object. A body without a content type is a form (both measured).
//!
//! janus-cloud ignores a body of any other type; here it is refused with 400. Invalid JSON is 400 too (janus-cloud
//! 1.0.0: 500).

use super::error::JanusCloudError;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use std::collections::BTreeMap;

const FORM: &str = "application/x-www-form-urlencoded";

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
        let header = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let header = header.unwrap_or_default().to_ascii_lowercase();
        let content_type = header.split(';').next().unwrap_or_default().trim();
        match content_type {
            _ if body.is_empty() => {}
            "" | FORM => params.add_form(body),
            _ if content_type.contains("json") => params.add_json(body)?,
            _ => {
                return Err(JanusCloudError::bad_request(format!(
                    "content type {content_type} is not {FORM} or application/json"
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
            Err(_) => return Err(JanusCloudError::bad_request("the body is not JSON")),
        }
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a parameter as text; every value has a text form.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(as_text)
    }
}

/// Formats a value as Python does.
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

    fn parse(query: &str, kind: Option<&str>, body: &str) -> Result<Params, JanusCloudError> {
        let kind = kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_str(kind).unwrap()));
        Params::parse(query, &kind.into_iter().collect(), body.as_bytes())
    }

    fn text(query: &str, kind: Option<&str>, body: &str) -> Option<String> {
        parse(query, kind, body).unwrap().text("a")
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
    fn bodies_of_other_types_are_refused_unless_empty() {
        for (kind, body) in [
            ("text/plain", "a=1"),
            ("multipart/form-data; boundary=x", "--x"),
            ("application/json", "[1]"),
            ("application/json", "{"),
        ] {
            assert!(parse("a=1", Some(kind), body).is_err(), "{kind} {body}");
        }
        assert_eq!(text("a=1", Some("text/plain"), ""), Some("1".to_owned()));
    }

    #[test]
    fn values_are_formatted_as_in_python() {
        for (json, python) in [("null", "None"), ("true", "True"), ("5", "5"), ("1.5", "1.5"), ("[1]", "[1]")]
        {
            assert_eq!(as_text(&serde_json::from_str(json).unwrap()), python);
        }
    }
}
