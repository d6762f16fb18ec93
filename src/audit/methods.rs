//! What a `MethodNode` reads from an object, by name.
//!
//! Of most objects an attribute is only read. Some of scikit-learn's methods ask the estimators within whether they have
//! them, and properties are code; so what may be read, and as what it is reported, depends on what the object is made of.
//! Very many nodes can read from one object, which is looked at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::facts::{Fact, Facts};
use super::identity::Repeats;
use super::state::{is_made_by_its_class, is_of_sklearn};
use super::{Mentions, Role, parts};
use crate::error::{Code, Error, Result};
use crate::schema::{Content, Loader, NodeId, NodeRef, Scalar, Schema};
use crate::text::shown;
use crate::trust::{name, tables};

pub(super) struct Methods<'a> {
    schema: &'a Schema,
    facts: &'a Facts,
    repeats: &'a Repeats,
    objects: HashMap<NodeId, Object>,
    /// For each node that is known to be a method, the object that it belongs to.
    owners: HashMap<NodeId, NodeId>,
}

/// What is known of an object that something is read from.
struct Object {
    /// What reading from it is reported as.
    role: Role,
    /// The types that the attribute may be of: besides what the node declares, what is built, and what is lent.
    types: Vec<String>,
    /// The names of [`ALSO_METHODS`] that it has itself.
    own: Vec<&'static str>,
}

/// Names of methods that other classes have for attributes, so that they are not in the table of those that may not be hidden.
const ALSO_METHODS: [&str; 3] = ["link", "loss", "perplexity"];

impl<'a> Methods<'a> {
    pub(super) fn new(schema: &'a Schema, facts: &'a Facts, repeats: &'a Repeats) -> Self {
        Self { schema, facts, repeats, objects: HashMap::new(), owners: HashMap::new() }
    }

    /// Checks a node that reads `function` from `object`, for code that may call it if `is_handed`. skops up to 0.11 declares a
    /// method as `method` of the module that defines it; from 0.12 on as the object's type.
    pub(super) fn check(
        &mut self,
        node: NodeRef<'_>,
        object: NodeRef<'_>,
        function: &str,
        is_handed: bool,
        mentions: &mut Mentions,
    ) -> Result<()> {
        if !name::is_identifier(function) {
            let found = format!("a method named '{}'", shown(function));
            return Err(Error::new(Code::MalformedNode, found));
        }
        let of = object.declared();
        let declared = node.declared();
        if declared != of && declared.class != "method" {
            let found = format!(
                "a {} that declares {} but holds a method of {of}",
                node.loader(),
                shown(&declared.to_string())
            );
            return Err(Error::new(Code::TypeMismatch, found));
        }
        let is_of_method = object.loader() == Loader::Method;
        let owner = if is_of_method { self.owner(object, function)? } else { object };
        let known = match self.objects.entry(owner.id()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Object::new(owner, self.facts, self.repeats)?),
        };
        if !is_of_method && self.facts.of(object) == Fact::Estimator {
            check_name(object, known, function)?;
            // What a `FrozenEstimator` lends may be no method, nor what was put where others see the object, too.
            let is_own = matches!(object.content(), Content::Object { .. })
                && of.class != "FrozenEstimator"
                && !self.repeats.is_shared(object.id());
            if is_own && tables::is_method(function) {
                self.owners.insert(node.id(), object.id());
            }
        }
        let role = match known.role {
            _ if is_handed => Role::Call,
            _ if is_of_method => Role::Attribute,
            role => role,
        };
        mentions.declared(node, Role::Reference);
        mentions.other(node, role, format!("{of}.{function}"));
        if owner.declared() != of {
            mentions.other(node, role, format!("{}.{function}", owner.declared()));
        }
        for of in &known.types {
            mentions.other(node, role, format!("{of}.{function}"));
        }
        Ok(())
    }

    /// The object that a method belongs to: what is read from the method is named by it, as `__self__` of the method is the
    /// object again. Of anything else that was read from something, it is not known what it is.
    fn owner(&self, method: NodeRef<'_>, function: &str) -> Result<NodeRef<'a>> {
        let owner = self.owners.get(&method.id()).ok_or_else(|| {
            let found = format!("the attribute '{function}' of what may be no method");
            Error::new(Code::MalformedNode, found)
        })?;
        Ok(self.schema.node(*owner))
    }
}

impl Object {
    fn new(object: NodeRef<'_>, facts: &Facts, repeats: &Repeats) -> Result<Self> {
        Ok(Self {
            role: if may_call(object, facts, repeats) { Role::Call } else { Role::Attribute },
            types: built(object)?.into_iter().chain(lender(object)?).collect(),
            own: ALSO_METHODS.into_iter().filter(|name| has_itself(object, name)).collect(),
        })
    }
}

/// Whether what is read from an object may call, or read from, what else the file puts there. Some of scikit-learn's
/// methods ask the estimators within whether they have them, also those that were put there by what the file calls; of a
/// sparse matrix, many attributes are made when they are read.
fn may_call(object: NodeRef<'_>, facts: &Facts, repeats: &Repeats) -> bool {
    let is_plain = |part: NodeRef<'_>| {
        let part = part.resolved();
        parts::is_value(part, facts) && !repeats.is_shared(part.id())
    };
    let is_all_plain = |state: NodeRef<'_>| match state.resolved().content() {
        Content::Dict(attributes) => attributes.items().all(|(_, part)| is_plain(part)),
        _ => is_plain(state),
    };
    // Only of the estimators that are trusted by default it is known what reads from them: their methods.
    let is_of_sklearn = is_of_sklearn(object.declared());
    match object.content() {
        Content::SparseMatrix | Content::ConstructorFromReduce { .. } | Content::Reduce { .. } => true,
        Content::Object { state } => {
            (is_of_sklearn && facts.of(object) != Fact::Estimator)
                || repeats.is_shared(object.id())
                || !state.is_none_or(is_all_plain)
        }
        Content::Array => !facts.is_of_numpy(object),
        _ => is_of_sklearn || is_made_by_its_class(object),
    }
}

/// Checks what is read from an estimator, as a method. Other attributes are none that skops writes, and there is code behind
/// many: `SelectFromModel.threshold_` calls the `importance_getter`, whatever that is.
fn check_name(estimator: NodeRef<'_>, known: &Object, name: &str) -> Result<()> {
    let is_method = |also: &&str| *also == name && !known.own.contains(also);
    if tables::is_method(name) || ALSO_METHODS.iter().any(is_method) {
        return Ok(());
    }
    let found = format!("a method named '{name}' of {}, which has none", estimator.declared());
    Err(Error::new(Code::MalformedNode, found))
}

/// Whether an attribute of this name is found, or may be, in the object itself.
fn has_itself(object: NodeRef<'_>, name: &str) -> bool {
    match object.content() {
        Content::Object { state: Some(state) } => match state.resolved().content() {
            Content::Dict(attributes) => attributes.get(name).is_some(),
            _ => false,
        },
        _ => true,
    }
}

/// Of a `FrozenEstimator`, the type of the estimator in it: what it has not itself is read from there.
fn lender(node: NodeRef<'_>) -> Result<Option<String>> {
    if node.declared().class != "FrozenEstimator" {
        return Ok(None);
    }
    let unclear =
        |what: &str| Err(Error::new(Code::MalformedNode, format!("a method of a FrozenEstimator {what}")));
    let state = match node.content() {
        Content::Object { state: Some(state) } => state.resolved(),
        Content::Object { state: None } | Content::Type => return Ok(None),
        _ => return unclear("that is not made of its state"),
    };
    let Content::Dict(state) = state.content() else { return unclear("whose state is no dict") };
    let Some(inner) = state.get("estimator").map(NodeRef::resolved) else { return Ok(None) };
    match inner.content() {
        Content::Object { .. } if inner.declared().class != "FrozenEstimator" => {
            Ok(Some(inner.declared().to_string()))
        }
        _ => unclear(&format!("that holds a {}", inner.loader())),
    }
}

/// The type of what a node builds, where that is, or can be, another than the declared one. An attribute is read from what
/// was built.
fn built(node: NodeRef<'_>) -> Result<Option<String>> {
    let name = |name: &str| Some(name.to_owned());
    let declared = node.declared();
    Ok(match node.content() {
        Content::Json { text } => match Scalar::parse(text, 1)? {
            Scalar::None => name("builtins.NoneType"),
            Scalar::Bool(_) => name("builtins.bool"),
            Scalar::Int(_) => name("builtins.int"),
            Scalar::Float(_) => name("builtins.float"),
            Scalar::Str(_) => None,
        },
        // Of a class that is no named tuple, skops builds a plain one; the file does not say which it is.
        Content::Tuple(_) if !declared.is("builtins", "tuple") => name("builtins.tuple"),
        Content::Bytes { .. } if !declared.is("builtins", "bytes") => name("builtins.bytes"),
        Content::MaskedArray { .. } if declared.class != "MaskedArray" => name("numpy.ma.MaskedArray"),
        Content::Function { target, .. } if target != declared => Some(target.to_string()),
        _ => None,
    })
}
