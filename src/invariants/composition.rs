//! Estimators that hold estimators: what may stand as a step, and which methods are called by name.

use super::facts::{items, text};
use super::fault::{Check, ensure};
use crate::model::{Object, Value};
use crate::schema::Loader;

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

/// Objects of native code have one place each, where what is given to them has been checked before.
const PLACES: [(Loader, &str); 2] = [(Loader::Tree, "tree_"), (Loader::QuantileForest, "forest_")];

/// How deep in lists and dicts an instance has its parts.
const MOST_LEVELS: usize = 4;

/// Whatever can be asked to do something: a `Tree` in its list of estimators would be asked to predict, for samples of
/// any width.
pub(super) fn check_places(object: Object<'_>) -> Check {
    match object.node().loader() {
        // What a list by itself holds is the business of whoever looks into it.
        Loader::List | Loader::Tuple | Loader::Set | Loader::Dict | Loader::NdArray | Loader::Json => Ok(()),
        Loader::Object => {
            let mut attributes = object.attrs()?;
            attributes.try_for_each(|(name, attribute)| check_part(attribute, name))
        }
        _ => object.parts().into_iter().try_for_each(|part| check_part(part, "")),
    }
}

/// A part of an instance, with what is in it if it is a container.
fn check_part(part: Object<'_>, name: &str) -> Check {
    let mut left = vec![(part, 0_usize)];
    while let Some((part, level)) = left.pop() {
        let loader = part.node().loader();
        if let Some((_, place)) = PLACES.iter().find(|(of, _)| *of == loader) {
            let is_there = level == 0 && name == *place;
            ensure!(is_there, "holds a {} elsewhere than as {place}", part.class_name());
        }
        if level < MOST_LEVELS && part.item_count().is_some() {
            left.extend(part.items()?.into_iter().map(|item| (item, level.saturating_add(1))));
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
