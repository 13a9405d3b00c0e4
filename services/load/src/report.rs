//! Lines of JSON for whoever reads the output: a script, or a person.

use crate::error::Error;
use serde::Serialize;
use std::io::Write;

/// Prints one line.
pub fn print_json(out: &mut dyn Write, line: &impl Serialize) -> Result<(), Error> {
    let line = serde_json::to_string(line).map_err(|error| Error::Output(error.into()))?;
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Error::Output)
}

/// To three digits after the point.
pub fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
