//! What is known of each declared type. A file declares few, in very many nodes, so each is looked up once.

use std::cell::RefCell;

use crate::schema::{NodeRef, Schema};
use crate::trust::tables;

/// What a declared type is, as far as the rules ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// `builtins.str`, which every `JsonNode` declares.
    Str,
    /// `numpy.ndarray`.
    Ndarray,
    /// A numpy scalar.
    Scalar,
    /// An estimator of scikit-learn or a part of one, whose `__setstate__` takes a dict.
    Estimator,
    Other,
}

pub(super) struct Facts(RefCell<Vec<Option<Fact>>>);

impl Facts {
    #[expect(clippy::disallowed_methods, reason = "as many as the schema has names")]
    pub(super) fn new(schema: &Schema) -> Self {
        Self(RefCell::new(vec![None; schema.name_count()]))
    }

    /// Whether a node declares a type of numpy's own: a plain array or a scalar.
    pub(super) fn is_of_numpy(&self, node: NodeRef<'_>) -> bool {
        matches!(self.of(node), Fact::Ndarray | Fact::Scalar)
    }

    /// What the type is that a node declares.
    #[expect(clippy::disallowed_methods, reason = "no borrow outlasts its statement")]
    pub(super) fn of(&self, node: NodeRef<'_>) -> Fact {
        let index = node.name_id().0 as usize;
        let known = self.0.borrow().get(index).copied().flatten();
        known.unwrap_or_else(|| {
            let fact = look_up(node);
            if let Some(slot) = self.0.borrow_mut().get_mut(index) {
                *slot = Some(fact);
            }
            fact
        })
    }
}

fn look_up(node: NodeRef<'_>) -> Fact {
    let declared = node.declared();
    let name = declared.to_string();
    if declared.is("builtins", "str") {
        Fact::Str
    } else if tables::is_ndarray(&name) {
        Fact::Ndarray
    } else if tables::is_scalar(&name) {
        Fact::Scalar
    } else if tables::is_estimator(&name) {
        Fact::Estimator
    } else {
        Fact::Other
    }
}
