//! Flags of a service beside those of others.
//!
//! clap makes a group of each flattened struct and names it after the struct. All services call
//! theirs `Options`, and no two groups of a command may share a name; so here they have none.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// The flags of one service.
#[derive(Clone, Debug)]
pub struct Ungrouped<T>(pub T);

impl<T: Args> Args for Ungrouped<T> {
    fn augment_args(command: Command) -> Command {
        command.args(T::augment_args(unordered()).get_arguments())
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.args(T::augment_args_for_update(unordered()).get_arguments())
    }
}

/// A command that does not number its flags, so that `--help` has them where they are flattened.
fn unordered() -> Command {
    Command::new("").next_display_order(None)
}

impl<T: FromArgMatches> FromArgMatches for Ungrouped<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
