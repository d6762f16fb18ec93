//! What the fuzz targets of this folder share: an allocator that counts, and mutations that know what a file is.

pub mod mutate;
pub mod targets;

use peak_alloc::PeakAlloc;
use targets::memory::{METER, Meter};

/// Counts what Rust allocates, so that a target can assert how much an input takes. libFuzzer's `-rss_limit_mb` would only
/// see what the whole process ever took, and `-malloc_limit_mb` only what is asked for at once, and neither in
/// proportion to the input. They stay as a backstop.
#[global_allocator]
pub static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Lets the targets see the allocator, and makes what is made once: tables would count for the first input.
pub fn start() {
    let meter = Meter {
        used: || ALLOCATOR.current_usage(),
        peak: || ALLOCATOR.peak_usage(),
        reset: || ALLOCATOR.reset_peak_usage(),
    };
    let warm = include_bytes!("../../fixtures/example.skops");
    targets::load::check(warm);
    let _ = METER.set(meter);
}

/// A fuzz target by the name of a module in [`targets`], and the mutator of its inputs if it has one.
#[macro_export]
macro_rules! target {
    ($name:ident $(, $mutate:path)?) => {
        use skops_rs_fuzz as fuzz;

        libfuzzer_sys::fuzz_target!(init: fuzz::start(), |data: &[u8]| fuzz::targets::$name::check(data));
        $(
            libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
                $mutate(data, size, most, seed)
            });
        )?
    };
}
