//! Estimators that hold trees: scikit-learn compares a sample with the estimator, and lets each tree look it up.

use super::facts::{below, features, int, integers, items, length, shape, shape_of, size};
use super::fault::{Check, ensure, refuse};
use super::start::{self, Wanted};
use super::tree::Size;
use crate::model::{Object, Value};
use crate::schema::Loader;

/// The classes of trees in `sklearn.tree._classes`.
const TREES: [&str; 4] =
    ["DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"];

/// `DecisionTree*` and `ExtraTree*`: the tree is made for what the estimator says. One without a tree is not fitted.
pub(super) fn check_tree(estimator: Object<'_>) -> Check {
    let Some(tree) = estimator.get_attr("tree_")? else { return Ok(()) };
    ensure!(tree.node().loader() == Loader::Tree, "has {tree:?}, which is no Tree");
    let made_for = Size::of(tree)?;
    let features = features(estimator)?;
    ensure!(features == made_for.features, "has {features} features and a tree for {}", made_for.features);
    // With several outputs there are as many numbers of classes.
    let classes = if made_for.outputs > 1 { None } else { Some(("n_classes_", made_for.most_classes)) };
    for (name, made_for) in [Some(("n_outputs_", made_for.outputs)), classes].into_iter().flatten() {
        if let Some(stated) = int(estimator, name)? {
            ensure!(
                usize::try_from(stated) == Ok(made_for),
                "has {name} = {stated} and a tree for {made_for}"
            );
        }
    }
    if let Some(classes) = length(estimator, "classes_")?.filter(|_| made_for.outputs == 1) {
        let made_for = made_for.most_classes;
        ensure!(classes == made_for, "has {classes} classes and a tree for {made_for}");
    }
    Ok(())
}

/// Forests and `IsolationForest`: each tree takes the features that it is given.
pub(super) fn check_forest(forest: Object<'_>) -> Check {
    let members = items(forest, "estimators_")?;
    if members.is_empty() {
        return Ok(());
    }
    let features = features(forest)?;
    let subsets = items(forest, "estimators_features_")?;
    for (index, member) in members.into_iter().enumerate() {
        let given = match subsets.get(index) {
            Some(subset) => check_subset(*subset, index, features)?,
            None => features,
        };
        check_member(member, index, given)?;
    }
    Ok(())
}

/// The features that a member is given, and how many. When the forest says that it has them all, the member is given
/// the sample as it is: so they cannot be more.
fn check_subset(subset: Object<'_>, index: usize, features: usize) -> Check<usize> {
    let subset = subset.ndarray()?;
    let [given] = *subset.shape() else {
        refuse!("gives estimators_[{index}] features of shape {:?}", subset.shape());
    };
    ensure!(given <= features, "gives estimators_[{index}] {given} features of {features}");
    for feature in integers(&subset)? {
        ensure!(below(feature, features), "gives estimators_[{index}] the feature {feature} of {features}");
    }
    Ok(given)
}

/// A tree of an ensemble, which is given so many features.
fn check_member(member: Object<'_>, index: usize, given: usize) -> Check {
    // What stands there by another name could have a `tree_` that nobody has compared with it.
    let declared = member.node().declared();
    let is_tree = declared.module == "sklearn.tree._classes" && TREES.contains(&declared.class);
    ensure!(is_tree, "has estimators_[{index}], which is a {} and no tree", member.class_name());
    ensure!(member.get_attr("tree_")?.is_some(), "has estimators_[{index}], which is not fitted");
    let takes = features(member)?;
    ensure!(takes == given, "gives {given} features to estimators_[{index}], which takes {takes}");
    Ok(())
}

/// `GradientBoosting*`: `predict_stages` follows the trees of each stage without looking, and adds each to its column
/// of the predictions.
pub(super) fn check_boosting(ensemble: Object<'_>) -> Check {
    let Some(estimators) = ensemble.get_attr("estimators_")? else { return Ok(()) };
    let Value::ObjectArray(stages) = estimators.value()? else {
        refuse!("has estimators_ that are no array of trees");
    };
    let [count, columns] = *stages.shape() else {
        refuse!("has estimators_ of shape {:?}", stages.shape());
    };
    ensure!(count > 0, "has no stages");
    let features = features(ensemble)?;
    for (index, member) in stages.flat().into_iter().enumerate() {
        check_member(member, index, features)?;
        let made_for = Size::of(member.attr("tree_")?)?;
        let is_regressor = (made_for.outputs, made_for.most_classes) == (1, 1);
        ensure!(is_regressor, "has estimators_[{index}], which does not predict one number");
    }
    check_columns(ensemble, columns)
}

/// The predictions have as many columns as there are classes, or one. Where they come from depends on the release.
fn check_columns(ensemble: Object<'_>, columns: usize) -> Check {
    start::check_kind(ensemble)?;
    let classes = length(ensemble, "classes_")?;
    let is_classifier = ensemble.class_name().ends_with("Classifier");
    let expected = match classes {
        Some(classes) if is_classifier && classes > 2 => classes,
        _ => 1,
    };
    ensure!(
        !is_classifier || classes.is_some_and(|classes| classes >= 2),
        "is a classifier without two classes"
    );
    ensure!(columns == expected, "has {columns} trees a stage, where {expected} belong");
    if let Some(stated) = size(ensemble, "n_trees_per_iteration_")? {
        ensure!(stated == columns, "has {columns} trees a stage and n_trees_per_iteration_ = {stated}");
    }
    check_loss(ensemble, columns, is_classifier)?;
    let wanted = match classes {
        Some(classes) if is_classifier => Wanted::Classes(classes),
        _ => Wanted::Number,
    };
    ensemble.get_attr("init_")?.map_or(Ok(()), |start| start::check(start, wanted))
}

/// The losses of regression, of two classes and of more, up to scikit-learn 1.3 and since.
const LOSSES: [(&str, [&[&str]; 3]); 2] = [
    (
        "sklearn.ensemble._gb_losses",
        [
            &["LeastSquaresError", "LeastAbsoluteError", "HuberLossFunction", "QuantileLossFunction"],
            &["BinomialDeviance", "ExponentialLoss"],
            &["MultinomialDeviance"],
        ],
    ),
    (
        "sklearn._loss.loss",
        [
            &["HalfSquaredError", "AbsoluteError", "HuberLoss", "PinballLoss"],
            &["HalfBinomialLoss", "ExponentialLoss"],
            &["HalfMultinomialLoss"],
        ],
    ),
];

/// The loss says how many columns the predictions have: by `K` up to scikit-learn 1.3, then by its class.
fn check_loss(ensemble: Object<'_>, columns: usize, is_classifier: bool) -> Check {
    let Some(loss) = ensemble.get_attr("_loss")?.filter(|loss| !loss.is_none()) else { return Ok(()) };
    let (declared, name) = (loss.node().declared(), loss.class_name());
    let kind = if columns > 1 { 2 } else { usize::from(is_classifier) };
    let losses = LOSSES.iter().find(|(module, _)| *module == declared.module);
    let fits = losses.and_then(|(_, kinds)| kinds.get(kind)).is_some_and(|names| names.contains(&name));
    ensure!(
        fits && loss.node().loader() == Loader::Object,
        "has {columns} trees a stage and the loss {}, which is none of its own",
        loss.type_name()
    );
    let stated = size(loss, "K")?.unwrap_or(columns);
    ensure!(stated == columns, "has {columns} trees a stage and _loss.K = {stated}");
    if declared.module == "sklearn.ensemble._gb_losses" {
        return Ok(());
    }
    if columns > 1 {
        let classes = size(loss, "n_classes")?;
        ensure!(classes == Some(columns), "has {columns} trees a stage and a {name} of other classes");
    }
    let Some(link) = loss.get_attr("link")? else { return Ok(()) };
    let name = link.class_name();
    let links: &[&str] = if columns > 1 {
        &["MultinomialLogit"]
    } else {
        &["IdentityLink", "LogLink", "LogitLink", "HalfLogitLink"]
    };
    let is_own = link.node().declared().module == "sklearn._loss.link" && links.contains(&name);
    ensure!(is_own && link.attrs()?.next().is_none(), "has {columns} trees a stage and the link {name}");
    Ok(())
}

/// The trees of a quantile forest: their leaves are what the forest has lists for.
pub(super) fn check_quantile_forest(estimator: Object<'_>) -> Check {
    check_forest(estimator)?;
    let Some(forest) = estimator.get_attr("forest_")? else { return Ok(()) };
    ensure!(forest.node().loader() == Loader::QuantileForest, "has {forest:?}, which is no QuantileForest");
    let Value::QuantileForest(instance) = forest.value()? else { return Ok(()) };
    let Some(args) = instance.args() else { return Ok(()) };
    let leaves = shape_of(args.index(1)?).unwrap_or_default();
    let trees = items(estimator, "estimators_")?;
    let [count, nodes, outputs, _] = *leaves.as_slice() else { refuse!("has leaves of shape {leaves:?}") };
    ensure!(count == trees.len(), "has {} trees and leaves of {count}", trees.len());
    for (index, tree) in trees.into_iter().enumerate() {
        let tree = tree.attr("tree_")?;
        let size = size(tree, "node_count")?.unwrap_or(usize::MAX);
        ensure!(size <= nodes, "has estimators_[{index}] of {size} nodes, and leaves for {nodes}");
        let made_for = Size::of(tree)?.outputs;
        ensure!(
            made_for == outputs,
            "has estimators_[{index}] of {made_for} outputs, and leaves for {outputs}"
        );
    }
    if let Some(sorter) = shape(estimator, "sorter_")? {
        let samples = shape_of(args.index(0)?).and_then(|shape| shape.last().copied()).unwrap_or(0);
        ensure!(sorter == [samples, outputs], "has a sorter_ of {sorter:?} for {samples} samples");
        for sample in integers(&estimator.attr("sorter_")?.ndarray()?)? {
            ensure!(below(sample, samples), "has the sample {sample} in sorter_, where there are {samples}");
        }
    }
    Ok(())
}
