//! What skops 0.16 trusts by default, loader by loader.
//!
//! The tables are the union over many environments: see `tables/README.md` for how they are made.

use std::sync::LazyLock;

use crate::schema::Loader;

/// The lines of a table, sorted.
type Table = LazyLock<Vec<&'static str>>;

macro_rules! table {
    ($name:ident, $file:literal) => {
        static $name: Table = LazyLock::new(|| {
            let text = include_str!(concat!("tables/", $file, ".txt"));
            text.lines().filter(|line| !line.starts_with('#')).collect()
        });
    };
}

table!(BIT_GENERATORS, "bit_generators");
table!(BUILTINS, "builtins");
table!(ESTIMATORS, "estimators");
table!(GENERATORS, "generators");
table!(INTERNALS, "internals");
table!(LOSSES, "losses");
table!(MASKED_ARRAYS, "masked_arrays");
table!(METHODS, "methods");
table!(NDARRAYS, "ndarrays");
table!(NUMPY_UFUNCS, "numpy_ufuncs");
table!(RANDOM_STATES, "random_states");
table!(SCALARS, "scalars");
table!(SCIPY_UFUNCS, "scipy_ufuncs");

/// Names of classes and functions that are in a table.
#[cfg(feature = "gate")]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let tables = [&ESTIMATORS, &INTERNALS, &LOSSES, &SCALARS, &NUMPY_UFUNCS, &SCIPY_UFUNCS, &BIT_GENERATORS];
    tables.into_iter().flat_map(|table| table.iter().copied())
}

fn has(table: &Table, name: &str) -> bool {
    table.binary_search(&name).is_ok()
}

/// Whether skops 0.16 trusts a name under a loader by default, in a file of this protocol.
pub(super) fn trusts(loader: Loader, protocol: u8, name: &str) -> bool {
    let builtin = || BUILTINS.iter().any(|line| line.split_once(' ') == Some((loader.as_str(), name)));
    match loader {
        Loader::Object => is_estimator(name),
        Loader::Type => builtin() || has(&SCALARS, name),
        // The loader of protocol 0 was never taught numpy's ufuncs.
        Loader::Function => has(&SCIPY_UFUNCS, name) || (protocol > 0 && has(&NUMPY_UFUNCS, name)),
        Loader::NdArray => is_ndarray(name) || is_scalar(name),
        Loader::MaskedArray => has(&MASKED_ARRAYS, name),
        Loader::RandomState => has(&RANDOM_STATES, name),
        // `SeedSequence` is called by skops itself, whatever the file says.
        Loader::RandomGenerator => {
            has(&GENERATORS, name) || is_bit_generator(name) || name == super::SEED_SEQUENCE
        }
        Loader::Loss | Loader::Sgd => has(&LOSSES, name),
        _ => builtin(),
    }
}

/// Whether instances of the type are made by scikit-learn, whose `__setstate__` takes a dict.
pub(crate) fn is_estimator(name: &str) -> bool {
    has(&ESTIMATORS, name) || has(&INTERNALS, name)
}

/// Whether a class of [`is_estimator`] has a method of this name that an attribute of an instance would hide.
pub(crate) fn is_method(name: &str) -> bool {
    has(&METHODS, name)
}

pub(crate) fn is_ndarray(name: &str) -> bool {
    has(&NDARRAYS, name)
}

pub(crate) fn is_scalar(name: &str) -> bool {
    has(&SCALARS, name)
}

pub(crate) fn is_bit_generator(name: &str) -> bool {
    has(&BIT_GENERATORS, name)
}
