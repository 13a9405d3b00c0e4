//! JSON that passes through unparsed: [`Raw`], and [`LazyObject`], whose members are parsed on access.
//!
//! Of duplicate keys the last one counts, as in Janus' JSON library (jansson).

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON value that is forwarded without being parsed.
pub type Raw = Box<RawValue>;

/// The members of an object, in their original order.
#[derive(Debug, Default)]
pub struct LazyObject<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A member cannot be used. The text is that of Janus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The member is missing.
    #[error("Missing mandatory element ({0})")]
    Missing(&'static str),
    /// The member has another type than the one named.
    #[error("Invalid element type ({0} should be {1})")]
    Type(&'static str, &'static str),
}

impl<'a> LazyObject<'a> {
    /// Parses an object.
    ///
    /// # Errors
    /// When the text is not a JSON object.
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Returns a member unparsed. `null` counts as present.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// Returns a mandatory string.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn string(&self, name: &'static str) -> Result<Cow<'a, str>, FieldError> {
        self.optional_string(name)?.ok_or(FieldError::Missing(name))
    }

    /// Returns an optional string.
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn optional_string(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, FieldError> {
        self.get(name).map(|value| text(value).ok_or(FieldError::Type(name, "a string"))).transpose()
    }

    /// Returns an optional integer of at least zero, which Janus calls positive.
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn optional_unsigned(&self, name: &'static str) -> Result<Option<u64>, FieldError> {
        let parse = |value| integer(value).and_then(|number| u64::try_from(number).ok());
        self.get(name).map(|v| parse(v).ok_or(FieldError::Type(name, "a positive integer"))).transpose()
    }

    /// Returns an optional boolean.
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn optional_bool(&self, name: &'static str) -> Result<Option<bool>, FieldError> {
        let parse = |value: &RawValue| serde_json::from_str(value.get()).ok();
        self.get(name).map(|v| parse(v).ok_or(FieldError::Type(name, "a boolean"))).transpose()
    }

    /// Returns a mandatory object.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn object(&self, name: &'static str) -> Result<&'a RawValue, FieldError> {
        let value = self.get(name).ok_or(FieldError::Missing(name))?;
        is_object(value).then_some(value).ok_or(FieldError::Type(name, "an object"))
    }

    /// Returns the object without the named members.
    pub fn without(&self, names: &[&str]) -> Raw {
        let kept = self.0.iter().filter(|(key, _)| !names.contains(&key.as_ref()));
        let members: Vec<String> = kept.map(|(key, value)| format!("{}:{value}", raw(key))).collect();
        RawValue::from_string(format!("{{{}}}", members.join(",")))
            .expect("members of an object make an object")
    }
}

/// Serializes a value.
///
/// # Panics
/// When the value has a map with keys that are not strings. The project's own types have none.
pub fn raw<T: serde::Serialize>(value: &T) -> Raw {
    serde_json::value::to_raw_value(value).expect("the project's types serialize to JSON")
}

/// Returns the text of a JSON string, or `None` for any other value.
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = value.get();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// Returns an integer, or `None` for any other value, including numbers with a fraction or an exponent.
pub fn integer(value: &RawValue) -> Option<i64> {
    value.get().parse().ok()
}

/// Returns whether a valid JSON value is an object.
pub fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Returns whether the value is `null`.
pub fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

impl<'de> Deserialize<'de> for LazyObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = LazyObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LazyObject<'de>, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(Key(key)) = map.next_key()? {
            members.push((key, map.next_value()?));
        }
        Ok(LazyObject(members))
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let object = LazyObject::parse(r#"{"a":1,"b":"x","a":2}"#).unwrap();
        assert_eq!(object.optional_unsigned("a"), Ok(Some(2)));
    }

    #[test]
    fn a_string_is_unescaped() {
        let object = LazyObject::parse(r#"{"a":"q\"\u00e9","\u0062":"plain"}"#).unwrap();
        assert_eq!(object.string("a").unwrap(), "q\"é");
        assert_eq!(object.string("b").unwrap(), "plain");
    }

    #[test]
    fn a_wrong_type_has_the_error_text_of_janus() {
        let object = LazyObject::parse(r#"{"a":-1,"b":1.0,"c":null}"#).unwrap();
        let positive = |name| object.optional_unsigned(name).unwrap_err().to_string();
        assert_eq!(positive("a"), "Invalid element type (a should be a positive integer)");
        assert_eq!(positive("b"), "Invalid element type (b should be a positive integer)");
        assert_eq!(object.string("c"), Err(FieldError::Type("c", "a string")));
        assert_eq!(object.string("d"), Err(FieldError::Missing("d")));
    }

    #[test]
    fn remaining_members_keep_order_and_text() {
        let object = LazyObject::parse(r#"{"x":1.50,"drop":{}, "y":[1, 2]}"#).unwrap();
        assert_eq!(object.without(&["drop"]).get(), r#"{"x":1.50,"y":[1, 2]}"#);
    }
}
