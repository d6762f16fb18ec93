//! What is handed to code that nobody has looked at.
//!
//! A file that refers to a function may only keep it. But the code of a class takes the state of its objects apart while they are
//! made, and may call what it finds, or iterate over it, which an object within answers by calling what *it* has. Nobody knows of
//! which classes that is true; only those that are trusted by default have been looked at. So whatever is referred to somewhere
//! below an object of another class, below the arguments of a call, the items of a container that its class makes, an object that
//! something is read from, or the `default_factory` of a `defaultdict`, which is called for keys that it has not, is reported as
//! called.

use std::cell::OnceCell;

use super::Role;
use super::facts::{Fact, Facts};
use super::state::is_made_by_its_class;
use crate::schema::{Content, NodeRef, Schema};

pub(super) struct Handed<'a> {
    schema: &'a Schema,
    facts: &'a Facts,
    /// For each node, whether it is. Most files never ask.
    nodes: OnceCell<Vec<bool>>,
}

impl<'a> Handed<'a> {
    pub(super) fn new(schema: &'a Schema, facts: &'a Facts) -> Self {
        Self { schema, facts, nodes: OnceCell::new() }
    }

    /// What is done with what a node refers to.
    pub(super) fn role(&self, node: NodeRef<'_>) -> Role {
        if self.is_handed(node) { Role::Call } else { Role::Reference }
    }

    pub(super) fn is_handed(&self, node: NodeRef<'_>) -> bool {
        let nodes = self.nodes.get_or_init(|| self.look());
        nodes.get(node.id().0 as usize).copied().unwrap_or(true)
    }

    /// From parents to what is in them, and from references to what they refer to, which has ended before: so each node is looked
    /// at once.
    #[expect(clippy::disallowed_methods, reason = "as many as there are nodes already")]
    fn look(&self) -> Vec<bool> {
        let mut handed = vec![false; self.schema.node_count()];
        let is_set =
            |handed: &[bool], node: NodeRef<'_>| handed.get(node.id().0 as usize).copied().unwrap_or(true);
        for node in self.schema.nodes().rev() {
            let is_handed = is_set(&handed, node)
                || node.parent().is_some_and(|parent| is_set(&handed, parent) || self.hands(parent, node));
            for same in [node, node.resolved()].into_iter().filter(|_| is_handed) {
                if let Some(slot) = handed.get_mut(same.id().0 as usize) {
                    *slot = true;
                }
            }
        }
        handed
    }

    /// Whether a node hands one of its own to code.
    fn hands(&self, parent: NodeRef<'_>, node: NodeRef<'_>) -> bool {
        match parent.content() {
            Content::Object { .. } => self.facts.of(parent) != Fact::Estimator,
            Content::ConstructorFromReduce { .. } | Content::Method { .. } => true,
            Content::DefaultDict { factory, .. } => factory.id() == node.id(),
            _ => is_made_by_its_class(parent),
        }
    }
}
