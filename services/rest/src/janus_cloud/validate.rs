//! Validation of parameters with janus-cloud's error texts (`common/schema.py`; measured for
//! `/plugins/videocall/{username}`). As there, invalid parameters are reported before missing ones.

use super::error::JanusCloudError;
use super::params::{Params, as_text};
use serde_json::Value;

type Checked<T> = Result<Option<T>, JanusCloudError>;

/// Letters, digits and underscores, 1 to 128.
pub(super) fn username(params: &Params, name: &str) -> Checked<String> {
    matching(params, name, |text| is_word(text, 128, ""), r"^\w{1,128}$")
}

/// Letters, digits, underscores and dashes, 1 to 64.
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

/// Text of at most `max` characters, trimmed.
pub(super) fn text(params: &Params, name: &str, max: usize) -> Checked<String> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > max {
        let info = format!("{text} should be shorter than {max} characters");
        return Err(JanusCloudError::bad_request(info));
    }
    Ok(Some(text.to_owned()))
}

/// An integer from `min` to `max`.
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

/// The error of a request without some of these parameters.
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
    use axum::extract::FromRequest;
    use axum::http::Request;
    use axum::response::IntoResponse;

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
