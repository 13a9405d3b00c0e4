//! Random inputs in any order: each call ends once, and each caller gets one reply. No client gets events
//! of a call after its end. Every waiting proxy gets a reply, and every handle is detached.

mod model;
mod proxies;

use model::Model;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_end_once_and_leave_nothing(steps in vec((0_u8..18, any::<u8>(), any::<u8>()), 1..150)) {
        let mut model = Model::default();
        for (what, which, how) in steps {
            model.step(what, which, how);
        }
        model.finish();
    }
}
