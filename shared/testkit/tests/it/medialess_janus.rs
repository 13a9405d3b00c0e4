//! The stories at the Janus without media that is a process.

use crate::stories;
use testkit::MedialessJanus;

stories_at!(MedialessJanus);
