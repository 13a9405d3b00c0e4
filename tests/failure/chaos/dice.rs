//! Chance that can be had again: numbers from a seed (splitmix64).

/// A stream of random numbers.
pub struct Rng(u64);

impl Rng {
    /// The `number`-th stream of a seed.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut first = Self(seed);
        let start = (0..=number).fold(0, |_, _| first.next());
        Self(start)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
