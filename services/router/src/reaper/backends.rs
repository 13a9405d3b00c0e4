//! Ends the calls of backends that no connector serves. A backend is given [`UNSERVED_TICKS`] to be served
//! again; by then Janus has dropped the sessions of the dead connector.
//!
//! Every router counts for itself, whether it holds the reaper's lease or not. It counts ticks and not time,
//! because a router that was suspended does not know what was announced in the meantime.

use crate::handlers::{HandlerError, end};
use common::BackendName;
use service::Context;
use std::collections::BTreeMap;

/// For how many ticks, one a second, a backend may be unserved before its calls are ended.
const UNSERVED_TICKS: u32 = 60;
/// After how many ticks a backend is no longer counted: another router has ended its calls by then.
const FORGET_TICKS: u32 = 2 * UNSERVED_TICKS;

#[derive(Default)]
pub struct UnservedBackends {
    /// For how many ticks in a row each backend was not announced; `None` before the first tick.
    missed: Option<BTreeMap<BackendName, u32>>,
}

impl UnservedBackends {
    /// Counts a tick for each backend that is not announced.
    pub async fn count_missed(&mut self, context: &Context) -> Result<(), HandlerError> {
        let announced = context.directory.backends().await?;
        let mut missed = match self.missed.take() {
            Some(missed) => missed,
            None => backends_with_calls(context).await?,
        };
        missed.values_mut().for_each(|ticks| *ticks += 1);
        missed.extend(announced.into_iter().map(|backend| (backend.name, 0)));
        missed.retain(|_, ticks| *ticks < FORGET_TICKS);
        self.missed = Some(missed);
        Ok(())
    }

    /// Ends the calls of backends that were not announced for too long.
    pub async fn end_calls(&mut self, context: &Context) -> Result<(), HandlerError> {
        let Some(missed) = &mut self.missed else { return Ok(()) };
        let is_unserved = |(_, ticks): &(&BackendName, &u32)| **ticks >= UNSERVED_TICKS;
        let unserved: Vec<BackendName> =
            missed.iter().filter(is_unserved).map(|(name, _)| name.clone()).collect();
        for name in unserved {
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
        tracing::warn!(backend = %name, calls = calls.len(), "no connector serves a backend, ending its calls");
    }
    for call in calls {
        end::end_unserved(context, call).await?;
    }
    Ok(())
}
