//! Finds the rules that are about a name, without looking at all of them: a file may have very many names, and a policy
//! thousands of rules.

use std::collections::HashMap;

use super::pattern::Pattern;
use super::rule::{Allowance, Denial};
use crate::audit::Reference;
use crate::trust::TypeName;

/// The rules of a policy, by the names that they are about. It is of the policy as it was when this was made.
#[derive(Debug)]
pub(crate) struct Rules {
    allowed: Index,
    denied: Index,
}

impl Rules {
    pub(crate) fn new(allowed: &[Allowance], denied: &[Denial]) -> Self {
        Self {
            allowed: Index::new(allowed.iter().map(|allowance| &allowance.pattern)),
            denied: Index::new(denied.iter().map(|denial| &denial.pattern)),
        }
    }

    /// Where the allowances are that are about the reference's names, in order; some of them may not cover it.
    pub(crate) fn allowed(&self, reference: &Reference<'_>) -> Vec<usize> {
        self.allowed.find(reference.names())
    }

    /// Whether an allowance is about the name, in some role or under some loader.
    pub(crate) fn allows(&self, name: &TypeName) -> bool {
        !self.allowed.find(std::iter::once(name)).is_empty()
    }

    /// Whether a denial is about the name.
    pub(crate) fn denies(&self, name: &TypeName) -> bool {
        !self.denied.find(std::iter::once(name)).is_empty()
    }

    /// Where the denials are that are about the reference's names, in order.
    pub(crate) fn denied(&self, reference: &Reference<'_>) -> Vec<usize> {
        self.denied.find(reference.names())
    }
}

/// Patterns as a tree of the parts of names: looking up a name takes as long as the name is, however many patterns there are.
#[derive(Debug)]
struct Index {
    /// The first is where names start.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The next part of a name, and the node that it leads to.
    below: HashMap<Box<str>, usize>,
    /// The patterns about the name that ends here.
    exact: Vec<usize>,
    /// The patterns about every name that goes on from here.
    within: Vec<usize>,
}

impl Index {
    fn new<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Self {
        let mut index = Self { nodes: vec![Node::default()] };
        for (position, pattern) in patterns.enumerate() {
            let (name, is_broad) = match pattern {
                Pattern::Name(name) => (name.as_str(), false),
                Pattern::Within(prefix) => (prefix.trim_end_matches('.'), true),
            };
            // There always is one.
            let Some(node) = index.node(name) else { continue };
            if is_broad { node.within.push(position) } else { node.exact.push(position) }
        }
        index
    }

    /// The node for a name, which is made if there is none.
    fn node(&mut self, name: &str) -> Option<&mut Node> {
        let mut at = 0;
        for part in name.split('.') {
            let next = self.nodes.len();
            at = *self.nodes.get_mut(at)?.below.entry(part.into()).or_insert(next);
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        self.nodes.get_mut(at)
    }

    /// Where the patterns are that are about one of the names, in order, each once.
    fn find<'n>(&self, names: impl Iterator<Item = &'n TypeName>) -> Vec<usize> {
        let mut found = Vec::new();
        for name in names {
            self.find_name(name.as_str(), &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn find_name(&self, name: &str, found: &mut Vec<usize>) {
        let mut node = self.nodes.first();
        for part in name.split('.') {
            let Some(before) = node else { return };
            found.extend(&before.within);
            node = before.below.get(part).and_then(|next| self.nodes.get(*next));
        }
        found.extend(node.iter().flat_map(|node| &node.exact));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_index_finds_what_patterns_match() {
        let patterns = ["a.b", "a.**", "a.b.**", "a.b.c", "ab.**", "a.b", "x.**", "a.b.c.**"];
        let patterns: Vec<Pattern> = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
        let index = Index::new(patterns.iter());
        for name in ["a.b", "a.b.c", "a.b.c.d", "ab.c", "abc.d", "a.c", "x.y", "x.y.z", "y.x", "a.<lambda>"] {
            let name: TypeName = name.parse().unwrap();
            let positions = 0..patterns.len();
            let expected: Vec<_> = positions.filter(|at| patterns.get(*at).unwrap().matches(&name)).collect();
            assert_eq!(index.find([&name].into_iter()), expected, "{name}");
        }
    }
}
