//! Whatever clients ask and whatever comes back, in whatever order: each request is answered once, a
//! client hears of one call after the other, and what nobody wants any more is given back.

mod ear;
mod moves;
mod outside;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_are_answered_once_and_calls_come_one_after_the_other(
        stamped: bool,
        steps in vec((0_u8..37, any::<u8>(), any::<u8>()), 1..160)
    ) {
        let mut world = World::new(stamped);
        for (what, which, how) in steps {
            world.step(what, which, how);
            world.what_changed_is_known();
        }
        world.settles();
    }
}
