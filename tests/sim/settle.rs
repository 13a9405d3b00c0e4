//! What holds once everything has arrived that was on the way.

use crate::sim::person::Person;
use crate::sim::world::World;
use serde_json::json;
use std::time::Duration;

impl World {
    /// Nobody asks anything any more: all is answered, and who is in a call knows it. Then one side
    /// of each call hangs up, and everybody goes.
    pub fn settles(&mut self) {
        self.quiets(Duration::from_secs(60));
        self.people.iter().for_each(Person::waits_for_nothing);
        self.people_know_whether_they_are_in_a_call();
        self.calls_have_two_sides();
        self.says(0, json!({"janus": "hangup"}));
        self.quiets(Duration::from_secs(5));
        self.says(1, json!({"janus": "hangup"}));
        self.quiets(Duration::from_secs(5));
        self.nobody_is_in_a_call();
        (0..2).for_each(|place| self.says(place, json!({"janus": "destroy"})));
        self.quiets(Duration::from_secs(60));
        self.nothing_is_left();
    }

    fn quiets(&mut self, time: Duration) {
        for _ in 0..time.as_secs() * 2 {
            self.delivers_all();
            self.time_passes(Duration::from_millis(500));
        }
        self.delivers_all();
    }

    fn people_know_whether_they_are_in_a_call(&self) {
        for person in &self.people {
            let busy = person.who().is_some_and(|who| self.router.is_busy(who));
            assert_eq!(person.in_call, busy, "{} is in a call, and so is its handle", person.name);
        }
    }

    fn calls_have_two_sides(&self) {
        let calls = self.router.calls.len();
        let in_call = self.people.iter().filter(|person| person.in_call).count();
        let handles: usize = self.backends.iter().map(|backend| backend.janus.count()).sum();
        assert_eq!((in_call, handles), (calls * 2, calls * 2), "of {calls} calls");
    }

    fn nobody_is_in_a_call(&self) {
        assert!(self.people.iter().all(|person| !person.in_call), "both heard the end");
        assert_eq!(self.router.calls.len(), 0);
        for backend in &self.backends {
            assert_eq!((backend.calls.count(), backend.janus.count()), (0, 0));
        }
    }

    fn nothing_is_left(&self) {
        assert_eq!(self.router.left(), (0, 0, 0), "names, handles and calls");
        for backend in &self.backends {
            assert_eq!((backend.calls.due(), backend.calls.count()), (None, 0));
        }
    }
}
