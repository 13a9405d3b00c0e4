//! The limit of open files. Each client needs one.

use crate::error::Error;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything but clients.
const RESERVED_FILES: u64 = 64;

/// Raises the limit for this many clients, as far as the system allows.
pub fn raise_limit(clients: usize) -> Result<(), Error> {
    let needed = clients as u64 + RESERVED_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // The limit is read again below, whether this succeeds or not.
    let _ = setrlimit(Resource::Nofile, raised);
    match getrlimit(Resource::Nofile).current {
        Some(current) if current < needed => Err(Error::Files { clients, needed, allowed: current }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_clients_than_files_are_refused() {
        raise_limit(10).unwrap();
        let most = getrlimit(Resource::Nofile).maximum;
        if let Some(most) = most {
            let error = raise_limit(usize::try_from(most).unwrap()).unwrap_err().to_string();
            assert!(error.contains("ulimit -n"), "{error}");
        }
    }
}
