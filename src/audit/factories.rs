//! What a `defaultdict` calls for a key that it has not.
//!
//! Such a key can be looked up while the file is loaded: the code of many classes takes its state apart by names or numbers. So
//! what a `default_factory` refers to is reported as called, also by way of a `partial`.

use std::collections::HashSet;

use super::{Mentions, Role};
use crate::schema::{Content, NodeId, NodeRef};

/// What a node does with what it refers to.
pub(super) fn role(node: NodeRef<'_>) -> Role {
    if is_factory(node) { Role::Call } else { Role::Reference }
}

/// Whether a node stands where a `defaultdict` has what it calls. Each `partial` has one function, so no path is walked twice.
pub(super) fn is_factory(node: NodeRef<'_>) -> bool {
    let mut called = node;
    while let Some(parent) = called.parent() {
        match parent.content() {
            Content::DefaultDict { factory, .. } => return factory.id() == called.id(),
            Content::Partial { func, .. } if func.id() == called.id() => called = parent,
            _ => return false,
        }
    }
    false
}

/// Finds factories that stand elsewhere, each once.
#[derive(Default)]
pub(super) struct Factories {
    known: HashSet<NodeId>,
}

impl Factories {
    /// Mentions what a factory refers to, if it or its function is a reference to another place.
    pub(super) fn follow(&mut self, factory: NodeRef<'_>, mentions: &mut Mentions) {
        let (mut called, mut is_elsewhere) = (factory, false);
        loop {
            if let Content::Reference { .. } = called.content() {
                (called, is_elsewhere) = (called.resolved(), true);
            }
            if is_elsewhere && !self.known.insert(called.id()) {
                return;
            }
            let name = match called.content() {
                Content::Partial { func, .. } => {
                    called = func;
                    continue;
                }
                Content::Type => called.declared().to_string(),
                Content::Function { target, .. } => target.to_string(),
                Content::Method { object, function } => {
                    format!("{}.{function}", object.resolved().declared())
                }
                _ => return,
            };
            if is_elsewhere {
                mentions.other(called, Role::Call, name);
            }
            return;
        }
    }
}
