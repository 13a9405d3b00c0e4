//! Error replies: whether one concerns its command, or the server or connection as a whole.

use redis::{ErrorKind, RedisError};

/// Codes of replies that concern the command only. `ERR` includes wrong arguments. Changed rights (`NOPERM`) apply to
/// open connections at once.
const COMMAND_ERRORS: [&str; 6] = ["ERR", "WRONGTYPE", "NOSCRIPT", "NOGROUP", "BUSYGROUP", "NOPERM"];
/// The text of a refusal with the code `ERR`.
const TOO_MANY_CLIENTS: &str = "max number of clients";
/// Codes of replies that another connection to the same address may not get: the server has become a replica, or does
/// not know who this client is.
const CONNECTION_ERRORS: [&str; 5] = ["READONLY", "MASTERDOWN", "NOAUTH", "WRONGPASS", "UNBLOCKED"];

/// Returns whether Redis executed nothing because of the command itself, so that the same command fails again.
/// Any other error can end by itself: Redis loads its data, is a replica, or cannot be reached.
#[must_use]
pub fn is_command_error(error: &RedisError) -> bool {
    has_reply(error, |code, text| COMMAND_ERRORS.contains(&code) && !text.contains(TOO_MANY_CLIENTS))
}

/// Whether a new connection may work although this error came over an open one.
pub(crate) fn is_connection_error(error: &RedisError) -> bool {
    error.is_io_error() || has_reply(error, |code, _| CONNECTION_ERRORS.contains(&code))
}

/// Bytes that are no reply come from another program, or from an earlier use of the socket. They say nothing about
/// what is stored.
pub(crate) fn to_connection_error(error: RedisError) -> RedisError {
    if error.kind() == ErrorKind::Parse {
        return std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the server does not speak Redis' protocol",
        )
        .into();
    }
    error
}

/// The error of a command or connection without a reply in time.
pub(crate) fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Whether one of the error replies, of which a pipeline may have several, has this code and text.
fn has_reply(error: &RedisError, matches: impl Fn(&str, &str) -> bool) -> bool {
    let replies = error.clone().into_server_errors();
    let mut replies = replies.iter().flat_map(|replies| replies.iter());
    replies.any(|(_, reply)| matches(reply.code(), reply.details().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{Value, from_redis_value};

    fn error(reply: &str) -> RedisError {
        let reply =
            redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).and_then(Value::extract_error);
        reply.expect_err("the reply is an error")
    }

    #[test]
    fn replies_concern_the_command_or_the_server() {
        for reply in ["WRONGTYPE no stream", "NOGROUP none", "ERR syntax error", "NOPERM no key"] {
            assert!(is_command_error(&error(reply)) && !is_connection_error(&error(reply)), "{reply}");
        }
        for reply in ["LOADING data", "BUSY a script", "MISCONF no disk", "OOM memory", "CLUSTERDOWN no slot"]
        {
            assert!(!is_command_error(&error(reply)) && !is_connection_error(&error(reply)), "{reply}");
        }
        for reply in ["READONLY replica", "MASTERDOWN link", "NOAUTH required", "UNBLOCKED by a new role"] {
            assert!(!is_command_error(&error(reply)) && is_connection_error(&error(reply)), "{reply}");
        }
        let full = error("ERR max number of clients reached");
        assert!(!is_command_error(&full));
        let lost = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(!is_command_error(&lost) && is_connection_error(&lost));
    }

    #[test]
    fn bytes_of_another_program_are_no_malformed_record() {
        let no_reply = redis::parse_redis_value(b"HTTP/1.1 400\r\n").expect_err("no reply of Redis");
        assert!(to_connection_error(no_reply).is_io_error());
        let mismatch = RedisError::from(from_redis_value::<u64>(Value::Nil).expect_err("nil is no number"));
        assert_eq!(mismatch.kind(), ErrorKind::Parse);
    }
}
