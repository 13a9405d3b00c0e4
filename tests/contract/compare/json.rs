//! JSON whose objects keep the order of their keys. Clients may ignore the order, but the comparison checks
//! it.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// A number, `true`, `false`, `null`, or a placeholder like `<alice.session>`.
    Word(String),
    Text(String),
    List(Vec<Json>),
    /// An object. A repeated key is kept twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a text that holds one JSON value.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("a message that is no JSON ({error}): {text}"))
    }

    /// The value of a key of an object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at the end of these keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Json> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The string at the end of these keys, empty if there is none.
    pub fn text(&self, keys: &[&str]) -> &str {
        match self.at(keys) {
            Some(Self::Text(text) | Self::Word(text)) => text,
            _ => "",
        }
    }

    /// The number at the end of these keys.
    pub fn number(&self, keys: &[&str]) -> Option<u64> {
        let Some(Self::Word(word)) = self.at(keys) else { return None };
        word.parse().ok()
    }

    /// The JSON type of a value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Word(word) if word == "true" || word == "false" => "boolean",
            Self::Word(word) if word == "null" => "null",
            Self::Word(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Self::List(items) => between(f, '[', items, ']', |f, item| write!(f, "{item}")),
            Self::Object(fields) => between(f, '{', fields, '}', |f, (key, value)| {
                write!(f, "{}:{value}", serde_json::Value::from(key.as_str()))
            }),
        }
    }
}

fn between<T>(
    f: &mut fmt::Formatter<'_>,
    open: char,
    items: &[T],
    close: char,
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            write!(f, ",")?;
        }
        write(f, item)?;
    }
    write!(f, "{close}")
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Word("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Word(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Word(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Word(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Word(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Json::Object(object))
    }
}
