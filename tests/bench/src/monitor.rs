//! Counts the commands of a Redis server (`MONITOR`). Only this output distinguishes a command of a client
//! from a command that a script ran.

/// Counts of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Sent by clients. A script counts as one.
    pub sent: u64,
    /// Run by scripts.
    pub inside: u64,
    /// The commands of both kinds that added an entry to a stream.
    pub entries: u64,
}

impl Commands {
    /// Counts a line such as `+1795355906.254777 [0 127.0.0.1:60866] "get" "x"`. Other lines are ignored.
    pub fn add(&mut self, line: &str) {
        let Some((who, command)) = parts(line) else { return };
        match who {
            "lua" => self.inside += 1,
            _ => self.sent += 1,
        }
        self.entries += u64::from(command.eq_ignore_ascii_case("xadd"));
    }

    /// All commands.
    pub fn all(&self) -> u64 {
        self.sent + self.inside
    }
}

/// Returns the sender, which follows the database number in the line, and the command.
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
    fn commands_of_scripts_and_clients_are_distinguished() {
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
