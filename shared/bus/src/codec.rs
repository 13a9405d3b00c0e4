//! A message as the named fields of a stream entry, the same on both implementations.
//!
//! The fields are `id` (UUID), `kind` (the name of the body's variant), `deadline` (unix milliseconds, optional) and
//! `payload` (JSON). Unknown fields are ignored. An entry with a missing or malformed field goes to the dead log.

use crate::error::{DecodeError, SendError};
use crate::limits::MAX_PAYLOAD;
use crate::message::{Body, Deadline, Message};
use std::str::FromStr;

/// The names and values of an entry, in order. Entries that other programs write need not be text.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Encodes a message.
///
/// # Errors
/// `TooLarge`.
pub fn encode(message: &Message) -> Result<Fields, SendError> {
    let payload = message.body.payload().expect("payloads have no map keys that JSON cannot hold");
    if payload.len() > MAX_PAYLOAD {
        return Err(SendError::TooLarge);
    }
    let mut fields = vec![field("id", message.id.to_string()), field("kind", message.body.kind())];
    if let Some(Deadline(at)) = message.deadline {
        fields.push(field("deadline", at.to_string()));
    }
    fields.push(field("payload", payload));
    Ok(fields)
}

/// Decodes the fields of an entry.
///
/// # Errors
/// [`Unreadable`].
pub fn decode(fields: &[(Vec<u8>, Vec<u8>)]) -> Result<Message, DecodeError> {
    Ok(Message {
        id: parsed(fields, "id")?.ok_or(DecodeError::Field("id"))?,
        deadline: parsed(fields, "deadline")?.map(Deadline),
        body: Body::read(required(fields, "kind")?, required(fields, "payload")?)?,
    })
}

/// Whether an entry is a canary. Failed canaries are dropped: they carry no work.
pub(crate) fn is_canary(fields: &[(Vec<u8>, Vec<u8>)]) -> bool {
    matches!(required(fields, "kind"), Ok("canary"))
}

fn field(name: &str, value: impl Into<Vec<u8>>) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.into())
}

fn parsed<T: FromStr>(fields: &[(Vec<u8>, Vec<u8>)], name: &'static str) -> Result<Option<T>, DecodeError> {
    let Some(text) = text(fields, name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| DecodeError::Field(name))
}

fn required<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &'static str) -> Result<&'f str, DecodeError> {
    text(fields, name)?.ok_or(DecodeError::Field(name))
}

fn text<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &'static str) -> Result<Option<&'f str>, DecodeError> {
    let Some((_, value)) = fields.iter().find(|(key, _)| key == name.as_bytes()) else { return Ok(None) };
    std::str::from_utf8(value).map(Some).map_err(|_| DecodeError::Field(name))
}
