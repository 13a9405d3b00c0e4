//! Parses any replies of Redis as each kind of record, for the fuzz target. The feature `fuzzing` adds this file.

use super::backends::parse_backend;
use super::calls::{parse_call, parse_orphaned};
use super::names::{parse_handle, parse_user};
use super::records::read_reply;
use super::sessions::parse_claimed;
use crate::Result;
use common::{BackendName, CallId};
use redis::{FromRedisValue, Value};

const KEY: &str = "key";

/// Reads these texts as the fields of each record.
pub fn read_records(texts: &[&[u8]]) {
    let (backend, now) = (BackendName::from("a"), (1_700_000_000, 0));
    let bulk = |text: &&[u8]| if text.is_empty() { Value::Nil } else { Value::BulkString(text.to_vec()) };
    let values: Vec<Value> = texts.iter().map(bulk).collect();
    let of = |count: usize| {
        let mut fields = values.clone();
        fields.resize(count, Value::Nil);
        Value::Array(fields)
    };
    let _ = read(&of(6)).map(|fields| parse_user(KEY, "alice", fields));
    let _ = read(&of(3)).map(|fields| parse_handle(KEY, fields));
    let _ = read(&of(3)).map(|fields| parse_orphaned(&backend, CallId::fresh(), fields));
    let _ = read(&of(values.len() & !1)).map(|fields| parse_claimed(KEY, fields));
    let _ = read(&of(1)).map(|(record,): (String,)| parse_call(KEY, &record));
    let replies = [of(8), of(12), of(5)];
    let _ = parse_backend(&backend, &replies, now);
    let _ = parse_backend(&backend, &values, now);
}

fn read<T: FromRedisValue>(reply: &Value) -> Result<T> {
    read_reply(KEY, reply)?
}
