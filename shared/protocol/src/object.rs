//! A JSON object whose members are found when asked for and otherwise left as they came.
//!
//! Where a key stands twice, the last one counts, as with Janus' JSON library (jansson).

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of an object, in the order they stood in.
#[derive(Debug, Default)]
pub struct LazyObject<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Why a member cannot be used. The text is Janus' own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is not there.
    #[error("Missing mandatory element ({0})")]
    Missing(&'static str),
    /// It is of another type than the one named.
    #[error("Invalid element type ({0} should be {1})")]
    Type(&'static str, &'static str),
}

impl<'a> LazyObject<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// A member as it stands, `null` included.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A member that must be a string.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn string(&self, name: &'static str) -> Result<Cow<'a, str>, FieldError> {
        self.optional_string(name)?.ok_or(FieldError::Missing(name))
    }

    /// A member that must be a string if it is there.
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn optional_string(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, FieldError> {
        self.get(name).map(|value| text(value).ok_or(FieldError::Type(name, "a string"))).transpose()
    }

    /// A member that must be an integer not below zero if it is there ("positive" to Janus).
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn optional_unsigned(&self, name: &'static str) -> Result<Option<u64>, FieldError> {
        let read = |value| integer(value).and_then(|number| u64::try_from(number).ok());
        self.get(name).map(|v| read(v).ok_or(FieldError::Type(name, "a positive integer"))).transpose()
    }

    /// A member that must be true or false if it is there.
    ///
    /// # Errors
    /// [`FieldError::Type`].
    pub fn optional_bool(&self, name: &'static str) -> Result<Option<bool>, FieldError> {
        let read = |value: &RawValue| serde_json::from_str(value.get()).ok();
        self.get(name).map(|v| read(v).ok_or(FieldError::Type(name, "a boolean"))).transpose()
    }

    /// A member that must be an object.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn object(&self, name: &'static str) -> Result<&'a RawValue, FieldError> {
        let value = self.get(name).ok_or(FieldError::Missing(name))?;
        is_object(value).then_some(value).ok_or(FieldError::Type(name, "an object"))
    }

    /// All members but the named ones, written as an object again.
    pub fn without(&self, names: &[&str]) -> crate::Raw {
        let kept = self.0.iter().filter(|(key, _)| !names.contains(&key.as_ref()));
        let members: Vec<String> = kept.map(|(key, value)| format!("{}:{value}", crate::raw(key))).collect();
        RawValue::from_string(format!("{{{}}}", members.join(",")))
            .expect("members of an object make an object")
    }
}

/// A string, or nothing.
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = value.get();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(Cow::Borrowed(inner)),
        true => serde_json::from_str(quoted).ok().map(Cow::Owned),
    }
}

/// An integer, or nothing for anything else, numbers with a fraction or exponent included.
pub fn integer(value: &RawValue) -> Option<i64> {
    value.get().parse().ok()
}

/// Whether it is an object.
pub fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Whether it is `null`.
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
    fn the_last_of_two_equal_keys_counts() {
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
    fn a_wrong_type_is_told_in_janus_words() {
        let object = LazyObject::parse(r#"{"a":-1,"b":1.0,"c":null}"#).unwrap();
        let positive = |name| object.optional_unsigned(name).unwrap_err().to_string();
        assert_eq!(positive("a"), "Invalid element type (a should be a positive integer)");
        assert_eq!(positive("b"), "Invalid element type (b should be a positive integer)");
        assert_eq!(object.string("c"), Err(FieldError::Type("c", "a string")));
        assert_eq!(object.string("d"), Err(FieldError::Missing("d")));
    }

    #[test]
    fn the_other_members_keep_order_and_text() {
        let object = LazyObject::parse(r#"{"x":1.50,"drop":{}, "y":[1, 2]}"#).unwrap();
        assert_eq!(object.without(&["drop"]).get(), r#"{"x":1.50,"y":[1, 2]}"#);
    }
}
