//! Linear models: coefficients, intercepts, classes and features agree in number.

use super::facts::{length, shape, size};
use super::fault::{Check, ensure};
use crate::model::Object;

/// Any estimator with `coef_`.
pub(super) fn check(model: Object<'_>) -> Check {
    let Some(coefficients) = shape(model, "coef_")? else { return Ok(()) };
    if let Some((features, width)) = size(model, "n_features_in_")?.zip(coefficients.last()) {
        ensure!(*width == features, "has {features} features and coef_ of shape {coefficients:?}");
    }
    let rows = match coefficients.as_slice() {
        [rows, _] => Some(*rows),
        _ => None,
    };
    if let Some((rows, classes)) = rows.zip(length(model, "classes_")?) {
        let agree = rows == classes || (rows == 1 && classes <= 2);
        ensure!(agree, "has {classes} classes and coef_ of shape {coefficients:?}");
    }
    if let Some((rows, intercepts)) = rows.zip(length(model, "intercept_")?) {
        ensure!(
            intercepts == rows || intercepts == 1,
            "has {intercepts} intercepts and coef_ of shape {coefficients:?}"
        );
    }
    Ok(())
}
