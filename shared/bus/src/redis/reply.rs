//! Reading stream entries out of Redis' answers. Names and values stay bytes: an entry that is no
//! text must not make a whole answer unreadable.

use crate::codec::Fields;
use ::redis::Value;
use std::fmt;
use std::str::FromStr;

/// An entry's id: milliseconds and a running number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryId(pub(super) u64, pub(super) u64);

impl EntryId {
    /// The least id behind this one.
    pub(super) fn next(self) -> Self {
        match self.1.checked_add(1) {
            Some(sequence) => Self(self.0, sequence),
            None => Self(self.0 + 1, 0),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl FromStr for EntryId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (millis, sequence) = text.split_once('-').ok_or(())?;
        Ok(Self(millis.parse().map_err(|_| ())?, sequence.parse().map_err(|_| ())?))
    }
}

/// A stream entry.
pub(super) struct RawEntry {
    pub(super) id: EntryId,
    pub(super) fields: Fields,
}

/// One entry that a worker has been given and not acknowledged.
pub(super) struct PendingEntry {
    pub(super) id: EntryId,
    pub(super) deliveries: u32,
}

/// The entries of an XREAD or XREADGROUP of one stream; none for a nil answer.
pub(super) fn read(value: Value) -> Vec<RawEntry> {
    let stream = array(value).into_iter().next().map(array).unwrap_or_default();
    stream.into_iter().nth(1).map(entries).unwrap_or_default()
}

/// The entries of an XRANGE or XCLAIM. What was deleted meanwhile is nil there, and passed over.
pub(super) fn entries(value: Value) -> Vec<RawEntry> {
    array(value).into_iter().filter_map(entry).collect()
}

/// The answer of an XPENDING with a range.
pub(super) fn pending(value: Value) -> Vec<PendingEntry> {
    array(value).into_iter().filter_map(pending_entry).collect()
}

fn entry(value: Value) -> Option<RawEntry> {
    let mut parts = array(value).into_iter();
    let id = id(parts.next()?)?;
    let mut flat = array(parts.next()?).into_iter().map(bytes);
    let mut fields = Fields::new();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        fields.push((name, value));
    }
    Some(RawEntry { id, fields })
}

fn pending_entry(value: Value) -> Option<PendingEntry> {
    let mut parts = array(value).into_iter();
    let id = id(parts.next()?)?;
    match parts.nth(2)? {
        Value::Int(deliveries) => {
            Some(PendingEntry { id, deliveries: deliveries.try_into().unwrap_or(u32::MAX) })
        }
        _ => None,
    }
}

fn id(value: Value) -> Option<EntryId> {
    std::str::from_utf8(&bytes(value)).ok()?.parse().ok()
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.into_bytes(),
        _ => Vec::new(),
    }
}
