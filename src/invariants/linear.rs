//! Linear models: coefficients, intercepts, classes and features agree in number.

use super::facts::{length, shape, size};
use super::fault::{Check, ensure, refuse};
use crate::model::{Object, Value};

/// Any estimator with `coef_`.
pub(super) fn check(model: Object<'_>) -> Check {
    let Some(coefficients) = shape(model, "coef_")? else { return Ok(()) };
    let (rows, width) = match *coefficients.as_slice() {
        [width] => (1, width),
        [rows, width] => (rows, width),
        _ => refuse!("has coef_ of shape {coefficients:?}"),
    };
    if let Some(features) = size(model, "n_features_in_")? {
        ensure!(width == features, "has {features} features and coef_ of shape {coefficients:?}");
    }
    if let Some(classes) = length(model, "classes_")? {
        let agree = coefficients.len() == 1 || rows == classes || (rows == 1 && classes <= 2);
        ensure!(agree, "has {classes} classes and coef_ of shape {coefficients:?}");
    }
    check_intercept(model, rows)
}

/// An intercept is a number, or one for each row of the coefficients: numpy would stretch the predictions to others.
pub(super) fn check_intercept(model: Object<'_>, rows: usize) -> Check {
    if let Some(intercept) = model.get_attr("intercept_")?
        && let Value::Int(_) | Value::Float(_) = intercept.value()?
    {
        return Ok(());
    }
    let Some(found) = shape(model, "intercept_")? else { return Ok(()) };
    let fits = found.is_empty() || found == [1] || found == [rows];
    ensure!(fits, "has an intercept_ of shape {found:?} and {rows} rows of coef_");
    Ok(())
}
