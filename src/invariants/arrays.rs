//! Arrays that native code takes to be as large as a sample.

use std::collections::HashSet;

use super::facts::{
    array_shape, below, check_fields, features, int, integers, items, length, shape, shape_of, size,
};
use super::fault::{Check, Fault, ensure, refuse};
use crate::model::{Object, Value};

/// `KMeans`, `MiniBatchKMeans` and `BisectingKMeans`.
pub(super) fn check_centers(model: Object<'_>) -> Check {
    let Some(centers) = shape(model, "cluster_centers_")? else { return Ok(()) };
    let features = features(model)?;
    let [count, width] = *centers.as_slice() else {
        refuse!("has cluster_centers_ of shape {centers:?}");
    };
    ensure!(
        count > 0 && width == features,
        "has {features} features and cluster_centers_ of shape {centers:?}"
    );
    if let Some(threads) = int(model, "_n_threads")? {
        ensure!((1..=4096).contains(&threads), "has {threads} threads");
    }
    let mean = shape(model, "_X_mean")?;
    if let Some(mean) = &mean {
        ensure!(*mean == [features], "has {features} features and _X_mean of shape {mean:?}");
    }
    check_bisections(model, features, mean.is_none())
}

/// The tree of `BisectingKMeans`: each of its nodes has a center, and is the child of one.
fn check_bisections(model: Object<'_>, features: usize, is_sparse: bool) -> Check {
    let mut left: Vec<_> = model.get_attr("_bisecting_tree")?.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(node) = left.pop() {
        if node.is_none() {
            continue;
        }
        ensure!(seen.insert(node.identity()), "has a node that is the child of two");
        let center = shape(node, "center")?.unwrap_or_default();
        // Centers of what is sparse are matrices of one row.
        let fits = center == [features] || (is_sparse && center == [1, features]);
        ensure!(fits, "has {features} features and a center of shape {center:?}");
        let children: Vec<_> = [node.get_attr("left")?, node.get_attr("right")?]
            .into_iter()
            .flatten()
            .filter(|node| !node.is_none())
            .collect();
        ensure!(children.len() != 1, "has a node with one child");
        left.extend(children);
    }
    Ok(())
}

/// `Birch`: the sums of squares that it keeps are one for each center, and are looked up without looking.
pub(super) fn check_subclusters(model: Object<'_>) -> Check {
    let Some(centers) = shape(model, "subcluster_centers_")? else { return Ok(()) };
    let features = features(model)?;
    let [count, width] = *centers.as_slice() else {
        refuse!("has subcluster_centers_ of shape {centers:?}");
    };
    ensure!(width == features, "has {features} features and subcluster_centers_ of shape {centers:?}");
    let sums = array_shape(model, "_subcluster_norms")?;
    ensure!(sums == [count], "has {count} subcluster_centers_ and _subcluster_norms of shape {sums:?}");
    Ok(())
}

/// `HDBSCAN`: which clusters were merged.
pub(super) fn check_linkage(model: Object<'_>) -> Check {
    let Some(tree) = model.get_attr("_single_linkage_tree_")? else { return Ok(()) };
    let tree = tree.ndarray()?;
    check_fields(
        &tree,
        &[&[("left_node", "<i8"), ("right_node", "<i8"), ("value", "<f8"), ("cluster_size", "<i8")]],
    )?;
    let rows = tree.len();
    ensure!(tree.ndim() == 1, "has merges of shape {:?}", tree.shape());
    let samples = rows.saturating_add(1);
    if let Some(labels) = length(model, "labels_")? {
        ensure!(labels == samples, "has {rows} merges and {labels} labels_");
    }
    let clusters = samples.saturating_add(rows);
    for name in ["left_node", "right_node"] {
        for cluster in integers(&tree.field(name)?)? {
            ensure!(below(cluster, clusters), "has {name} = {cluster}, where there are {clusters} clusters");
        }
    }
    Ok(())
}

/// `SplineTransformer`: one curve for each feature.
pub(super) fn check_splines(model: Object<'_>) -> Check {
    let splines = items(model, "bsplines_")?;
    if splines.is_empty() {
        return Ok(());
    }
    let features = features(model)?;
    ensure!(splines.len() == features, "has {features} features and {} bsplines_", splines.len());
    let degree = int(model, "degree")?;
    for spline in splines {
        let own = int(spline, "k")?;
        ensure!(own == degree, "has a curve of another degree than its own");
        check_spline(spline)?;
    }
    Ok(())
}

/// `scipy.interpolate.BSpline`, which is followed without looking: as many coefficients as knots ask for.
pub(super) fn check_spline(spline: Object<'_>) -> Check {
    let part = |name: &str| -> Check<Object<'_>> {
        let hidden = format!("_{name}");
        match (spline.get_attr(name)?, spline.get_attr(&hidden)?) {
            (Some(part), None) | (None, Some(part)) => Ok(part),
            _ => Err(Fault::Broken(format!("has not one of {name} and {hidden}"))),
        }
    };
    let knots = part("t")?.ndarray()?.to_array1::<f64>()?;
    let coefficients = shape_of(part("c")?).unwrap_or_default();
    let degree = size(spline, "k")?.filter(|degree| *degree <= 64);
    let Some(degree) = degree else { refuse!("has no degree from 0 to 64") };
    let least = degree.saturating_add(1).saturating_mul(2);
    ensure!(knots.len() >= least, "has {} knots, where {least} are needed", knots.len());
    let rises = knots.iter().all(|knot| knot.is_finite())
        && knots.iter().zip(knots.iter().skip(1)).all(|(one, next)| one <= next);
    ensure!(rises, "has knots that do not rise");
    let needed = knots.len().saturating_sub(degree).saturating_sub(1);
    let has_room = knots.get(degree).zip(knots.get(needed)).is_some_and(|(start, end)| start < end);
    ensure!(has_room, "has knots that leave no room");
    let rows = coefficients.first().copied().unwrap_or(0);
    ensure!(rows >= needed, "has {rows} coefficients, where {needed} are needed");
    let axis = int(spline, "axis")?.unwrap_or(0);
    ensure!(axis == 0, "has coefficients along axis {axis}");
    Ok(())
}

/// `HashingVectorizer` and `FeatureHasher`: numbers are taken modulo this one.
pub(super) fn check_hasher(hasher: Object<'_>) -> Check {
    let Some(count) = hasher.get_attr("n_features")? else { return Ok(()) };
    let count = match count.value()? {
        Value::Int(_) | Value::Scalar(_) => count.as_i64()?,
        _ => 0,
    };
    ensure!((1..=i64::from(i32::MAX)).contains(&count), "hashes to {count} features");
    Ok(())
}
