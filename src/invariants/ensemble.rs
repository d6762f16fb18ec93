//! Ensembles of trees: scikit-learn checks a sample against the ensemble, and then lets each tree look it up.

use super::facts::{below, int, items, length, length_of, shape, size};
use super::fault::{Check, ensure};
use super::tree::Size;
use crate::model::{Object, Value};

/// `DecisionTree*` and `ExtraTree*`: the tree is made for what the estimator says.
pub(super) fn check_tree(estimator: Object<'_>) -> Check {
    let Some(tree) = estimator.get_attr("tree_")?.filter(|tree| tree.class_name() == "Tree") else {
        return Ok(());
    };
    let made_for = Size::of(tree)?;
    for (name, made_for) in [
        ("n_features_in_", made_for.features),
        ("n_outputs_", made_for.outputs),
        ("n_classes_", made_for.most_classes),
    ] {
        if let Some(stated) = int(estimator, name)? {
            ensure!(
                usize::try_from(stated) == Ok(made_for),
                "has {name} = {stated} and a tree for {made_for}"
            );
        }
    }
    Ok(())
}

/// Forests, `IsolationForest` and `GradientBoosting*`: each tree takes the features that it is given.
pub(super) fn check(ensemble: Object<'_>) -> Check {
    let Some(features) = size(ensemble, "n_features_in_")? else { return Ok(()) };
    let subsets = items(ensemble, "estimators_features_")?;
    for (index, member) in members(ensemble)?.into_iter().enumerate() {
        let given = match subsets.get(index) {
            Some(subset) => length_of(*subset).unwrap_or(0),
            None => features,
        };
        if let Some(takes) = int(member, "n_features_in_")? {
            ensure!(
                usize::try_from(takes) == Ok(given),
                "has {features} features, of which estimators_[{index}] takes {takes} and is given {given}"
            );
        }

        if let Some(subset) = subsets.get(index).filter(|subset| subset.array_info().is_some()) {
            for feature in subset.ndarray()?.integers() {
                ensure!(
                    below(feature, features),
                    "gives estimators_[{index}] the feature {feature} of {features}"
                );
            }
        }
    }
    check_stages(ensemble)
}

/// The estimators of an ensemble, in whatever list they are.
fn members(ensemble: Object<'_>) -> Check<Vec<Object<'_>>> {
    let Some(estimators) = ensemble.get_attr("estimators_")? else { return Ok(Vec::new()) };
    Ok(match estimators.value()? {
        Value::ObjectArray(array) => array.flat(),
        _ => estimators.items()?,
    })
}

/// `GradientBoosting*` adds each tree to one column of the predictions, of which there are as many as classes.
fn check_stages(ensemble: Object<'_>) -> Check {
    if !ensemble.class_name().starts_with("GradientBoosting") {
        return Ok(());
    }
    let Some([_, columns]) =
        shape(ensemble, "estimators_")?.and_then(|shape| <[usize; 2]>::try_from(shape).ok())
    else {
        return Ok(());
    };
    let expected = match length(ensemble, "classes_")? {
        Some(classes) if classes > 2 => classes,
        _ => 1,
    };
    ensure!(columns == expected, "has {columns} trees a stage, where {expected} belong");
    Ok(())
}
