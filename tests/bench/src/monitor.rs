//! What Redis says that it is asked (`MONITOR`), counted. It is the only place where a command that a client
//! sent is told from one that a script ran.

/// How many commands there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Sent by clients; a script counts as one.
    pub sent: u64,
    /// Run by scripts.
    pub inside: u64,
    /// Of all these, those that added an entry to a stream.
    pub entries: u64,
}

impl Commands {
    /// Counts a line, such as `+1795355906.254777 [0 127.0.0.1:60866] "get" "x"`; others are no commands.
    pub fn add(&mut self, line: &str) {
        let Some((who, command)) = parts(line) else { return };
        match who {
            "lua" => self.inside += 1,
            _ => self.sent += 1,
        }
        self.entries += u64::from(command.eq_ignore_ascii_case("xadd"));
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.sent + self.inside
    }
}

/// Who asked, as the line says behind the number of the database, and for what.
fn parts(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(" [")?;
    let (who, rest) = rest.split_once("] \"")?;
    let (_, who) = who.split_once(' ')?;
    Some((who, rest.split('"').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_scripts_are_told_from_those_of_clients() {
        let mut commands = Commands::default();
        for line in [
            "+OK",
            r#"+1795355906.254777 [0 127.0.0.1:60866] "evalsha" "abc" "1" "k [0 lua] \"x\"""#,
            r#"+1795355906.254778 [0 lua] "hget" "k" "f""#,
            r#"+1795355906.254779 [0 lua] "xadd" "sb:{requests:0}" "*" "a" "b""#,
            r#"+1795355906.254780 [0 unix:/run/redis.sock] "get" "k""#,
        ] {
            commands.add(line);
        }
        assert_eq!(commands, Commands { sent: 2, inside: 2, entries: 1 });
        assert_eq!(commands.all(), 4);
    }
}
