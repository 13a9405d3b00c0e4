//! Lets the flags of several services stand in one command.
//!
//! clap names the group of a flattened struct after the struct. All services call theirs `Options`, and two
//! groups of a command must not share a name; so these have no group. A flag that several services have
//! appears once, and applies to all of them.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

/// The flags of `T`, without a group.
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
    let is_known = |arg: &&Arg| command.get_arguments().any(|known| known.get_id() == arg.get_id());
    let added: Vec<Arg> = service.get_arguments().filter(|arg| !is_known(arg)).cloned().collect();
    command.args(added)
}

/// A command that does not number its flags, so that `--help` shows them where they are flattened.
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
