//! What Redis refuses although it replies: a write at a read-only replica, a write without memory, a command
//! that an ACL forbids.
//!
//! Such a Redis answers `PING`. So the periodic check tries a write that changes nothing ([`CHECK_KEY`]), and
//! also reports what Redis has just refused to other commands.

use crate::shared::Command;
use redis::RedisError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The key of the writes of the periodic check. It never exists: each of these writes requires an existing key.
pub const CHECK_KEY: &str = "sb:{check}";

/// A refusal is reported for this long after the last one.
const REPORT_FOR: Duration = Duration::from_millis(1_500);
/// The longest text of an error; the rest is cut off.
const MAX_TEXT: usize = 300;
/// Codes of replies that refuse commands because of the state of the server, or of the user's rights.
const REFUSALS: [&str; 12] = [
    "READONLY",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "LOADING",
    "BUSY",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "EXECABORT",
];
/// The reply to a script whose user lacks a right.
const SCRIPT_NOT_PERMITTED: &str = "The user executing the script can't";
/// Begins the part of a reply that names the script by its hash.
const SCRIPT_SUFFIX: &str = " script: ";

/// Returns the text of an error for operators: the command, and Redis' own reason. Of a pipeline it has the first error only.
/// It contains no script hash and no argument of a command.
pub fn error_text(command: &impl Command, error: &RedisError) -> String {
    match server_reply(error) {
        Some((index, code, details)) => {
            bounded(format!("{} refused: {}", command.name(index), reason(&code, &details)))
        }
        None => bounded(error.to_string()),
    }
}

/// Returns the text of an error whose command is not known. It contains no script hash.
pub fn plain_error_text(error: &RedisError) -> String {
    let text = server_reply(error).map(|(_, code, details)| reason(&code, &details));
    bounded(text.unwrap_or_else(|| error.to_string()))
}

/// Whether Redis refused the command because of its state or the user's rights, and not for what the command contains.
/// The same command may succeed later.
fn is_refusal(error: &RedisError) -> bool {
    server_reply(error).is_some_and(|(_, code, details)| {
        REFUSALS.contains(&code.as_str()) || details.starts_with(SCRIPT_NOT_PERMITTED)
    })
}

/// The place of the command, the code and the text of the first error reply.
fn server_reply(error: &RedisError) -> Option<(usize, String, String)> {
    let replies = error.clone().into_server_errors()?;
    let (index, reply) = replies.first()?;
    Some((*index, reply.code().to_owned(), reply.details().unwrap_or_default().to_owned()))
}

fn reason(code: &str, details: &str) -> String {
    let details = details.split(SCRIPT_SUFFIX).next().unwrap_or_default();
    format!("{code} {details}").trim_end().to_owned()
}

fn bounded(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push_str("...");
    }
    text
}

/// The last refusal by a Redis. Clones share it.
#[derive(Clone, Default)]
pub struct LastRefusal(Arc<Mutex<Option<(Instant, String)>>>);

impl LastRefusal {
    /// Records an error, if it is a refusal.
    pub fn record(&self, command: &impl Command, error: &RedisError) {
        if is_refusal(error) {
            *self.lock() = Some((Instant::now(), error_text(command, error)));
        }
    }

    /// Returns the text of the last refusal, if there was one just now.
    pub fn current(&self) -> Option<String> {
        let last = self.lock();
        last.as_ref().filter(|(at, _)| at.elapsed() < REPORT_FOR).map(|(_, text)| text.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{Value, cmd, pipe};

    fn server_error(reply: &str) -> RedisError {
        let reply = redis::parse_redis_value(reply.as_bytes()).and_then(Value::extract_error);
        reply.expect_err("the reply is an error")
    }

    fn recorded(reply: &str) -> Option<String> {
        let last = LastRefusal::default();
        last.record(&cmd("HSET"), &server_error(reply));
        last.current()
    }

    #[test]
    fn text_names_command_and_reason_without_hashes() {
        let oom = server_error(
            "-OOM command not allowed when used memory > 'maxmemory'. script: 1f8f4cfba6, on @user_script:1.\r\n",
        );
        let mut two = pipe();
        two.cmd("ZADD").arg("secret").cmd("EVALSHA");
        assert_eq!(
            error_text(&two, &oom),
            "ZADD refused: OOM command not allowed when used memory > 'maxmemory'."
        );
        let long = server_error(&format!("-ERR {}\r\n", "é".repeat(1_000)));
        assert!(error_text(&cmd("X"), &long).len() <= MAX_TEXT + 3);
    }

    #[test]
    fn only_refusals_are_recorded() {
        assert_eq!(recorded("-READONLY no\r\n").unwrap(), "HSET refused: READONLY no");
        assert!(recorded("-ERR The user executing the script can't run this command\r\n").is_some());
        for other in ["-WRONGTYPE no\r\n", "-ERR syntax\r\n", "-NOSCRIPT none\r\n", "-BUSYGROUP there\r\n"] {
            assert_eq!(recorded(other), None, "{other}");
        }
    }
}
