//! The forests of the package quantile-forest: which samples lie in which leaf.
//!
//! Source: `quantile_forest/_quantile_forest_fast.pyx` of quantile-forest 1.4.

use super::facts::{integers, shape_of};
use super::fault::{Check, ensure, refuse};
use crate::model::{Object, Value};

/// `QuantileForest(y_train, y_train_leaves, y_bound_leaves, sparse_pickle)`. In a leaf, the numbers of samples start at
/// one; zero is none.
pub(super) fn check(forest: Object<'_>) -> Check {
    let args = match forest.value()? {
        Value::QuantileForest(instance) => instance.args(),
        _ => None,
    };
    let Some(args) = args else { refuse!("is no QuantileForest") };
    let samples = shape_of(args.index(0)?).unwrap_or_default();
    let leaves = args.index(1)?.ndarray()?;
    let ([outputs, samples], [trees, nodes, of_leaves, most]) = (samples.as_slice(), leaves.shape()) else {
        refuse!("has samples of {samples:?} and leaves of {:?}", leaves.shape());
    };
    ensure!(outputs == of_leaves, "has samples of {outputs} outputs and leaves of {of_leaves}");
    let sizes = [outputs, samples, trees, nodes, most];
    ensure!(sizes.iter().all(|size| **size > 0), "has samples or leaves without items");
    ensure!(!leaves.fortran_order(), "has leaves in Fortran order");
    for sample in integers(&leaves)? {
        let is_sample = usize::try_from(sample).is_ok_and(|sample| sample <= *samples);
        ensure!(is_sample, "has the sample {sample} in a leaf, where there are {samples}");
    }
    check_rest(args, *trees, *nodes)
}

/// The bounds, which older releases do not have, and a form that only a special option writes.
fn check_rest(args: Object<'_>, trees: usize, nodes: usize) -> Check {
    let args = args.items()?;
    if let Some(bounds) = args.get(2).and_then(|bounds| shape_of(*bounds)) {
        let fits = bounds.contains(&0) || bounds == [trees, nodes, 2];
        ensure!(fits, "has bounds of {bounds:?} for {trees} trees of {nodes} nodes");
    }
    let is_sparse = match args.get(3) {
        Some(flag) => flag.as_bool()?,
        None => false,
    };
    ensure!(!is_sparse, "is stored with sparse_pickle, whose indices are not checked");
    Ok(())
}
