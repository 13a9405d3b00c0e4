//! What a message looks like as the named fields of a stream entry, the same on every bus.
