//! The parameters of a request as in janus-cloud: those of the query and of a form, overridden by those of a JSON
//! object. A body without a content type is a form (both measured).
//!
//! janus-cloud ignores a body of any other type; here it is refused with 400. Invalid JSON is 400 too (janus-cloud
//! 1.0.0: 500).
//!
//! They are validated with janus-cloud's error texts (from its `common/schema.py`; measured for
//! `/plugins/videocall/{username}`). As there, invalid parameters are reported before missing ones.

use super::response::JanusCloudError;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use std::collections::BTreeMap;

const FORM: &str = "application/x-www-form-urlencoded";

type Checked<T> = Result<Option<T>, JanusCloudError>;

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

/// Returns a username: 1 to 128 letters, digits and underscores.
pub(super) fn username(params: &Params, name: &str) -> Checked<String> {
    matching(params, name, |text| is_word(text, 128, ""), r"^\w{1,128}$")
}

/// Returns the name of a Janus server: 1 to 64 letters, digits, underscores and dashes.
pub(super) fn server_name(params: &Params, name: &str) -> Checked<String> {
    matching(params, name, |text| is_word(text, 64, "-"), r"^[\w-]{1,64}$")
}

pub(super) fn websocket_url(params: &Params, name: &str) -> Checked<String> {
    let fits = |text: &str| {
        let address = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://"));
        address.is_some_and(|address| !address.is_empty() && !address.contains(char::is_whitespace))
    };
    matching(params, name, fits, r"^(ws|wss)://\S+$")
}

/// Returns a text of at most `max` characters, trimmed.
pub(super) fn text(params: &Params, name: &str, max: usize) -> Checked<String> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > max {
        let info = format!("{text} should be shorter than {max} characters");
        return Err(JanusCloudError::bad_request(info));
    }
    Ok(Some(text.to_owned()))
}

/// Returns an integer from `min` to `max`.
pub(super) fn integer(params: &Params, name: &str, min: i64, max: i64) -> Checked<i64> {
    let Some(value) = params.get(name) else { return Ok(None) };
    match as_integer(value) {
        None => Err(JanusCloudError::bad_request(format!("{} is not integer", as_text(value)))),
        Some(number) if number < min => {
            Err(JanusCloudError::bad_request(format!("{number} is smaller than {min}")))
        }
        Some(number) if number > max => {
            Err(JanusCloudError::bad_request(format!("{number} is larger than {max}")))
        }
        number => Ok(number),
    }
}

pub(super) fn float(params: &Params, name: &str) -> Checked<f64> {
    let Some(value) = params.get(name) else { return Ok(None) };
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    match number.filter(|number: &f64| number.is_finite()) {
        None => Err(JanusCloudError::bad_request(format!("{} is not float", as_text(value)))),
        number => Ok(number),
    }
}

/// Returns the error of a request without some of these parameters.
pub(super) fn missing_keys(params: &Params, required: &[&str]) -> JanusCloudError {
    let missing = required.iter().filter(|name| params.get(name).is_none());
    let missing: Vec<String> = missing.map(|name| format!("'{name}'")).collect();
    JanusCloudError::bad_request(format!("missed keys {{{}}}", missing.join(", ")))
}

fn matching(params: &Params, name: &str, fits: impl Fn(&str) -> bool, pattern: &str) -> Checked<String> {
    match params.text(name) {
        Some(text) if !fits(&text) => {
            Err(JanusCloudError::bad_request(format!("{text} does not match regular express({pattern})")))
        }
        text => Ok(text),
    }
}

fn is_word(text: &str, max: usize, extra: &str) -> bool {
    let is_permitted = |it: char| it.is_alphanumeric() || it == '_' || extra.contains(it);
    !text.is_empty() && text.chars().count() <= max && text.chars().all(is_permitted)
}

fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{HeaderValue, Request};
    use axum::response::IntoResponse;

    fn parse(query: &str, kind: Option<&str>, body: &str) -> Result<Params, JanusCloudError> {
        let kind = kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_str(kind).unwrap()));
        Params::parse(query, &kind.into_iter().collect(), body.as_bytes())
    }

    fn text_of_a(query: &str, kind: Option<&str>, body: &str) -> Option<String> {
        parse(query, kind, body).unwrap().text("a")
    }

    #[test]
    fn query_form_and_json_are_merged() {
        let one = Some("1".to_owned());
        assert_eq!(text_of_a("a=1", None, ""), one);
        for kind in [None, Some(FORM), Some("Application/X-WWW-Form-Urlencoded; charset=utf-8")] {
            assert_eq!(text_of_a("a=0", kind, "b=%20&a=1"), one);
        }
        for kind in ["application/json", "application/json; charset=utf-8", "text/json"] {
            assert_eq!(text_of_a("a=0", Some(kind), r#"{"a":1}"#), one);
        }
        assert_eq!(text_of_a("a=%C3%A9+%2B", None, ""), Some("é +".to_owned()));
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
        assert_eq!(text_of_a("a=1", Some("text/plain"), ""), Some("1".to_owned()));
    }

    #[test]
    fn values_are_formatted_as_in_python() {
        for (json, python) in [("null", "None"), ("true", "True"), ("5", "5"), ("1.5", "1.5"), ("[1]", "[1]")]
        {
            assert_eq!(as_text(&serde_json::from_str(json).unwrap()), python);
        }
    }

    async fn params(query: &str) -> Params {
        let request = Request::builder().uri(format!("/?{query}")).body(Body::empty()).unwrap();
        Params::from_request(request, &()).await.unwrap()
    }

    async fn info(error: JanusCloudError) -> String {
        let body = axum::body::to_bytes(error.into_response().into_body(), 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["exception"], &body["traceback"]), (&"BadRequest".into(), &Value::Array(vec![])));
        body["info"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn valid_parameters_are_returned() {
        let params = params("u=%C3%A9t%C3%A9_1&s=a-1&w=wss://h:1/x&t=+x+&i=+7+&n=-1&f=1.5e3&e=").await;
        assert_eq!(username(&params, "u").unwrap().unwrap(), "été_1");
        assert_eq!(server_name(&params, "s").unwrap().unwrap(), "a-1");
        assert_eq!(websocket_url(&params, "w").unwrap().unwrap(), "wss://h:1/x");
        assert_eq!(text(&params, "t", 1).unwrap().unwrap(), "x");
        assert_eq!(text(&params, "e", 1).unwrap().unwrap(), "");
        assert_eq!(integer(&params, "i", 0, 7).unwrap(), Some(7));
        assert_eq!(integer(&params, "n", -1, 7).unwrap(), Some(-1));
        assert_eq!(float(&params, "f").unwrap(), Some(1500.0));
        assert_eq!(username(&params, "nothing").unwrap(), None);
        assert_eq!(integer(&params, "nothing", 0, 1).unwrap(), None);
    }

    #[tokio::test]
    async fn invalid_parameters_have_the_errors_of_janus_cloud() {
        let params = params("a=a+b&l=12345&i=9&n=-9&w=http://h&v=ws://a+b&f=nan&e=").await;
        for (error, expected) in [
            (username(&params, "a").unwrap_err(), r"a b does not match regular express(^\w{1,128}$)"),
            (username(&params, "e").unwrap_err(), r" does not match regular express(^\w{1,128}$)"),
            (server_name(&params, "a").unwrap_err(), r"a b does not match regular express(^[\w-]{1,64}$)"),
            (
                websocket_url(&params, "w").unwrap_err(),
                r"http://h does not match regular express(^(ws|wss)://\S+$)",
            ),
            (
                websocket_url(&params, "v").unwrap_err(),
                r"ws://a b does not match regular express(^(ws|wss)://\S+$)",
            ),
            (text(&params, "l", 4).unwrap_err(), "12345 should be shorter than 4 characters"),
            (integer(&params, "a", 0, 1).unwrap_err(), "a b is not integer"),
            (integer(&params, "i", 0, 8).unwrap_err(), "9 is larger than 8"),
            (integer(&params, "n", 0, 8).unwrap_err(), "-9 is smaller than 0"),
            (float(&params, "f").unwrap_err(), "nan is not float"),
            (missing_keys(&params, &["x", "a", "y"]), "missed keys {'x', 'y'}"),
        ] {
            assert_eq!(info(error).await, expected);
        }
    }
}
