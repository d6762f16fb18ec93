//! Decision trees, whose nodes scikit-learn follows without looking.

use ndarray::Array1;

use super::facts::{check_fields, integers, shape_as};
use super::fault::{Check, Fault, ensure, refuse};
use crate::model::{Object, Value};
use crate::npy::NdArray;

/// Where a tree's nodes go: what `Tree` of `sklearn/tree/_tree.pyx` calls `left_child`, `right_child`, `feature`.
struct Nodes {
    left: Array1<i64>,
    right: Array1<i64>,
    feature: Array1<i64>,
}

const LEAF: i64 = -1;
const NO_FEATURE: i64 = -2;

/// The fields of a node; scikit-learn has the last one since 1.3.
const FIELDS: [(&str, &str); 8] = [
    ("left_child", "<i8"),
    ("right_child", "<i8"),
    ("feature", "<i8"),
    ("threshold", "<f8"),
    ("impurity", "<f8"),
    ("n_node_samples", "<i8"),
    ("weighted_n_node_samples", "<f8"),
    ("missing_go_to_left", "|u1"),
];

/// `sklearn.tree._tree.Tree`.
pub(super) fn check(tree: Object<'_>) -> Check {
    let size = Size::of(tree)?;
    let nodes = tree.attr("nodes")?.ndarray()?;
    let [before @ .., _] = &FIELDS;
    check_fields(&nodes, &[&FIELDS, before])?;
    let count = nodes.len();
    ensure!(nodes.ndim() == 1 && count > 0, "has nodes of shape {:?}", nodes.shape());
    let stated = tree.attr("node_count")?.as_i64()?;
    ensure!(usize::try_from(stated) == Ok(count), "has {count} nodes and a node_count of {stated}");
    let column = |name: &str| nodes.field(name)?.to_array1::<i64>();
    let walk =
        Nodes { left: column("left_child")?, right: column("right_child")?, feature: column("feature")? };
    let depth = walk.check(size.features)?;
    let stated = tree.attr("max_depth")?.as_i64()?;
    // `decision_path` makes room for so many nodes a sample.
    ensure!(depth == stated, "is {depth} levels deep and has a max_depth of {stated}");
    check_flags(&nodes, "missing_go_to_left")?;
    let values = shape_as(tree, "values", "<f8")?;
    let expected = vec![count, size.outputs, size.most_classes];
    ensure!(values == expected, "has values of shape {values:?}, where {expected:?} belong");
    Ok(())
}

/// A `Tree`, by any name, that another loader makes: it would have no nodes, or those of a state that nobody looks at.
pub(super) fn check_loader(object: Object<'_>) -> Check {
    refuse!("is made by a {}, which is not the loader for it", object.node().loader())
}

/// What a tree was made for: the arguments of its constructor.
pub(super) struct Size {
    pub(super) features: usize,
    pub(super) outputs: usize,
    pub(super) most_classes: usize,
}

impl Size {
    pub(super) fn of(tree: Object<'_>) -> Check<Self> {
        let args = match tree.value()? {
            Value::Tree(instance) => instance.args(),
            _ => None,
        };
        let Some(args) = args else {
            refuse!("is no Tree");
        };
        let size = |at: usize| -> Check<usize> {
            let value = args.index(at)?.as_i64()?;
            match usize::try_from(value) {
                Ok(size) => Ok(size),
                Err(_) => Err(Fault::Broken(format!("was made with {value} as argument {at}"))),
            }
        };
        let classes = args.index(1)?.array1::<i64>()?;
        let (features, outputs) = (size(0)?, size(2)?);
        ensure!(
            classes.len() == outputs && outputs > 0,
            "was made for {outputs} outputs and the classes of {}",
            classes.len()
        );
        let most = classes.iter().copied().max().unwrap_or(0);
        let all_positive = classes.iter().all(|count| *count > 0);
        ensure!(all_positive, "was made for a number of classes that is not positive");
        Ok(Self { features, outputs, most_classes: usize::try_from(most).unwrap_or(usize::MAX) })
    }
}

impl Nodes {
    /// Checks that this is a tree, and returns how deep it is.
    fn check(&self, features: usize) -> Check<i64> {
        let mut walk = Walk::new(self.left.len());
        for (node, ((left, right), feature)) in
            self.left.iter().zip(&self.right).zip(&self.feature).enumerate()
        {
            if *left == LEAF {
                ensure!(*right == LEAF, "has node {node} with the right child {right} and no left one");
                ensure!(*feature == NO_FEATURE, "has the leaf {node} with the feature {feature}");
            } else {
                let is_feature = usize::try_from(*feature).is_ok_and(|feature| feature < features);
                ensure!(is_feature, "has node {node} with the feature {feature}, where there are {features}");
                walk.reach(node, *left)?;
                walk.reach(node, *right)?;
            }
        }
        walk.end()
    }
}

/// Goes through nodes in order, each of which comes after its parent.
pub(super) struct Walk {
    /// For each node, how deep it is, or that it was not reached. The root is reached by itself.
    depths: Vec<u32>,
}

const NOT_REACHED: u32 = u32::MAX;

impl Walk {
    pub(super) fn new(count: usize) -> Self {
        #[expect(clippy::disallowed_methods, reason = "callers count nodes that an array has")]
        let mut depths = vec![NOT_REACHED; count];
        if let Some(root) = depths.first_mut() {
            *root = 0;
        }
        Self { depths }
    }

    /// Goes from a node to its child.
    pub(super) fn reach(&mut self, node: usize, child: i64) -> Check {
        let count = self.depths.len();
        let index = usize::try_from(child).unwrap_or(usize::MAX);
        ensure!(index < count, "has node {node} with the child {child}, where there are {count} nodes");
        ensure!(index > node, "has node {node} with the child {child}, which does not come after it");
        let depth = self.depths.get(node).copied().unwrap_or(NOT_REACHED);
        ensure!(depth != NOT_REACHED, "has node {node}, which is the child of none before it");
        if let Some(slot) = self.depths.get_mut(index) {
            ensure!(*slot == NOT_REACHED, "has node {child} as the child of two");
            *slot = depth.saturating_add(1);
        }
        Ok(())
    }

    /// How deep the deepest node is; each must have been reached.
    pub(super) fn end(&self) -> Check<i64> {
        let lost = self.depths.iter().position(|depth| *depth == NOT_REACHED);
        ensure!(lost.is_none(), "has node {}, which is the child of none", lost.unwrap_or_default());
        Ok(self.depths.iter().copied().max().map_or(0, i64::from))
    }
}

/// Checks that a field, if there is one, is 0 or 1 everywhere.
pub(super) fn check_flags(nodes: &NdArray, name: &str) -> Check {
    let Ok(flags) = nodes.field(name) else { return Ok(()) };
    let wrong = integers(&flags)?.enumerate().find(|(_, flag)| !(0..=1).contains(flag));
    match wrong {
        Some((node, flag)) => Err(Fault::Broken(format!("has node {node} with {name} = {flag}"))),
        None => Ok(()),
    }
}
