//! Trees for finding neighbours, whose indices scikit-learn follows without looking, and the estimators that hold them.
//!
//! Source: `sklearn/neighbors/_binary_tree.pxi.tp`, whose `__getstate__` is the tuple read here.

use super::facts::{Place, Places, below, check_fields, features, integers, length_of, shape_of, size};
use super::fault::{Check, Fault, ensure, refuse};
use crate::model::{Object, Value};
use crate::npy::NdArray;

/// Where in the state things are.
const DATA: usize = 0;
const INDICES: usize = 1;
const NODES: usize = 2;
const BOUNDS: usize = 3;
const LEAF_SIZE: usize = 4;
const LEVELS: usize = 5;
const NODE_COUNT: usize = 6;
const METRIC: usize = 11;
const WEIGHTS: usize = 12;
const PARTS: usize = 13;

const FIELDS: [(&str, &str); 4] =
    [("idx_start", "<i8"), ("idx_end", "<i8"), ("is_leaf", "<i8"), ("radius", "<f8")];

/// The items of an instance's state, which is a tuple.
fn state(object: Object<'_>) -> Check<Vec<Object<'_>>> {
    let state = match object.value()? {
        Value::Instance(instance) => instance.state(),
        _ => None,
    };
    match state.map(|state| state.value()).transpose()? {
        Some(Value::Tuple(parts)) => Ok(parts.iter().collect()),
        _ => Err(Fault::Broken("has no state that is a tuple".to_owned())),
    }
}

/// `KDTree` and `BallTree`, and those for 32 and 64 bits.
pub(super) fn check(tree: Object<'_>) -> Check {
    let parts = state(tree)?;
    ensure!(parts.len() == PARTS, "has a state of {} parts, where {PARTS} belong", parts.len());
    let part = |at: usize| parts.get(at).copied().ok_or_else(|| Fault::Broken(format!("has no part {at}")));
    let points = shape_of(part(DATA)?).unwrap_or_default();
    let [count, dimensions] = *points.as_slice() else {
        refuse!("has points of shape {points:?}");
    };
    ensure!(count > 0 && dimensions > 0, "has no points");
    let nodes = usize::try_from(part(NODE_COUNT)?.as_i64()?).unwrap_or(0);
    let levels = part(LEVELS)?.as_i64()?;
    let full = u32::try_from(levels).ok().and_then(|levels| 1_usize.checked_shl(levels));
    let fits = full.and_then(|full| full.checked_sub(1)) == Some(nodes) && nodes > 0;
    ensure!(fits, "has {levels} levels and {nodes} nodes");
    ensure!(part(LEAF_SIZE)?.as_i64()? >= 1, "has a leaf_size below one");
    check_permutation(&part(INDICES)?.ndarray()?, count)?;
    check_nodes(&part(NODES)?.ndarray()?, nodes, count)?;
    let bounds = shape_of(part(BOUNDS)?).unwrap_or_default();
    let sides = if tree.class_name().starts_with("KD") { 2 } else { 1 };
    let expected = [sides, nodes, dimensions];
    ensure!(bounds == expected, "has bounds of shape {bounds:?}, where {expected:?} belong");
    let weights = part(WEIGHTS)?;
    ensure!(
        weights.is_none() || shape_of(weights) == Some(vec![count]),
        "has weights that are not one for each of {count} points"
    );
    check_metric(part(METRIC)?, dimensions)
}

fn check_permutation(indices: &NdArray, points: usize) -> Check {
    ensure!(indices.shape() == [points], "has indices of shape {:?} for {points} points", indices.shape());
    let mut places = Places::new(points);
    for index in integers(indices)? {
        let is_free = places.take(index) == Place::Free;
        ensure!(is_free, "has the index {index} twice, or where there are {points} points");
    }
    Ok(())
}

/// Each node covers a range of the indices; one that is no leaf has two nodes below it.
fn check_nodes(nodes: &NdArray, count: usize, points: usize) -> Check {
    ensure!(nodes.shape() == [count], "has nodes of shape {:?}, where {count} belong", nodes.shape());
    check_fields(nodes, &[&FIELDS])?;
    let column = |name: &str| nodes.field(name)?.to_array1::<i64>();
    let (start, end, leaf) = (column("idx_start")?, column("idx_end")?, column("is_leaf")?);
    for (node, ((start, end), leaf)) in start.iter().zip(&end).zip(&leaf).enumerate() {
        let is_range = *start >= 0 && start <= end && usize::try_from(*end).is_ok_and(|end| end <= points);
        ensure!(is_range, "has node {node} for the points {start} to {end}, where there are {points}");
        let has_children = node.saturating_mul(2).saturating_add(2) < count;
        ensure!(*leaf != 0 || has_children, "has node {node}, which is no leaf and has no nodes below it");
    }
    Ok(())
}

/// A metric's own arrays are as large as a point.
fn check_metric(metric: Object<'_>, dimensions: usize) -> Check {
    let module = metric.node().declared().module;
    let is_metric = module.ends_with("_dist_metrics") && metric.class_name().contains("Distance");
    ensure!(is_metric, "has {metric:?}, which is no metric");
    let parts = state(metric)?;
    let shape = |at: usize| parts.get(at).and_then(|part| shape_of(*part)).unwrap_or_default();
    let (vector, matrix) = (shape(1), shape(2));
    let name = metric.class_name().trim_end_matches(|last: char| last.is_ascii_digit());
    let fits = match name {
        "SEuclideanDistance" | "WMinkowskiDistance" => vector == [dimensions],
        // Without weights there are none.
        "MinkowskiDistance" => vector == [dimensions] || vector == [0],
        // Up to scikit-learn 1.2, which has no digits in these names, the vector is what is written to.
        "MahalanobisDistance" if name == metric.class_name() => {
            matrix == [dimensions, dimensions] && vector == [dimensions]
        }
        "MahalanobisDistance" => matrix == [dimensions, dimensions],
        "HaversineDistance" => dimensions == 2,
        // A function of the file's choice would be handed the memory of the tree.
        "PyFuncDistance" => false,
        _ => true,
    };
    ensure!(fits, "has a {name} of {vector:?} and {matrix:?} for {dimensions} dimensions");
    Ok(())
}

/// `KNeighbors*`, `RadiusNeighbors*`, `NearestNeighbors`, `LocalOutlierFactor`: what is looked up is what was fitted.
pub(super) fn check_estimator(estimator: Object<'_>) -> Check {
    let Some(fitted) = estimator.get_attr("_fit_X")? else { return Ok(()) };
    let shape = shape_of(fitted).unwrap_or_default();
    let [samples, width] = *shape.as_slice() else {
        refuse!("was fitted to an array of shape {shape:?}");
    };
    let features = features(estimator)?;
    ensure!(width == features, "has {features} features and was fitted to {width}");
    if let Some(stated) = size(estimator, "n_samples_fit_")? {
        ensure!(stated == samples, "was fitted to {samples} samples and says {stated}");
    }
    if let Some(tree) = estimator.get_attr("_tree")?.filter(|tree| !tree.is_none()) {
        let name = tree.class_name();
        let is_tree = name.starts_with("KDTree") || name.starts_with("BallTree");
        ensure!(is_tree, "has the _tree {tree:?}");
        let points = state(tree)?.first().and_then(|points| shape_of(*points)).unwrap_or_default();
        ensure!(points == shape, "was fitted to {shape:?} and has a tree of {points:?}");
    }
    check_precomputed(estimator)?;
    for name in ["metric_params", "effective_metric_params_"] {
        check_parameters(estimator, name, features)?;
    }
    check_classes(estimator, samples)
}

/// With a metric of this name, samples are rows of a matrix of distances, whose width is not that of what was fitted: so
/// the metric that computes must not be another.
fn check_precomputed(estimator: Object<'_>) -> Check {
    let is_precomputed = |name: &str| -> Check<bool> {
        let Some(metric) = estimator.get_attr(name)? else { return Ok(false) };
        match metric.value()? {
            Value::Str(metric) => Ok(metric == "precomputed"),
            array @ (Value::Scalar(_) | Value::Array(_) | Value::ObjectArray(_)) => {
                refuse!("has {name} that is {}", array.kind())
            }
            _ => Ok(false),
        }
    };
    let agree = is_precomputed("metric")? == is_precomputed("effective_metric_")?;
    ensure!(agree, "has a metric and an effective_metric_ of which only one is 'precomputed'");
    Ok(())
}

/// The parameters of the metric, some of which are arrays that are as large as a sample.
fn check_parameters(estimator: Object<'_>, name: &str, features: usize) -> Check {
    let parameters = estimator.get_attr(name)?.filter(|parameters| !parameters.is_none());
    let Some(parameters) = parameters else { return Ok(()) };
    for (key, value) in parameters.as_dict()?.iter() {
        let shape = shape_of(value).unwrap_or_default();
        let fits = match key.text() {
            "w" | "V" => value.is_none() || shape == [features] || shape == [features, features],
            "VI" => shape == [features, features],
            // Sums that would be taken for granted, whatever is in them.
            name => !name.ends_with("_norm_squared"),
        };
        ensure!(fits, "has the parameter {key:?} of shape {shape:?} for its metric");
    }
    Ok(())
}

/// The class of each sample is looked up without looking since scikit-learn 1.3.
fn check_classes(estimator: Object<'_>, samples: usize) -> Check {
    if !estimator.class_name().ends_with("Classifier") {
        return Ok(());
    }
    let (Some(labels), Some(classes)) = (estimator.get_attr("_y")?, estimator.get_attr("classes_")?) else {
        return Ok(());
    };
    let counts = match length_of(classes) {
        // With several outputs each has classes of its own.
        Some(_) if shape_of(classes).is_none() => {
            classes.items()?.into_iter().map(|classes| length_of(classes).unwrap_or(0)).collect()
        }
        Some(count) => vec![count],
        None => Vec::new(),
    };
    let labels = labels.ndarray()?;
    let fits = match *labels.shape() {
        [rows] => rows == samples && counts.len() == 1,
        [rows, columns] => rows == samples && counts.len() == columns,
        _ => false,
    };
    ensure!(
        fits,
        "has labels of shape {:?} for {samples} samples and {} outputs",
        labels.shape(),
        counts.len()
    );
    for (label, count) in integers(&labels)?.zip(counts.iter().cycle()) {
        ensure!(below(label, *count), "has the label {label}, where there are {count} classes");
    }
    Ok(())
}
