//! With any requests, replies and events in any order: each request gets one reply, a client has one call after the
//! other, and unwanted calls and names are released.

mod checker;
mod cluster;
mod model;
mod takeover;

use model::Model;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_get_one_reply_and_calls_do_not_overlap(
        sequenced: bool,
        steps in vec((0_u8..37, any::<u8>(), any::<u8>()), 1..160)
    ) {
        let mut model = Model::new(sequenced);
        for (what, which, how) in steps {
            model.step(what, which, how);
            model.check_snapshots();
        }
        model.settle();
    }
}
