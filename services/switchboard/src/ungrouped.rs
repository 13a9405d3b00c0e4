//! Flags of a service beside those of others.
//!
//! clap makes a group of each flattened struct and names it after the struct. All services call
//! theirs `Options`, and no two groups of a command may share a name; so here they have none. A flag
//! that several services have is one flag, for all of them.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

/// The flags of one service.
#[derive(Clone, Debug)]
pub struct FlattenArgs<T>(pub T);

impl<T: Args> Args for FlattenArgs<T> {
    fn augment_args(command: Command) -> Command {
        add_args_of(command, &T::augment_args(unordered()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        add_args_of(command, &T::augment_args_for_update(unordered()))
    }
}

fn add_args_of(command: Command, service: &Command) -> Command {
    let is_there = |flag: &&Arg| command.get_arguments().any(|it| it.get_id() == flag.get_id());
    let flags: Vec<Arg> = service.get_arguments().filter(|flag| !is_there(flag)).cloned().collect();
    command.args(flags)
}

/// A command that does not number its flags, so that `--help` has them where they are flattened.
fn unordered() -> Command {
    Command::new("").next_display_order(None)
}

impl<T: FromArgMatches> FromArgMatches for FlattenArgs<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
