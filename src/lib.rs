//! Read scikit-learn models in the `.skops` format, without Python.
//!
//! ```
//! use skops_rs::{Archive, TrustList};
//!
//! let archive = Archive::open("fixtures/example.skops")?; // the container is checked, nothing else is read
//! let audit = archive.schema()?.audit()?; // every name that the file refers to, with role and place
//! for name in audit.untrusted(&TrustList::default()) {
//!     println!("{name}");
//! }
//! # Ok::<(), skops_rs::Error>(())
//! ```
//!
//! A `.skops` file names Python types, and `skops.io.load` imports and calls them. This crate says which they are
//! before anything does so. Each stage is a type that can only be made from the one before it:
//!
//! | stage | type | what it has checked |
//! |---|---|---|
//! | bytes | [`Source`] | |
//! | container | [`Archive`] | the zip can be read in one way only, and every byte of it is accounted for |
//! | nodes | [`Schema`] | `schema.json` is strict JSON, with the loaders, fields and shapes that skops writes |
//! | references | [`Audit`] | each name that any skops release would import, call or read is known |
//! | permission | [`Vetted`] | a [`TrustList`] trusts every one of these names |
//! | objects | [`Model`] | before an object is looked into, its contents hold what its type promises |
//!
//! ```
//! use skops_rs::TrustList;
//!
//! let trust = TrustList::default().allow("sklearn.tree._tree.Tree")?;
//! let model = skops_rs::load("fixtures/example.skops", &trust)?; // audit, then permission, then the model
//! let mean = model.at("steps[0][1].mean_")?.array1::<f64>()?; // ndarray::Array1<f64>
//! assert_eq!(mean.len(), 4);
//! # Ok::<(), skops_rs::Error>(())
//! ```
//!
//! Nothing here imports, calls or executes what a file names, because there is nothing in it that could. What a
//! file may ask for is bounded by [`Limits`]. Every refusal is an [`Error`] with a stable [`Code`].

// What else can panic, or takes memory at once: see clippy.toml. Tests may.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]

mod archive;
mod audit;
#[cfg(feature = "gate")]
pub mod check;
mod error;
pub mod export;
pub mod inspect;
mod intern;
mod invariants;
mod limits;
pub mod model;
pub mod npy;
#[cfg(feature = "gate")]
pub mod policy;
pub mod report;
mod schema;
#[cfg(feature = "serve")]
pub mod serve;
mod source;
pub mod text;
mod trust;

pub use archive::{Archive, Entry, Method, SCHEMA_NAME};
pub use audit::{Audit, Reference, Role};
pub use error::{Blame, Code, Error, Location, Place, Result, Untrusted};
pub use invariants::MOST_VIOLATIONS;
pub use limits::Limits;
pub use model::{LoadOptions, Model, Object, Value, Vetted, load, load_archive, load_bytes, load_with};
pub use npy::NdArray;
pub use schema::{Loader, Schema};
pub use source::Source;
pub use trust::{Base, TrustList, TypeName, reason};

/// The examples of the documents compile and run as they are written there.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[cfg(feature = "gate")]
    #[doc = include_str!("../docs/policy.md")]
    struct Policies;
}
