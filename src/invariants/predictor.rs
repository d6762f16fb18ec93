//! The trees of `HistGradientBoosting*`, and what the estimators look up for them.

use super::facts::{below, check_fields, features, integers, items, length, list, shape_as, size, text};
use super::fault::{Check, Fault, ensure, refuse};
use super::tree::{Walk, check_flags};
use crate::model::{Object, Value};
use crate::npy::NdArray;

/// Words of a bitset with a bit for each of 256 categories.
const BITSET_WORDS: usize = 8;

/// The fields of a node; the feature's index is wider since scikit-learn 1.3.
const fn fields(feature: &str) -> [(&str, &str); 13] {
    [
        ("value", "<f8"),
        ("count", "<u4"),
        ("feature_idx", feature),
        ("num_threshold", "<f8"),
        ("missing_go_to_left", "|u1"),
        ("left", "<u4"),
        ("right", "<u4"),
        ("gain", "<f8"),
        ("depth", "<u4"),
        ("is_leaf", "|u1"),
        ("bin_threshold", "|u1"),
        ("is_categorical", "|u1"),
        ("bitset_idx", "<u4"),
    ]
}

/// `sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor`.
pub(super) fn check(predictor: Object<'_>) -> Check {
    let nodes = predictor.attr("nodes")?.ndarray()?;
    check_fields(&nodes, &[&fields("<i8"), &fields("<u4")])?;
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
    for (node, (feature, is_leaf)) in column("feature_idx")?.iter().zip(&leaf).enumerate() {
        ensure!(*is_leaf == 1 || *feature >= 0, "has node {node} with the feature {feature}");
    }
    check_bitsets(predictor, &nodes)
}

/// Which categories go left is looked up in two tables.
fn check_bitsets(predictor: Object<'_>, nodes: &NdArray) -> Check {
    let mut rows = usize::MAX;
    for name in ["binned_left_cat_bitsets", "raw_left_cat_bitsets"] {
        let shape = shape_as(predictor, name, "<u4")?;
        let [count, BITSET_WORDS] = *shape.as_slice() else {
            refuse!("has {name} of shape {shape:?}");
        };
        rows = rows.min(count);
    }
    let by_category = nodes.field("is_categorical")?;
    let (index, leaf) = (nodes.field("bitset_idx")?, nodes.field("is_leaf")?);
    let split = integers(&by_category)?
        .zip(integers(&leaf)?)
        .map(|(categorical, leaf)| categorical == 1 && leaf == 0);
    for (node, (index, splits)) in integers(&index)?.zip(split).enumerate() {
        ensure!(
            !splits || below(index, rows),
            "has node {node} with the bitset {index}, where there are {rows}"
        );
    }
    Ok(())
}

/// `HistGradientBoostingClassifier` and `HistGradientBoostingRegressor`: the features of their trees.
pub(super) fn check_estimator(estimator: Object<'_>) -> Check {
    let iterations = items(estimator, "_predictors")?;
    if iterations.is_empty() {
        return Ok(());
    }
    ensure!(
        estimator.get_attr("_in_fit")?.is_none(),
        "is being fitted, so that samples would not be checked"
    );
    let features = features(estimator)?;
    let own = size(estimator, "_n_features")?.unwrap_or(features);
    ensure!(own == features, "has n_features_in_ = {features} and _n_features = {own}");
    let mapper = estimator.attr("_bin_mapper")?;
    let binned = length(mapper, "bin_thresholds_")?.unwrap_or(0);
    ensure!(binned == features, "has {features} features and bins for {binned}");
    let shape = shape_as(mapper, "is_categorical_", "|u1")?;
    ensure!(shape == [features], "has {features} features and is_categorical_ of {shape:?}");
    let categorical: Vec<_> = integers(&mapper.attr("is_categorical_")?.ndarray()?)?.collect();
    check_preprocessor(estimator, features)?;
    let trees = size(estimator, "n_trees_per_iteration_")?;
    for (iteration, predictors) in iterations.iter().enumerate() {
        let predictors = list(*predictors, "_predictors")?;
        let (count, trees) = (predictors.len(), trees.unwrap_or(predictors.len()));
        ensure!(count == trees, "has {count} trees in iteration {iteration}, where {trees} belong");
        for (tree, predictor) in predictors.into_iter().enumerate() {
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
fn check_features(predictor: Object<'_>, categorical: &[i64]) -> Check {
    let is_predictor = predictor.class_name() == "TreePredictor";
    ensure!(is_predictor, "is a {} and no TreePredictor", predictor.class_name());
    let nodes = predictor.attr("nodes")?.ndarray()?;
    let (leaf, by_category) = (nodes.field("is_leaf")?, nodes.field("is_categorical")?);
    let features = nodes.field("feature_idx")?;
    let splits = integers(&features)?.zip(integers(&leaf)?).zip(integers(&by_category)?);
    for (node, ((feature, leaf), by_category)) in splits.enumerate() {
        if leaf != 0 {
            continue;
        }
        let kind = usize::try_from(feature).ok().and_then(|feature| categorical.get(feature));
        let count = categorical.len();
        ensure!(kind.is_some(), "has node {node} with the feature {feature}, where there are {count}");
        let fits = by_category == 0 || kind.is_some_and(|kind| *kind != 0);
        ensure!(fits, "has node {node} that splits feature {feature} by category, which has none");
    }
    Ok(())
}

/// Since scikit-learn 1.4, categories are encoded before the trees see a sample, which must keep its width: each
/// feature goes through exactly one of the transformers.
fn check_preprocessor(estimator: Object<'_>, features: usize) -> Check {
    let preprocessor = estimator.get_attr("_preprocessor")?.filter(|preprocessor| !preprocessor.is_none());
    let Some(preprocessor) = preprocessor else { return Ok(()) };
    let class = preprocessor.type_name();
    let is_own = class == "sklearn.compose._column_transformer.ColumnTransformer";
    ensure!(is_own, "has a _preprocessor that is a {class}");
    let weights = preprocessor.get_attr("transformer_weights")?.filter(|weights| !weights.is_none());
    ensure!(weights.is_none(), "has a _preprocessor with weights");
    let takes = super::facts::features(preprocessor)?;
    ensure!(takes == features, "has {features} features and a _preprocessor for {takes}");
    let mut times = Vec::new();
    for (index, transformer) in items(preprocessor, "transformers_")?.into_iter().enumerate() {
        let step = transformer.index(1)?;
        if text(step).as_deref() == Some("drop") {
            continue;
        }
        let class = step.class_name();
        ensure!(
            keeps_width(step)?,
            "has the _preprocessor.transformers_[{index}], a {class} that it does not make"
        );

        let Value::Array(mask) = transformer.index(2)?.value()? else {
            refuse!("has the _preprocessor.transformers_[{index}] of no mask");
        };
        ensure!(mask.shape() == [features], "has the _preprocessor.transformers_[{index}] of another width");
        let mask = mask.to_vec::<bool>()?;
        // No sooner, because the number of features is only what the file says, and the mask is really there.
        #[expect(clippy::disallowed_methods, reason = "as many as the mask has")]
        times.resize(mask.len(), 0_usize);
        times
            .iter_mut()
            .zip(mask)
            .for_each(|(times, is_in)| *times = times.saturating_add(usize::from(is_in)));
    }
    let once = times.len() == features && times.iter().all(|times| *times == 1);
    ensure!(once, "has a _preprocessor that does not take each feature once");
    Ok(())
}

/// An encoder makes a column of each; a function is the one that scikit-learn puts there, which only converts.
fn keeps_width(transformer: Object<'_>) -> Check<bool> {
    if transformer.class_name() == "OrdinalEncoder" {
        return Ok(true);
    }
    let Some(function) = transformer.get_attr("func")? else { return Ok(false) };
    let function = match function.value()? {
        Value::Partial { func, args, keywords, .. } => {
            let known = ["dtype", "ensure_all_finite", "force_all_finite"];
            if args.item_count() != Some(0)
                || !keywords.as_dict()?.iter().all(|(key, _)| known.contains(&key.text()))
            {
                return Ok(false);
            }
            func
        }
        _ => function,
    };
    Ok(transformer.class_name() == "FunctionTransformer"
        && matches!(function.value()?, Value::Function(name) if name == "sklearn.utils.validation.check_array"))
}
