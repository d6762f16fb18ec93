//! Support vector machines, whose arrays libsvm trusts (CVE-2020-28975).
//!
//! Source: `sklearn/svm/_libsvm.pyx`, `sklearn/svm/src/libsvm/libsvm_helper.c`.

use super::facts::{length, shape, size};
use super::fault::{Check, ensure};
use crate::model::Object;

/// `SVC`, `NuSVC`, `SVR`, `NuSVR` and `OneClassSVM`.
pub(super) fn check(machine: Object<'_>) -> Check {
    let Some(vectors) = shape(machine, "support_vectors_")? else { return Ok(()) };
    let Some(counts) = machine.get_attr("_n_support")? else { return Ok(()) };
    let is_classifier = matches!(machine.class_name(), "SVC" | "NuSVC");
    let counts = counts.array1::<i64>()?;
    let count = length(machine, "support_")?.unwrap_or(0);
    ensure!(counts.iter().all(|count| *count >= 0), "has a negative number in _n_support");
    let total = counts.iter().fold(0, |total: i64, count| total.saturating_add(*count));
    if is_classifier {
        let classes = length(machine, "classes_")?.unwrap_or(0);
        ensure!(classes == counts.len(), "has {classes} classes and {} numbers in _n_support", counts.len());

        ensure!(usize::try_from(total) == Ok(count), "has {count} support vectors and {total} in _n_support");
    } else {
        let first = counts.first().copied().unwrap_or(-1);
        ensure!(
            counts.len() == 2 && usize::try_from(first) == Ok(count),
            "has {count} support vectors and {counts} in _n_support"
        );
    }
    // With a kernel that is given by its values, the vectors themselves are not kept.
    let is_precomputed = vectors == [0, 0] || vectors == [0];
    ensure!(
        is_precomputed || vectors.first() == Some(&count),
        "has {count} in support_ and vectors of {vectors:?}"
    );
    if let Some(features) = size(machine, "n_features_in_")?.filter(|_| !is_precomputed)
        && has_own_vectors(machine)?
    {
        ensure!(
            vectors.get(1) == Some(&features),
            "has {features} features and support vectors of {vectors:?}"
        );
    }
    check_coefficients(machine, counts.len(), count)?;
    check_support(machine)
}

/// A kernel that is a function is applied before, so that the vectors are rows of its values.
fn has_own_vectors(machine: Object<'_>) -> Check<bool> {
    Ok(machine.get_attr("kernel")?.and_then(super::facts::text).is_some_and(|kernel| kernel != "precomputed"))
}

/// One row of coefficients less than classes; an intercept, and a pair of probabilities, for each pair of classes.
fn check_coefficients(machine: Object<'_>, classes: usize, count: usize) -> Check {
    let rows = classes.saturating_sub(1);
    for name in ["dual_coef_", "_dual_coef_"] {
        let Some(found) = shape(machine, name)? else { continue };
        ensure!(found == [rows, count], "has {name} of shape {found:?}, where {rows} by {count} belong");
    }
    let pairs = classes.saturating_mul(rows) / 2;
    for name in ["intercept_", "_intercept_"] {
        let Some(found) = length(machine, name)? else { continue };
        ensure!(found == pairs, "has {name} of {found} numbers, where {pairs} belong");
    }
    for name in ["_probA", "_probB", "probA_", "probB_"] {
        let Some(found) = length(machine, name)? else { continue };
        ensure!(found == 0 || found == pairs, "has {name} of {found} numbers, where {pairs} or none belong");
    }
    let weights = length(machine, "class_weight_")?.unwrap_or(0);
    ensure!(
        weights == 0 || weights == classes,
        "has {weights} class_weight_, where {classes} or none belong"
    );

    Ok(())
}

/// The support vectors are rows of what the machine was fitted to.
fn check_support(machine: Object<'_>) -> Check {
    let Some(fitted) = machine.get_attr("shape_fit_")? else { return Ok(()) };
    let rows = fitted.index(0)?.as_i64()?;
    let support = machine.attr("support_")?.ndarray()?;
    for row in support.integers() {
        ensure!((0..rows).contains(&row), "has row {row} as a support vector, where there are {rows}");
    }
    Ok(())
}
