//! Lists of records that others may have written. A record that cannot be read is left out, so that it does not hide
//! the others, and is counted.

use super::{RedisDirectory, malformed};
use crate::{Error, Result};
use redis::{FromRedisValue, Pipeline, Value};

impl RedisDirectory {
    /// Reads the records of many keys in one round trip. One of another type counts as malformed.
    pub(super) async fn query_each<T: FromRedisValue>(
        &self,
        key: &str,
        pipe: &mut Pipeline,
    ) -> Result<Vec<Result<T>>> {
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        let replies: Vec<Value> = self.connection.query(key, pipe.ignore_errors()).await?;
        replies.iter().map(|reply| read_reply(key, reply)).collect()
    }

    /// Returns the records that could be read, and notes how many could not.
    pub(super) fn keep_readable<T>(
        &self,
        list: &'static str,
        records: impl IntoIterator<Item = Result<Option<T>>>,
    ) -> Vec<T> {
        let mut errors = Vec::new();
        let mut read = |record: Result<Option<T>>| {
            record.unwrap_or_else(|error| {
                errors.push(error);
                None
            })
        };
        let readable = records.into_iter().filter_map(&mut read).collect();
        self.note_malformed(list, &errors);
        readable
    }

    /// Logs when the number of malformed records of a list changes: lists are read every second.
    pub(super) fn note_malformed(&self, list: &'static str, errors: &[Error]) {
        let before = self.malformed.lock().insert(list, errors.len()).unwrap_or_default();
        match errors.first() {
            Some(error) if errors.len() != before => {
                let count = errors.len();
                tracing::warn!(list, count, first = %error, "left malformed records out of a list");
            }
            None if before > 0 => tracing::info!(list, "the list has no malformed records any more"),
            _ => {}
        }
    }

    /// Returns how many malformed records each list had when it was read last.
    pub(crate) fn malformed_records(&self) -> Vec<(&'static str, usize)> {
        self.malformed.lock().iter().map(|(list, count)| (*list, *count)).collect()
    }
}

/// Reads one reply. An outer error is about the server, not about the record.
pub(super) fn read_reply<T: FromRedisValue>(key: &str, reply: &Value) -> Result<Result<T>> {
    match reply {
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Ok(Err(malformed(key, &"another type"))),
        Value::ServerError(error) => Err(Error::Unavailable(format!("{error:?}"))),
        value => Ok(redis::from_redis_value_ref(value).map_err(|why| malformed(key, &why))),
    }
}
