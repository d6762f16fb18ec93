//! The trees of `HistGradientBoosting*`, and what the estimators look up for them.

use super::facts::{below, items, length, shape, size};
use super::fault::{Check, Fault, ensure};
use super::tree::{Walk, check_flags};
use crate::model::Object;
use crate::npy::NdArray;

/// Words of a bitset with a bit for each of 256 categories.
const BITSET_WORDS: usize = 8;

/// `sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor`.
pub(super) fn check(predictor: Object<'_>) -> Check {
    let nodes = predictor.attr("nodes")?.ndarray()?;
    let count = nodes.len();
    ensure!(nodes.ndim() == 1 && count > 0, "has nodes of shape {:?}", nodes.shape());
    for flags in ["is_leaf", "is_categorical", "missing_go_to_left"] {
        check_flags(&nodes, flags)?;
    }
    let column = |name: &str| nodes.field(name)?.to_array1::<i64>();
    let (left, right, leaf) = (column("left")?, column("right")?, column("is_leaf")?);
    let mut walk = Walk::new(count);
    for (node, ((left, right), is_leaf)) in left.iter().zip(&right).zip(&leaf).enumerate() {
        if *is_leaf == 0 {
            walk.reach(node, *left)?;
            walk.reach(node, *right)?;
        }
    }
    walk.end()?;
    let features = column("feature_idx")?;
    let negative = features.iter().zip(&leaf).position(|(feature, leaf)| *leaf == 0 && *feature < 0);
    ensure!(negative.is_none(), "has node {} with a negative feature", negative.unwrap_or_default());
    check_bitsets(predictor, &nodes)
}

/// Which categories go left is looked up in two tables.
fn check_bitsets(predictor: Object<'_>, nodes: &NdArray) -> Check {
    // Files of scikit-learn before 0.24 have no categories.
    let Ok(index) = nodes.field("bitset_idx") else { return Ok(()) };
    let mut rows = usize::MAX;
    for name in ["binned_left_cat_bitsets", "raw_left_cat_bitsets"] {
        let shape = shape(predictor, name)?.unwrap_or_default();
        ensure!(matches!(shape.as_slice(), [_, BITSET_WORDS]), "has {name} of shape {shape:?}");
        rows = rows.min(shape.first().copied().unwrap_or(0));
    }
    let categorical = nodes.field("is_categorical")?.to_array1::<i64>()?;
    let outside = index
        .integers()
        .zip(&categorical)
        .position(|(index, is_categorical)| *is_categorical == 1 && !below(index, rows));
    ensure!(outside.is_none(), "has node {} with a bitset that is not there", outside.unwrap_or_default());
    Ok(())
}

/// `HistGradientBoostingClassifier` and `HistGradientBoostingRegressor`: the features of their trees.
pub(super) fn check_estimator(estimator: Object<'_>) -> Check {
    let iterations = items(estimator, "_predictors")?;
    if iterations.is_empty() {
        return Ok(());
    }
    let mapper = estimator.attr("_bin_mapper")?;
    let features = size(estimator, "_n_features")?.or(size(estimator, "n_features_in_")?);
    let Some(features) = features else {
        return Err(Fault::Broken("has no n_features_in_".to_owned()));
    };
    let binned = length(mapper, "bin_thresholds_")?.unwrap_or(features);
    ensure!(binned == features, "has {features} features and bins for {binned}");

    let categorical = match mapper.get_attr("is_categorical_")? {
        Some(flags) if flags.array_info().is_some() => flags.ndarray()?.integers().collect::<Vec<_>>(),
        _ => vec![0; features],
    };
    ensure!(
        categorical.len() == features,
        "has {features} features and is_categorical_ for {}",
        categorical.len()
    );
    let trees = size(estimator, "n_trees_per_iteration_")?;
    for (iteration, predictors) in iterations.iter().enumerate() {
        let predictors = predictors.items()?;
        let (count, trees) = (predictors.len(), trees.unwrap_or(predictors.len()));
        ensure!(count == trees, "has {count} trees in iteration {iteration}, where {trees} belong");
        for (tree, predictor) in predictors.iter().enumerate() {
            check_features(predictor, &categorical).map_err(|fault| within(fault, iteration, tree))?;
        }
    }
    Ok(())
}

fn within(fault: Fault, iteration: usize, tree: usize) -> Fault {
    match fault {
        Fault::Broken(text) => Fault::Broken(format!("has _predictors[{iteration}][{tree}], which {text}")),
        unreadable @ Fault::Unreadable(_) => unreadable,
    }
}

/// The features of a tree must be the estimator's, and only categorical ones may be split by category.
fn check_features(predictor: &Object<'_>, categorical: &[i64]) -> Check {
    let nodes = predictor.attr("nodes")?.ndarray()?;
    let leaf = nodes.field("is_leaf")?.to_array1::<i64>()?;
    let by_category = match nodes.field("is_categorical") {
        Ok(field) => field.integers().collect(),
        Err(_) => vec![0; nodes.len()],
    };
    let features = nodes.field("feature_idx")?;
    for (node, ((feature, leaf), by_category)) in features.integers().zip(&leaf).zip(by_category).enumerate()
    {
        let kind = usize::try_from(feature).ok().and_then(|feature| categorical.get(feature));
        if *leaf == 0 {
            ensure!(
                kind.is_some(),
                "has node {node} with the feature {feature}, where there are {}",
                categorical.len()
            );
            ensure!(
                by_category == 0 || kind == Some(&1),
                "has node {node} that splits feature {feature} by category, which has none"
            );
        }
    }
    Ok(())
}
