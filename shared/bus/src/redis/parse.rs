//! Parses stream entries in Redis' replies. Names and values stay bytes, so that the other entries of a reply can be
//! read when one is not text.

use crate::ack_tracker::MailboxOffset;
use crate::codec::{self, Fields};
use crate::error::DecodeError;
use crate::message::Message;
use ::redis::Value;
use common::clock;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An entry's id: milliseconds and a running number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryId(pub(super) u64, pub(super) u64);

impl EntryId {
    /// The entry at an offset in a mailbox.
    pub(super) fn at(MailboxOffset { entry: (millis, number), .. }: MailboxOffset) -> Self {
        Self(millis, number)
    }

    /// The offset of this entry in a mailbox of this epoch.
    pub(super) fn offset(self, epoch: u64) -> MailboxOffset {
        MailboxOffset { epoch, entry: (self.0, self.1) }
    }

    /// The time since the entry was added. Redis takes the id from its clock. After its clock has gone back, the ids of
    /// a stream stay the same until the clock has caught up; the age is zero then.
    fn age(self) -> Duration {
        Duration::from_millis(clock::unix_millis().saturating_sub(self.0))
    }

    /// The smallest greater id.
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

impl RawEntry {
    /// Decodes the message in this entry.
    pub(super) fn decode(&self) -> Result<Message, DecodeError> {
        codec::decode(&self.fields, self.id.age())
    }

    /// Whether the deadline of the message has passed, by the last measurement of Redis' clock.
    pub(super) fn is_expired(&self) -> bool {
        codec::is_expired(&self.fields, self.id.age())
    }
}

/// An entry that was delivered and not acknowledged.
pub(super) struct PendingEntry {
    pub(super) id: EntryId,
    pub(super) deliveries: u32,
}

/// The entries in the reply to an XREAD or XREADGROUP of one stream; none for nil.
pub(super) fn read(value: Value) -> Vec<RawEntry> {
    let stream = array(value).into_iter().next().map(array).unwrap_or_default();
    stream.into_iter().nth(1).map(entries).unwrap_or_default()
}

/// The entries in the reply to an XRANGE or XCLAIM. A deleted entry is nil there, and skipped.
pub(super) fn entries(value: Value) -> Vec<RawEntry> {
    array(value).into_iter().filter_map(entry).collect()
}

/// The entries in the reply to an XPENDING with a range.
pub(super) fn pending(value: Value) -> Vec<PendingEntry> {
    array(value).into_iter().filter_map(pending_entry).collect()
}

fn entry(value: Value) -> Option<RawEntry> {
    let mut parts = array(value).into_iter();
    let id = id(parts.next()?)?;
    let mut flat = array(parts.next()?).into_iter().map(bytes);
    let mut fields = Fields::new();
    while let (Some(name), Some(text)) = (flat.next(), flat.next()) {
        fields.push((name, text));
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
