//! Memory that a piece of work takes, where an allocator counts it.

use std::sync::OnceLock;

/// What an allocator can say of itself, in bytes.
pub struct Meter {
    /// How much is in use.
    pub used: fn() -> usize,
    /// The most that was in use since the last reset.
    pub peak: fn() -> usize,
    pub reset: fn(),
}

/// Set by a program whose allocator counts, and which does one thing at a time.
pub static METER: OnceLock<Meter> = OnceLock::new();

/// Does some work, and asserts that it takes no more memory than this beside what was in use before.
pub fn within<T>(most: usize, what: &str, work: impl FnOnce() -> T) -> T {
    let Some(meter) = METER.get() else { return work() };
    let before = (meter.used)();
    (meter.reset)();
    let result = work();
    let taken = (meter.peak)().saturating_sub(before);
    assert!(taken <= most, "{what} takes {taken} bytes of memory, where {most} are the most");
    result
}
