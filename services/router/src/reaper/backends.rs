//! Backends that nobody serves: their connector died, and none took over. Once that has lasted so
//! long that Janus has given up what it kept for a connector, the calls are over.
//!
//! Each router watches for itself, whether it reaps or not, and counts its looks instead of the time:
//! one that was frozen has not seen who was there meanwhile.

use crate::verbs::{HandlerError, end};
use common::BackendName;
use service::Context;
use std::collections::BTreeMap;

/// For how many looks, one a second, a backend may be without a connector before its calls are over.
const UNSERVED_TICKS: u32 = 60;
/// A backend that is gone for so long was somebody else's to reap.
const FORGET_TICKS: u32 = 2 * UNSERVED_TICKS;

/// For how many looks in a row each backend was not announced; none before the first look.
#[derive(Default)]
pub struct UnservedBackends {
    missed: Option<BTreeMap<BackendName, u32>>,
}

impl UnservedBackends {
    /// Looks who is announced.
    pub async fn count_missed(&mut self, context: &Context) -> Result<(), HandlerError> {
        let announced = context.directory.backends().await?;
        let mut missed = match self.missed.take() {
            Some(missed) => missed,
            None => backends_with_calls(context).await?,
        };
        missed.values_mut().for_each(|looks| *looks += 1);
        missed.extend(announced.into_iter().map(|backend| (backend.name, 0)));
        missed.retain(|_, looks| *looks < FORGET_TICKS);
        self.missed = Some(missed);
        Ok(())
    }

    /// Ends the calls of those that have been missed for too long.
    pub async fn end_calls(&mut self, context: &Context) -> Result<(), HandlerError> {
        let Some(missed) = &mut self.missed else { return Ok(()) };
        let is_gone = |(_, looks): &(&BackendName, &u32)| **looks >= UNSERVED_TICKS;
        let gone: Vec<BackendName> = missed.iter().filter(is_gone).map(|(name, _)| name.clone()).collect();
        for name in gone {
            end_calls_on(context, &name).await?;
            missed.remove(&name);
        }
        Ok(())
    }
}

async fn backends_with_calls(context: &Context) -> Result<BTreeMap<BackendName, u32>, HandlerError> {
    let names = context.directory.backends_with_calls().await?;
    Ok(names.into_iter().map(|name| (name, 0)).collect())
}

async fn end_calls_on(context: &Context, name: &BackendName) -> Result<(), HandlerError> {
    let calls = context.directory.calls_on(name).await?;
    if !calls.is_empty() {
        tracing::warn!(backend = %name, calls = calls.len(), "ending the calls of a backend that nobody serves");
    }
    for call in calls {
        end::end_unserved(context, call).await?;
    }
    Ok(())
}
