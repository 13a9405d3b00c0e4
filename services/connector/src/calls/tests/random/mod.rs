//! Whatever comes in whatever order: each call ends once, each caller has one answer, nobody hears of
//! a call after its end, every peer that waits is answered, and every handle goes back to Janus.

mod model;
mod proxies;

use model::World;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_end_once_and_leave_nothing(steps in vec((0_u8..18, any::<u8>(), any::<u8>()), 1..150)) {
        let mut world = World::default();
        for (what, which, how) in steps {
            world.step(what, which, how);
        }
        world.settles();
    }
}
