//! A bound of a queue in entries and in bytes, which needs no count of the queued bytes.
//!
//! An entry of many bytes is refused by a shorter queue than a small one: where `bytes / size` entries wait already.
//! So entries of one size take at most `bytes`, whatever their size. Entries of mixed sizes take more only if each is
//! just small enough for its place: at most `bytes` times `1 + ln(entries)`. Large entries never keep out small ones.

/// The bound of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimit {
    /// The most entries.
    pub entries: usize,
    /// The most bytes, of entries of one size.
    pub bytes: usize,
}

impl SizeLimit {
    /// Returns how many entries may be in the queue before one of this size is refused. An empty queue takes any entry.
    pub fn entries_for(self, size: usize) -> usize {
        self.bytes.checked_div(size).unwrap_or(self.entries).clamp(1, self.entries)
    }

    /// Whether a queue with this many entries takes one of this size.
    pub fn admits(self, queued: usize, size: usize) -> bool {
        queued < self.entries_for(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: SizeLimit = SizeLimit { entries: 1_000, bytes: 1 << 20 };

    /// Fills a queue with entries of sizes that follow from its length. Returns its length and bytes.
    fn fill(size: impl Fn(usize) -> usize) -> (usize, usize) {
        let (mut queued, mut bytes) = (0, 0);
        while LIMIT.admits(queued, size(queued)) {
            bytes += size(queued);
            queued += 1;
        }
        (queued, bytes)
    }

    #[test]
    fn entries_of_one_size_take_no_more_than_the_bytes() {
        for size in [0, 1, 100, 1 << 10, 1_049, 1 << 15, 1 << 20] {
            let (queued, bytes) = fill(|_| size);
            assert!(queued <= LIMIT.entries && bytes <= LIMIT.bytes, "{size}: {queued} with {bytes} bytes");
            assert!(queued == LIMIT.entries || bytes + size > LIMIT.bytes, "{size}: {queued} are too few");
        }
        assert_eq!(fill(|_| 2 << 20).0, 1, "an empty queue takes any entry");
    }

    #[test]
    fn worst_mix_of_sizes_is_bounded() {
        let (queued, bytes) = fill(|queued| LIMIT.bytes / (queued + 1));
        assert_eq!(queued, LIMIT.entries);
        assert!(bytes < 8 * LIMIT.bytes, "{bytes}");
    }

    #[test]
    fn large_entries_keep_out_no_small_ones() {
        let (large, _) = fill(|_| 1 << 16);
        assert!(!LIMIT.admits(large, 1 << 16) && LIMIT.admits(large, 100));
    }
}
