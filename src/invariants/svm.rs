//! Support vector machines, whose arrays libsvm trusts (CVE-2020-28975).
//!
//! Source: `sklearn/svm/_libsvm.pyx`, `sklearn/svm/src/libsvm/libsvm_helper.c`.

use super::facts::{features, integers, length, shape, shape_as};
use super::fault::{Check, ensure, refuse};
use crate::model::{Object, Value};
use crate::npy::SparseFormat;

/// What fitting sets, and libsvm reads.
const FITTED: [&str; 8] = [
    "support_",
    "support_vectors_",
    "_n_support",
    "dual_coef_",
    "_dual_coef_",
    "_intercept_",
    "_probA",
    "_probB",
];

/// How many of what a machine has.
struct Machine {
    vectors: usize,
    /// Classes; two for a machine that is no classifier.
    classes: usize,
    /// Pairs of classes: each has an intercept.
    pairs: usize,
}

/// `SVC`, `NuSVC`, `SVR`, `NuSVR` and `OneClassSVM`.
pub(super) fn check(svm: Object<'_>) -> Check {
    let mut is_fitted = false;
    for name in FITTED {
        is_fitted |= svm.get_attr(name)?.is_some();
    }
    if !is_fitted {
        return Ok(());
    }
    let machine = Machine::of(svm)?;
    check_vectors(svm, &machine)?;
    check_coefficients(svm, &machine)
}

impl Machine {
    fn of(svm: Object<'_>) -> Check<Self> {
        let support = shape_as(svm, "support_", "<i4")?;
        let [vectors] = *support.as_slice() else {
            refuse!("has support_ of shape {support:?}");
        };
        shape_as(svm, "_n_support", "<i4")?;
        let counts = svm.attr("_n_support")?.array1::<i64>()?;
        ensure!(counts.iter().all(|count| *count >= 0), "has a negative number in _n_support");
        if matches!(svm.class_name(), "SVC" | "NuSVC") {
            let classes = length(svm, "classes_")?.unwrap_or(0);
            let found = counts.len();
            ensure!(
                classes >= 2 && classes == found,
                "has {classes} classes and {found} numbers in _n_support"
            );
            let total = counts.iter().fold(0, |total: i64, count| total.saturating_add(*count));
            ensure!(
                usize::try_from(total) == Ok(vectors),
                "has {vectors} support vectors and {total} in _n_support"
            );
        } else {
            let first = counts.first().copied().unwrap_or(-1);
            // Of a sparse machine these numbers are not used, and old releases write others.
            let is_sparse = svm.get_attr("_sparse")?.is_some_and(|flag| flag.as_bool().unwrap_or(false));
            let fits = counts.len() == 2 && (is_sparse || usize::try_from(first) == Ok(vectors));
            ensure!(fits, "has {vectors} support vectors and {counts} in _n_support");
        }
        let classes = counts.len();
        let pairs = classes.saturating_mul(classes.saturating_sub(1)) / 2;
        Ok(Self { vectors, classes, pairs })
    }
}

/// The vectors are rows of what the machine was fitted to. With a kernel whose values are given, they are not kept,
/// and their rows are looked up.
fn check_vectors(svm: Object<'_>, machine: &Machine) -> Check {
    let fitted = svm.attr("shape_fit_")?;
    let (rows, columns) = (fitted.index(0)?.as_i64()?, fitted.index(1)?.as_i64()?);
    for row in integers(&svm.attr("support_")?.ndarray()?)? {
        ensure!((0..rows).contains(&row), "has row {row} as a support vector, where there are {rows}");
    }
    let found = shape(svm, "support_vectors_")?.unwrap_or_default();
    let is_sparse = check_storage(svm)?;
    let kernel = match svm.attr("kernel")?.value()? {
        Value::Str(name) => Some(name.into_owned()),
        Value::Function(_)
        | Value::Partial { .. }
        | Value::Method { .. }
        | Value::Instance(_)
        | Value::Type(_) => None,
        other => refuse!("has a kernel that is {}", other.kind()),
    };
    let kernel = kernel.as_deref();
    // scikit-learn fits no others to a sparse matrix, and libsvm would follow `_n_support` through none.
    let is_own = matches!(kernel, Some("linear" | "poly" | "rbf" | "sigmoid"));
    ensure!(is_own || !is_sparse, "has sparse support_vectors_ and a kernel that is not computed from them");
    match kernel {
        Some("linear" | "poly" | "rbf" | "sigmoid") => {
            let features = features(svm)?;
            let expected = [machine.vectors, features];
            ensure!(found == expected, "has support_vectors_ of shape {found:?}, where {expected:?} belong");
            ensure!(
                usize::try_from(columns) == Ok(features),
                "has {features} features and was fitted to {columns}"
            );
        }
        Some("precomputed") => {
            let features = features(svm)?;
            ensure!(found.contains(&0), "has support_vectors_ of shape {found:?} and a precomputed kernel");
            ensure!(
                usize::try_from(rows) == Ok(features),
                "has {features} features and was fitted to {rows} rows"
            );
        }
        Some(_) => refuse!("has a kernel that scikit-learn does not have"),
        // A function gives the values; the rows that it was fitted to are kept beside.
        None => {
            ensure!(
                found.contains(&0),
                "has support_vectors_ of shape {found:?} and a kernel that is a function"
            );
            let kept = shape(svm, "_BaseLibSVM__Xfit")?.and_then(|shape| shape.first().copied());
            let fits = kept.is_some_and(|kept| usize::try_from(rows) == Ok(kept));
            ensure!(fits, "has not kept the {rows} rows that it was fitted to");
        }
    }
    Ok(())
}

/// Whether the machine is sparse, by which it is said which of two libraries gets its arrays: they must be of that kind.
fn check_storage(svm: Object<'_>) -> Check<bool> {
    let Value::Bool(is_sparse) = svm.attr("_sparse")?.value()? else {
        refuse!("has _sparse, which is no bool");
    };
    for name in ["support_vectors_", "_dual_coef_"] {
        let is_stored_so = match svm.attr(name)?.value()? {
            Value::Sparse(matrix) => {
                let format = matrix.format();
                ensure!(format == SparseFormat::Csr, "has {name} in the format {}", format.as_str());
                is_sparse
            }
            Value::Array(_) => !is_sparse,
            _ => false,
        };
        ensure!(is_stored_so, "has {name} stored otherwise than _sparse = {is_sparse} says");
    }
    Ok(is_sparse)
}

/// One row of coefficients less than classes; an intercept, and a pair of probabilities, for each pair of classes.
fn check_coefficients(svm: Object<'_>, machine: &Machine) -> Check {
    let rows = machine.classes.saturating_sub(1);
    let expected = [rows, machine.vectors];
    for name in ["dual_coef_", "_dual_coef_"] {
        let Some(found) = shape(svm, name)? else { continue };
        ensure!(found == expected, "has {name} of shape {found:?}, where {expected:?} belong");
        if let Value::Sparse(matrix) = svm.attr(name)?.value()? {
            ensure!(
                matrix.format() == SparseFormat::Csr,
                "has {name} in the format {}",
                matrix.format().as_str()
            );
            // libsvm takes what is stored of a sparse matrix for all of it.
            let stored = matrix.data().len();
            let all = rows.saturating_mul(machine.vectors);
            ensure!(stored == all, "has {name} with {stored} of {all} numbers");
        } else {
            shape_as(svm, name, "<f8")?;
        }
    }
    ensure!(svm.get_attr("_dual_coef_")?.is_some(), "has no _dual_coef_");
    let intercepts = shape_as(svm, "_intercept_", "<f8")?;
    ensure!(
        intercepts == [machine.pairs],
        "has _intercept_ of {intercepts:?}, where {} belong",
        machine.pairs
    );
    for name in ["_probA", "_probB"] {
        if svm.get_attr(name)?.is_none() {
            continue;
        }
        let found = shape_as(svm, name, "<f8")?;
        let fits = found == [0] || found == [machine.pairs];
        ensure!(fits, "has {name} of shape {found:?}, where {} or none belong", machine.pairs);
    }
    let (a, b) = (length(svm, "_probA")?, length(svm, "_probB")?);
    ensure!(a == b, "has _probA and _probB of different lengths");
    Ok(())
}
