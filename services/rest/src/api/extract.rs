//! Extractors: names and ids from the path, pagination from the query, JSON from the body. Invalid input is refused
//! with 400, so that handlers get valid values only.

use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use common::{BackendName, CallId};
use directory::listing::{Cursor, MAX_PAGE};
use protocol::SessionId;
use protocol::id::MAX_JANUS_ID;
use protocol::videocall::MAX_USERNAME;
use serde::de::DeserializeOwned;

/// The longest name of a backend, in bytes.
const MAX_BACKEND_NAME: usize = 255;
/// The longest key of a stream, in bytes: that of a backend's mailbox.
const MAX_STREAM_KEY: usize = MAX_BACKEND_NAME + 16;
const DEFAULT_PAGE: usize = 100;

/// A value that is a parameter of a path.
pub(super) trait Parse: Sized {
    /// The expected form, for the error.
    const EXPECTED: &'static str;
    fn parse(text: &str) -> Option<Self>;
}

impl Parse for BackendName {
    const EXPECTED: &'static str =
        "the name of a backend has 1 to 255 bytes, none of them a control character";
    fn parse(text: &str) -> Option<Self> {
        is_valid_name(text, MAX_BACKEND_NAME).then(|| Self::from(text))
    }
}

pub(super) struct Username(pub String);

impl Parse for Username {
    const EXPECTED: &'static str = "a user's name has 1 to 4096 bytes";
    fn parse(text: &str) -> Option<Self> {
        (1..=MAX_USERNAME).contains(&text.len()).then(|| Self(text.to_owned()))
    }
}

impl Parse for SessionId {
    const EXPECTED: &'static str = "the id of a session is a number from 1 to 9007199254740991";
    fn parse(text: &str) -> Option<Self> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|id| is_number && (1..=MAX_JANUS_ID).contains(id));
        id.map(Self)
    }
}

pub(super) struct StreamKey(pub String);

impl Parse for StreamKey {
    const EXPECTED: &'static str = "the key of a stream is as in /api/v1/cluster, percent-encoded";
    fn parse(text: &str) -> Option<Self> {
        is_valid_name(text, MAX_STREAM_KEY).then(|| Self(text.to_owned()))
    }
}

impl Parse for CallId {
    const EXPECTED: &'static str = "the id of a call is a UUID, in lower case and with dashes";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|id: &Self| id.to_string() == text)
    }
}

fn is_valid_name(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && !text.contains(char::is_control)
}

/// The only parameter of a path.
pub(super) struct PathParam<T>(pub T);

impl<T: Parse, S: Send + Sync> FromRequestParts<S> for PathParam<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let value = path.ok().and_then(|Path(text)| T::parse(&text));
        value.map(Self).ok_or_else(|| Problem::bad_request(T::EXPECTED))
    }
}

/// The page of a list: `?after=CURSOR&limit=NUMBER`, both optional.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    pub after: Cursor,
    pub limit: usize,
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl PageQuery {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut page = Self { after: Cursor::default(), limit: DEFAULT_PAGE };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("after", cursor) => {
                    let cursor = cursor.parse();
                    page.after =
                        cursor.map_err(|_| Problem::bad_request("after is the next of the previous page"))?;
                }
                ("limit", number) => {
                    let number = number.parse().ok().filter(|number| (1..=MAX_PAGE).contains(number));
                    page.limit =
                        number.ok_or_else(|| Problem::bad_request("limit is a number from 1 to 1000"))?;
                }
                _ => return Err(Problem::bad_request("a list takes after and limit only")),
            }
        }
        Ok(page)
    }
}

/// A JSON body.
pub(super) struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        if !content_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type());
        }
        let body =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
                _ => Problem::bad_request("the body could not be read"),
            })?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Problem::bad_request(format!("the body: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_parameters_are_validated() {
        for (text, is_session) in [
            ("1", true),
            ("9007199254740991", true),
            ("9007199254740992", false),
            ("0", false),
            ("+1", false),
            ("-1", false),
            ("1.0", false),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(SessionId::parse(text).is_some(), is_session, "{text}");
        }
        let call = "01981c3e-7f9b-7b6a-8c1d-2e3f40516273";
        assert_eq!(CallId::parse(call).map(|id| id.to_string()).as_deref(), Some(call));
        for text in ["", "x", "01981C3E-7F9B-7B6A-8C1D-2E3F40516273", "01981c3e7f9b7b6a8c1d2e3f40516273"] {
            assert!(CallId::parse(text).is_none(), "{text}");
        }
        assert!(BackendName::parse("janus-1.example:8188").is_some());
        for text in ["", "a\nb", &"x".repeat(256)] {
            assert!(BackendName::parse(text).is_none(), "{text}");
        }
        assert!(Username::parse(&"x".repeat(4096)).is_some() && Username::parse("").is_none());
        assert!(Username::parse(&"x".repeat(4097)).is_none());
    }

    #[test]
    fn page_is_parsed_from_the_query() {
        let parse = |query: &str| PageQuery::parse(query).ok().map(|it| (it.after.to_string(), it.limit));
        let expected = |after: &str, limit| Some((after.to_owned(), limit));
        assert_eq!(parse(""), expected("0", 100));
        assert_eq!(parse("limit=1"), expected("0", 1));
        assert_eq!(parse("after=7-9&limit=1000"), expected("7-9", 1000));
        for invalid in ["limit=0", "limit=1001", "limit=", "limit", "limit=x", "after=", "after=x", "page=1"]
        {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }
}
