//! Estimators that hold estimators: what may stand as a step, and which methods are called by name.

use super::facts::{items, text};
use super::fault::{Check, ensure};
use crate::model::{Object, Value};

/// The lists of steps that estimators have: the attribute, where in each item the step is, and which words may stand
/// for none.
const STEPS: [(&str, usize, &[&str]); 5] = [
    ("steps", 1, &["passthrough"]),
    ("transformer_list", 1, &["drop", "passthrough"]),
    ("transformers", 1, &["drop", "passthrough"]),
    ("transformers_", 1, &["drop", "passthrough"]),
    ("estimators", 1, &["drop"]),
];

/// `Pipeline`, `FeatureUnion`, `ColumnTransformer`, `Voting*` and `Stacking*`.
pub(super) fn check_steps(estimator: Object<'_>) -> Check {
    for (attribute, position, words) in STEPS {
        for (index, step) in items(estimator, attribute)?.into_iter().enumerate() {
            let part = step.index(position)?;
            let is_step = match part.value()? {
                // An estimator that is pickled in a way of its own is called with arguments.
                Value::Instance(_) | Value::None => true,
                Value::Str(word) => words.contains(&word.as_ref()),
                _ => false,
            };
            ensure!(is_step, "has {attribute}[{index}], whose step is {part:?} and no estimator");
        }
    }
    Ok(())
}

/// Where a model names a method that scikit-learn then looks up and calls, and what scikit-learn puts there.
const METHODS: [(&str, &[&str]); 6] = [
    ("stack_method_", &["predict_proba", "decision_function", "predict"]),
    ("stack_method", &["auto", "predict_proba", "decision_function", "predict"]),
    ("response_method", &["auto", "predict_proba", "decision_function"]),
    ("chain_method", &["predict", "predict_proba", "predict_log_proba", "decision_function"]),
    ("chain_method_", &["predict", "predict_proba", "predict_log_proba", "decision_function"]),
    ("_response_method", &["default", "predict", "predict_proba", "decision_function"]),
];

/// `Stacking*`, `FixedThresholdClassifier`, `TunedThresholdClassifierCV`, `ClassifierChain`, scorers.
pub(super) fn check_methods(estimator: Object<'_>) -> Check {
    for (attribute, legal) in METHODS {
        let Some(value) = estimator.get_attr(attribute)? else { continue };
        let names = if value.item_count().is_some() { value.items()? } else { vec![value] };
        for (index, name) in names.into_iter().enumerate() {
            if name.is_none() {
                continue;
            }
            let is_legal = text(name).is_some_and(|name| legal.contains(&name.as_str()));
            let found =
                text(name).map_or_else(|| format!("{name:?}"), |text| crate::text::shown(&text).to_string());
            ensure!(
                is_legal,
                "has {attribute}[{index}] = '{found}', where scikit-learn has one of {}",
                legal.join(", ")
            );
        }
    }
    Ok(())
}
