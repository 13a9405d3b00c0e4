//! The scenarios against the fake Janus as a process.

use crate::scenarios;
use testkit::MedialessJanus;

scenarios_at!(MedialessJanus);
