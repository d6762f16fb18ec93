//! What the predictions of `GradientBoosting*` start from. The trees are added to them in place, a row for each sample and
//! a column for each class, and nobody counts either. So a start is one of the classes here, each of which is looked at
//! for all that says how many rows and columns it predicts; another could predict anything.
//!
//! Source: `sklearn/ensemble/_gb.py`, and `predict` or `predict_proba` of each class.

use super::facts::{array_shape, items, size, text};
use super::fault::{Check, ensure, refuse};
use super::linear;
use super::tree::Size;
use crate::model::{Object, Value};
use crate::schema::Loader;

/// What a start is asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// `predict`: a number for each sample.
    Number,
    /// `predict_proba`: a column for each of so many classes.
    Classes(usize),
}

/// Estimators within estimators that are looked through.
const MOST_WRAPPERS: usize = 8;

/// Up to scikit-learn 1.5, an attribute of this name says whether an estimator is a classifier. No instance has one of its
/// own.
pub(super) fn check_kind(estimator: Object<'_>) -> Check {
    let has_own = estimator.get_attr("_estimator_type")?.is_some();
    ensure!(!has_own, "has a {} with an _estimator_type of its own", estimator.class_name());
    Ok(())
}

/// Checks `init_`.
pub(super) fn check(start: Object<'_>, wanted: Wanted) -> Check {
    if text(start).as_deref() == Some("zero") {
        return Ok(());
    }
    let mut start = start;
    for _ in 0..MOST_WRAPPERS {
        match wrapped(start)? {
            Some(inner) => start = inner,
            None => return check_estimator(start, wanted),
        }
    }
    refuse!("starts from more than {MOST_WRAPPERS} estimators within each other")
}

/// The module and name of an instance's class, which must be its own: by an alias it would get past the checks.
fn class(object: Object<'_>) -> Option<(&str, &str)> {
    let declared = object.node().declared();
    (object.node().loader() == Loader::Object).then_some((declared.module, declared.class))
}

/// What a search or a pipeline asks for the predictions.
fn wrapped(start: Object<'_>) -> Check<Option<Object<'_>>> {
    match class(start) {
        Some(("sklearn.model_selection._search", "GridSearchCV" | "RandomizedSearchCV")) => {
            Ok(Some(start.attr("best_estimator_")?))
        }
        Some(("sklearn.pipeline", "Pipeline")) => {
            let steps = items(start, "steps")?;
            let Some((last, before)) = steps.split_last() else {
                refuse!("starts from a Pipeline of no steps")
            };
            for (index, step) in before.iter().enumerate() {
                check_scaler(step.index(1)?, index)?;
            }
            Ok(Some(last.index(1)?))
        }
        _ => Ok(None),
    }
}

/// A step before the last, which must leave as many rows: these compute in place.
fn check_scaler(step: Object<'_>, index: usize) -> Check {
    if step.is_none() || text(step).as_deref() == Some("passthrough") {
        return Ok(());
    }
    let known = ["StandardScaler", "MinMaxScaler", "MaxAbsScaler"];
    let is_scaler =
        matches!(class(step), Some(("sklearn.preprocessing._data", class)) if known.contains(&class));
    let name = step.class_name();
    ensure!(
        is_scaler,
        "starts from a Pipeline whose steps[{index}] is a {name}, where only {} are known to keep all rows",
        known.join(", ")
    );
    for name in ["mean_", "scale_", "min_"] {
        if step.get_attr(name)?.is_some_and(|array| !array.is_none()) {
            array_shape(step, name)?;
        }
    }
    Ok(())
}

/// A start that predicts by itself.
fn check_estimator(start: Object<'_>, wanted: Wanted) -> Check {
    check_kind(start)?;
    let name = start.class_name();
    match (class(start), wanted) {
        (Some(("sklearn.dummy", "DummyRegressor")), Wanted::Number) => {
            check_number(start, "n_outputs_", 1)?;
            let constant = array_shape(start, "constant_")?;
            ensure!(constant == [1, 1], "starts from a {name} with a constant_ of shape {constant:?}");
            Ok(())
        }
        (Some(("sklearn.dummy", "DummyClassifier")), Wanted::Classes(classes)) => {
            check_number(start, "n_outputs_", 1)?;
            check_number(start, "n_classes_", classes)?;
            check_classes(start, classes)?;
            let priors = array_shape(start, "class_prior_")?;
            ensure!(
                priors == [classes],
                "starts from a {name} with priors of {priors:?} for {classes} classes"
            );
            Ok(())
        }
        (Some(("sklearn.tree._classes", "DecisionTreeRegressor" | "ExtraTreeRegressor")), Wanted::Number) => {
            check_number(start, "n_outputs_", 1)?;
            let outputs = Size::of(start.attr("tree_")?)?.outputs;
            ensure!(outputs == 1, "starts from a {name} with a tree of {outputs} outputs");
            Ok(())
        }
        (
            Some(("sklearn.tree._classes", "DecisionTreeClassifier" | "ExtraTreeClassifier")),
            Wanted::Classes(classes),
        ) => {
            check_number(start, "n_outputs_", 1)?;
            check_number(start, "n_classes_", classes)?;
            check_classes(start, classes)?;
            let size = Size::of(start.attr("tree_")?)?;
            let fits = (size.outputs, size.most_classes) == (1, classes);
            ensure!(fits, "starts from a {name} with a tree that is not for its {classes} classes");
            Ok(())
        }
        // Forests add what their trees predict to an array of their own, in place.
        (
            Some(("sklearn.ensemble._forest", "RandomForestRegressor" | "ExtraTreesRegressor")),
            Wanted::Number,
        ) => check_number(start, "n_outputs_", 1),
        (
            Some(("sklearn.ensemble._forest", "RandomForestClassifier" | "ExtraTreesClassifier")),
            Wanted::Classes(classes),
        ) => {
            check_number(start, "n_classes_", classes)?;
            check_classes(start, classes)
        }
        (Some(("sklearn.calibration", "CalibratedClassifierCV")), Wanted::Classes(classes)) => {
            check_classes(start, classes)?;
            for part in items(start, "calibrated_classifiers_")? {
                let is_own = class(part) == Some(("sklearn.calibration", "_CalibratedClassifier"));
                ensure!(is_own, "starts from a {name} with a {}", part.class_name());
            }
            Ok(())
        }
        (
            Some(
                ("sklearn.linear_model._logistic", "LogisticRegression" | "LogisticRegressionCV")
                | ("sklearn.linear_model._stochastic_gradient", "SGDClassifier"),
            ),
            Wanted::Classes(classes),
        ) => {
            check_classes(start, classes)?;
            let coefficients = array_shape(start, "coef_")?;
            let rows = if classes == 2 { 1 } else { classes };
            let fits = matches!(coefficients.as_slice(), [found, _] if *found == rows);
            ensure!(fits, "starts from a {name} with coef_ of shape {coefficients:?} for {classes} classes");
            check_intercept(start, rows)
        }
        (
            Some(
                ("sklearn.linear_model._base", "LinearRegression")
                | ("sklearn.linear_model._ridge", "Ridge" | "RidgeCV")
                | ("sklearn.linear_model._coordinate_descent", "Lasso" | "ElasticNet")
                | ("sklearn.linear_model._huber", "HuberRegressor")
                | ("sklearn.linear_model._stochastic_gradient", "SGDRegressor"),
            ),
            Wanted::Number,
        ) => {
            let coefficients = array_shape(start, "coef_")?;
            let fits = matches!(coefficients.as_slice(), [_] | [1, _]);
            ensure!(fits, "starts from a {name} with coef_ of shape {coefficients:?}");
            check_intercept(start, 1)
        }
        (Some(("sklearn.svm._classes", "SVR" | "NuSVR")), Wanted::Number) => {
            // A function could give it other rows than there are samples.
            let is_named = text(start.attr("kernel")?).is_some();
            ensure!(is_named, "starts from a {name} with a kernel that is no text");
            Ok(())
        }
        (_, Wanted::Number) => {
            refuse!("starts from a {name}, of which it is not known how many numbers it predicts")
        }
        (_, Wanted::Classes(_)) => {
            refuse!("starts from a {name}, of which it is not known how many columns it predicts")
        }
    }
}

/// A number of outputs or classes, which must be there.
fn check_number(start: Object<'_>, attribute: &str, expected: usize) -> Check {
    let (name, found) = (start.class_name(), size(start, attribute)?);
    let Some(found) = found else { refuse!("starts from a {name} without {attribute}") };
    ensure!(found == expected, "starts from a {name} with {attribute} = {found}, where {expected} belong");
    Ok(())
}

fn check_classes(start: Object<'_>, expected: usize) -> Check {
    let (name, found) = (start.class_name(), super::facts::shape(start, "classes_")?.unwrap_or_default());
    ensure!(
        found == [expected],
        "starts from a {name} with classes_ of shape {found:?}, where {expected} belong"
    );
    Ok(())
}

/// What is added to the products of the coefficients, by which there would be more rows or fewer.
fn check_intercept(start: Object<'_>, rows: usize) -> Check {
    let intercept = start.attr("intercept_")?;
    let name = start.class_name();
    let is_plain =
        matches!(intercept.value()?, Value::Int(_) | Value::Float(_) | Value::Scalar(_) | Value::Array(_));
    ensure!(is_plain, "starts from a {name} with an intercept_ that is {}", intercept.value()?.kind());
    linear::check_intercept(start, rows)
}
