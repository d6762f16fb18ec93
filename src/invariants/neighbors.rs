//! Trees for finding neighbours, whose indices scikit-learn follows without looking.
//!
//! Source: `sklearn/neighbors/_binary_tree.pxi.tp`, whose `__getstate__` is the tuple read here.

use super::facts::shape_of;
use super::fault::{Check, Fault, ensure};
use crate::model::{Object, Value};
use crate::npy::NdArray;

/// Where in the state things are.
const DATA: usize = 0;
const INDICES: usize = 1;
const NODES: usize = 2;
const BOUNDS: usize = 3;
const LEVELS: usize = 5;
const NODE_COUNT: usize = 6;
const METRIC: usize = 11;
const WEIGHTS: usize = 12;

/// `KDTree` and `BallTree`, and those for 32 and 64 bits.
pub(super) fn check(tree: Object<'_>) -> Check {
    let state = match tree.value()? {
        Value::Instance(instance) => instance.state(),
        _ => None,
    };
    let Some(state) = state else { return Ok(()) };
    let parts = state.items()?;
    let part = |at: usize| -> Check<Object<'_>> {
        parts.get(at).copied().ok_or_else(|| Fault::Broken(format!("has a state of {} parts", parts.len())))
    };
    let Some([points, dimensions]) =
        shape_of(part(DATA)?).and_then(|shape| <[usize; 2]>::try_from(shape).ok())
    else {
        return Err(Fault::Broken("has points that are no table".to_owned()));
    };
    let count = usize::try_from(part(NODE_COUNT)?.as_i64()?).unwrap_or(0);
    let levels = part(LEVELS)?.as_i64()?;
    let full = u32::try_from(levels)
        .ok()
        .and_then(|levels| 1_usize.checked_shl(levels))
        .map(|size| size.saturating_sub(1));
    ensure!(count > 0 && full == Some(count), "has {levels} levels and {count} nodes");
    check_permutation(&part(INDICES)?.ndarray()?, points)?;
    check_nodes(&part(NODES)?.ndarray()?, count, points)?;
    let bounds = shape_of(part(BOUNDS)?).unwrap_or_default();
    let sides = if tree.class_name().starts_with("KD") { 2 } else { 1 };
    ensure!(
        bounds == [sides, count, dimensions],
        "has bounds of {bounds:?} for {count} nodes of {dimensions} dimensions"
    );
    if let Some(weights) = parts.get(WEIGHTS).and_then(|weights| shape_of(*weights)) {
        ensure!(weights == [points], "has weights of {weights:?} for {points} points");
    }
    check_metric(part(METRIC)?, dimensions)
}

fn check_permutation(indices: &NdArray, points: usize) -> Check {
    ensure!(indices.shape() == [points], "has indices of {:?} for {points} points", indices.shape());
    let mut taken = vec![false; points];
    for index in indices.integers() {
        let slot = usize::try_from(index).ok().and_then(|index| taken.get_mut(index));
        match slot {
            Some(slot) if !*slot => *slot = true,
            _ => ensure!(false, "has the index {index} twice, or where there are {points} points"),
        }
    }
    Ok(())
}

/// Each node covers a range of the indices; one that is no leaf has two nodes below it.
fn check_nodes(nodes: &NdArray, count: usize, points: usize) -> Check {
    ensure!(nodes.shape() == [count], "has nodes of {:?}, where {count} belong", nodes.shape());
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
    let state = match metric.value()? {
        Value::Instance(instance) => instance.state(),
        _ => None,
    };
    let Some(state) = state else { return Ok(()) };
    let name = metric.class_name();
    let shapes: Vec<_> = state.items()?.into_iter().map(|part| shape_of(part).unwrap_or_default()).collect();
    let (vector, matrix) = (shapes.get(1), shapes.get(2));
    if name.starts_with("SEuclidean") || name.starts_with("WMinkowski") {
        ensure!(
            vector == Some(&vec![dimensions]),
            "has a {name} with a vector of {vector:?} for {dimensions} dimensions"
        );
    } else if name.starts_with("Minkowski") {
        // Without weights the vector has one number.
        let fits = vector.is_some_and(|shape| *shape == [dimensions] || *shape == [1] || *shape == [0]);
        ensure!(fits, "has a {name} with a vector of {vector:?} for {dimensions} dimensions");
    } else if name.starts_with("Mahalanobis") {
        let fits = matrix == Some(&vec![dimensions, dimensions]);
        ensure!(fits, "has a {name} with a matrix of {matrix:?} for {dimensions} dimensions");
    } else if name.starts_with("Haversine") {
        ensure!(dimensions == 2, "has a {name} for {dimensions} dimensions");
    }
    Ok(())
}
