//! JSON that passes through unparsed.

/// A JSON value that is forwarded without being parsed.
pub type Raw = Box<serde_json::value::RawValue>;

/// Serializes a value.
///
/// # Panics
/// When the value has a map with keys that are not strings. The project's own types have none.
pub fn raw<T: serde::Serialize>(value: &T) -> Raw {
    serde_json::value::to_raw_value(value).expect("the project's types serialize to JSON")
}
