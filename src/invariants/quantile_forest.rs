//! The forests of the package quantile-forest: which samples lie in which leaf.
//!
//! Source: `quantile_forest/_quantile_forest_fast.pyx` of quantile-forest 1.4.

use super::fault::{Check, Fault, ensure};
use crate::model::{Object, Value};

/// `QuantileForest(y_train, y_train_leaves)`: numbers of samples start at one, zero is none.
pub(super) fn check(forest: Object<'_>) -> Check {
    let args = match forest.value()? {
        Value::QuantileForest(instance) => instance.args(),
        _ => None,
    };
    let Some(args) = args else { return Err(Fault::Broken("is no QuantileForest".to_owned())) };
    let samples = super::facts::shape_of(args.index(0)?).unwrap_or_default();
    let leaves = args.index(1)?.ndarray()?;
    let (Some(samples), [_, _, _, _]) = (samples.last().copied(), leaves.shape()) else {
        return Err(Fault::Broken(format!("has samples of {samples:?} and leaves of {:?}", leaves.shape())));
    };

    for sample in leaves.integers() {
        let is_sample = usize::try_from(sample).is_ok_and(|sample| sample <= samples);
        ensure!(is_sample, "has the sample {sample} in a leaf, where there are {samples}");
    }

    Ok(())
}
