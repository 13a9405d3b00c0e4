//! What operators allow clients to do with names.

use crate::lists::Lists;
use clap::{Args, ValueEnum};
use protocol::videocall::MAX_USERNAME;

const DEFAULT_MAX_USERNAME: usize = 255;

/// The options about names.
#[derive(Args, Clone, Debug)]
pub struct NameOptions {
    /// Who may list the registered names
    #[arg(long, env = "SWITCHBOARD_LIST", value_name = "WHO", default_value = "all")]
    pub list: ListAccess,

    /// The longest name that a client may register, in bytes
    #[arg(long, env = "SWITCHBOARD_MAX_USERNAME", value_name = "BYTES", default_value_t = DEFAULT_MAX_USERNAME)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=MAX_USERNAME as u64))]
    pub max_username: usize,
}

impl Default for NameOptions {
    fn default() -> Self {
        Self { list: ListAccess::default(), max_username: DEFAULT_MAX_USERNAME }
    }
}

/// Who may list the registered names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListAccess {
    /// Every client, as with Janus
    #[default]
    All,
    /// No client: `list` is refused
    None,
}

/// The options, and the lists that clients share.
pub struct NamePolicy {
    /// None if no client may list the names.
    pub lists: Option<Lists>,
    pub max_username: usize,
}

impl From<NameOptions> for NamePolicy {
    fn from(options: NameOptions) -> Self {
        let lists = (options.list == ListAccess::All).then(Lists::default);
        Self { lists, max_username: options.max_username }
    }
}
