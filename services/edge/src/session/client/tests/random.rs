//! Whatever clients ask and whatever comes back, in whatever order: each request is answered once, a
//! client hears of one call after the other, and what nobody wants any more is given back.

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
        stamped: bool,
        steps in vec((0_u8..37, any::<u8>(), any::<u8>()), 1..160)
    ) {
        let mut model = Model::new(stamped);
        for (what, which, how) in steps {
            model.step(what, which, how);
            model.what_changed_is_known();
        }
        model.settles();
    }
}
