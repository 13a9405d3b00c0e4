//! `load`: the load generator, which ends early, with its result, at a signal.

use crate::error::Error;
use ::load::Load;
use service::shutdown;
use std::io;

/// Prints the result on standard output.
pub async fn run(load: &Load) -> Result<(), Error> {
    let stop = shutdown::on_signal().map_err(Error::Signals)?;
    Ok(::load::run(load, &mut io::stdout(), stop).await?)
}
