//! What the fuzz targets assert, as plain functions of bytes.
//!
//! The fuzzer calls them (`fuzz_targets/`), and so do the library's tests, on stable and without a fuzzer: on every input
//! that once failed (`tests/fuzz_regressions.rs`), and on mutated real files (`tests/mutations.rs`).
#![allow(dead_code, unreachable_pub, reason = "each of them uses a part")]

#[path = "../../../tests/common/mod.rs"]
pub mod common;

pub mod archive;
pub mod audit;
pub mod files;
pub mod load;
pub mod memory;
#[cfg(feature = "gate")]
pub mod mlmodel;
pub mod npy_header;
pub mod npz;
#[cfg(feature = "gate")]
pub mod pointer;
#[cfg(feature = "gate")]
pub mod policy;
pub mod schema;
pub mod sources;
pub mod tree;
#[cfg(feature = "gate")]
pub mod verdict;

/// A target's name and its check, which panics when a promise is broken.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: &[Target] = &[
    ("archive", archive::check),
    ("audit", audit::check),
    ("load", load::check),
    #[cfg(feature = "gate")]
    ("mlmodel", mlmodel::check),
    ("npy_header", npy_header::check),
    ("npz", npz::check),
    #[cfg(feature = "gate")]
    ("policy", policy::check),
    ("schema", schema::check),
    #[cfg(feature = "gate")]
    ("verdict", verdict::check),
];
