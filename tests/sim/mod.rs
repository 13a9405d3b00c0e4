//! The decisions of edges and connectors together, without sockets and clocks: two people at two edges,
//! two media servers, and a scheduler that lets any message that travels arrive next.
//!
//! | file | holds |
//! |---|---|
//! | `story.rs` | what people do, and what goes wrong |
//! | `world.rs` | all that travels, and time |
//! | `person.rs` | a client at its edge: what it asks, and whether what it hears makes sense |
//! | `router.rs` | a router and its directory, in short |
//! | `janus.rs` | a media server that mostly does what it is asked |
//! | `settle.rs` | what holds once nothing travels any more |
//!
//! A story that fails is printed in its shortest form, as the list of its steps; put into `replay`
//! below it is told again.

mod janus;
mod person;
mod router;
mod settle;
mod story;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use story::Step;
use world::World;

fn told(steps: &[Step]) {
    let mut world = World::new();
    steps.iter().for_each(|step| world.step(*step));
    world.settles();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_people_call_each_other(steps in vec((0_u8..32, any::<u8>(), any::<u8>()), 1..250)) {
        told(&steps);
    }
}

#[test]
fn replay() {
    told(&[]);
}
