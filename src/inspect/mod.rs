//! The tree of objects in a file, as a person wants to see it.
//!
//! The tree comes as a flat list of items, each with its depth: deep files then cost no stack, neither here nor in
//! whoever prints it.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::audit::Audit;
use crate::npy::show_shape;
use crate::schema::{Content, Loader, NodeId, NodeRef, Scalar, label};
use crate::text::shown;
use crate::trust::TrustList;

/// Which items to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// All of them.
    #[default]
    All,
    /// Those that are not trusted, and those that hold one.
    Untrusted,
    /// Those that are trusted themselves.
    Trusted,
}

/// What to show of a tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Which items.
    pub show: Show,
    /// How many levels below the root; `None` for all.
    pub depth: Option<usize>,
}

/// An object in the tree. All text is escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// How many levels below the root.
    pub depth: usize,
    /// The attribute, key or position under which its parent has it; `root` for the root.
    pub key: String,
    /// The path from the root, as one would write it in Python. Empty for the root.
    pub path: String,
    /// The declared type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The class of skops that reads it.
    pub loader: &'static str,
    /// A scalar's value, a container's size, or what else is short enough to say.
    pub value: Option<String>,
    /// The dtype of an array's items, as numpy writes it.
    pub dtype: Option<String>,
    /// The shape of an array or sparse matrix.
    pub shape: Option<Vec<u64>>,
    /// Whether all that the object itself refers to is trusted.
    pub trusted: bool,
    /// Whether something that it holds is not trusted.
    pub holds_untrusted: bool,
    /// The path of the place where the same object was shown before, if it was: it is not shown again.
    pub same_as: Option<String>,
    /// How many objects below are not shown because of the depth that was asked for.
    pub hidden: usize,
}

/// Lists the objects of a file from the root down.
///
/// ```
/// use skops_rs::inspect::{Options, items};
/// use skops_rs::{Archive, TrustList};
///
/// let audit = Archive::open("fixtures/example.skops")?.schema()?.audit()?;
/// let items = items(&audit, &TrustList::default(), Options::default());
/// assert_eq!(items[0].type_name, "sklearn.pipeline.Pipeline");
/// assert!(items.iter().any(|item| item.path == "steps[1][1].tree_" && !item.trusted));
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[must_use]
pub fn items(audit: &Audit, trust: &TrustList, options: Options) -> Vec<Item> {
    let walk = Walk { audit, untrusted: audit.untrusted_nodes(trust), options };
    walk.run()
}

struct Walk<'a> {
    audit: &'a Audit,
    untrusted: BTreeSet<NodeId>,
    options: Options,
}

impl<'a> Walk<'a> {
    fn run(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut shown_before: HashMap<u64, NodeId> = HashMap::new();
        let mut stack = vec![(self.audit.schema().root(), 0_usize)];
        while let Some((node, depth)) = stack.pop() {
            let same_as = self.shown_before(node, &mut shown_before);
            let children = if same_as.is_some() { Vec::new() } else { children(node, &self.untrusted) };
            let hides = self.options.depth.is_some_and(|most| depth >= most);
            let hidden = if hides { children.len() } else { 0 };
            if !hides {
                let below = depth.saturating_add(1);
                stack.extend(children.into_iter().rev().map(|child| (child, below)));
            }
            let item = self.item(node, depth, same_as, hidden);
            let is_shown = match self.options.show {
                Show::All => true,
                Show::Untrusted => !item.trusted || item.holds_untrusted,
                Show::Trusted => item.trusted,
            };
            if is_shown || depth == 0 {
                items.push(item);
            }
        }
        items
    }

    /// Where the same object was shown before, unless it is one of which nobody asks whether it is the same.
    fn shown_before(&self, node: NodeRef<'a>, before: &mut HashMap<u64, NodeId>) -> Option<String> {
        if matches!(node.loader(), Loader::Json | Loader::Type | Loader::Function) {
            return None;
        }
        let first = *before.entry(node.object_id()?).or_insert(node.id());
        (first != node.id()).then(|| path(self.audit.schema().node(first)))
    }

    fn item(&self, node: NodeRef<'a>, depth: usize, same_as: Option<String>, hidden: usize) -> Item {
        let state = state_of(node);
        let trusts = |node: NodeRef<'_>| !self.untrusted.contains(&node.id());
        let within = self.untrusted.range(node.low()..node.id()).next().is_some();
        let (dtype, shape) = match self.audit.dtype_and_shape(node.id()) {
            Some((dtype, shape)) => (Some(dtype.to_string()), Some(shape.to_vec())),
            None => (None, None),
        };
        Item {
            depth,
            key: label(node),
            path: path(node),
            type_name: shown(&type_name(node)).to_string(),
            loader: node.loader().as_str(),
            value: value(node, state),
            dtype,
            shape,
            trusted: trusts(node),
            holds_untrusted: within,
            same_as,
            hidden,
        }
    }
}

fn path(node: NodeRef<'_>) -> String {
    node.path(crate::text::PLACE_LENGTH)
}

/// The dict that holds an object's attributes, which are shown as the object's own.
fn state_of(node: NodeRef<'_>) -> Option<NodeRef<'_>> {
    let state = match node.content() {
        Content::Object { state } => state?,
        Content::Reduce { state, .. } => state,
        _ => return None,
    };
    (state.loader() == Loader::Dict).then_some(state)
}

/// The objects to show below one: attributes, items, members.
fn children<'a>(node: NodeRef<'a>, untrusted: &BTreeSet<NodeId>) -> Vec<NodeRef<'a>> {
    let all = |node: NodeRef<'a>| {
        // The types of keys are noise, unless one of them is not trusted.
        let extra =
            node.extra_child().filter(|extra| untrusted.range(extra.low()..=extra.id()).next().is_some());
        node.children().iter().chain(extra).collect::<Vec<_>>()
    };
    let mut list = Vec::new();
    for child in all(node) {
        match state_of(node) {
            Some(state) if state.id() == child.id() => list.append(&mut all(state)),
            _ => list.push(child),
        }
    }
    // An object whose state is null, or whose constructor takes nothing, has nothing to show there.
    list.retain(|child| !is_empty_part(node, *child));
    list
}

fn is_empty_part(parent: NodeRef<'_>, child: NodeRef<'_>) -> bool {
    match (parent.content(), child.content()) {
        (Content::Object { .. }, Content::Json { text }) => {
            child.parent().is_some_and(|of| of.id() == parent.id()) && text == "null"
        }
        (Content::Reduce { .. }, Content::Tuple(items)) => items.len() == 0,
        _ => false,
    }
}

fn type_name(node: NodeRef<'_>) -> String {
    match node.content() {
        Content::Function { target, .. } => target.to_string(),
        Content::RandomGenerator0 { bit_generator } => format!("{}({bit_generator})", node.declared()),
        Content::Json { text } => match Scalar::parse(text, 1) {
            Ok(Scalar::None) => "builtins.NoneType".to_owned(),
            Ok(Scalar::Bool(_)) => "builtins.bool".to_owned(),
            Ok(Scalar::Int(_)) => "builtins.int".to_owned(),
            Ok(Scalar::Float(_)) => "builtins.float".to_owned(),
            Ok(Scalar::Str(_)) | Err(_) => "builtins.str".to_owned(),
        },
        Content::Reference { target: Some(target) } => target.declared().to_string(),
        _ => node.declared().to_string(),
    }
}

fn value(node: NodeRef<'_>, state: Option<NodeRef<'_>>) -> Option<String> {
    let items = |count: usize| Some(if count == 1 { "1 item".to_owned() } else { format!("{count} items") });
    match node.content() {
        Content::Json { text } => Scalar::parse(text, 1).ok().map(|scalar| scalar.to_string()),
        Content::Dict(dict) => items(dict.len()),
        Content::List(children)
        | Content::Tuple(children)
        | Content::Set(children)
        | Content::ObjectArray { items: children, .. } => items(children.len()),
        Content::Slice { bounds } => Some(shown(bounds).to_string()),
        Content::Type => Some("type".to_owned()),
        Content::Function { .. } => Some("function".to_owned()),
        Content::Method { function, .. } => Some(format!("method {}", shown(function))),
        Content::Bytes { file } | Content::Bytearray { file } => Some(format!("in {}", shown(file))),
        Content::Object { .. } if state.is_some_and(|state| state.children().len() == 0) => {
            Some("no state".to_owned())
        }
        _ => None,
    }
}

/// Draws the tree as text: a line for each item, joined to its parent by lines.
///
/// `paint` may add colour to what is not trusted; what it gets and returns is the text of one item.
pub fn draw(items: &[Item], paint: impl Fn(&Item, String) -> String) -> Vec<String> {
    // From the end: whether a later item stands at each depth below the same parent.
    let mut open: Vec<bool> = Vec::new();
    let mut prefixes = Vec::with_capacity(items.len());
    for item in items.iter().rev() {
        open.resize(item.depth.saturating_add(1), false);
        let is_last = open.last().is_none_or(|open| !open);
        let mut prefix = String::new();
        for continues in open.iter().take(item.depth).skip(1) {
            prefix.push_str(if *continues { "│   " } else { "    " });
        }
        if item.depth > 0 {
            prefix.push_str(if is_last { "└── " } else { "├── " });
        }
        if let Some(open) = open.last_mut() {
            *open = true;
        }
        prefixes.push(prefix);
    }
    let lines = items.iter().zip(prefixes.into_iter().rev());
    lines.map(|(item, prefix)| format!("{prefix}{}: {}", item.key, paint(item, describe(item)))).collect()
}

fn describe(item: &Item) -> String {
    let is_scalar = item.loader == Loader::Json.as_str();
    let mut text = String::new();
    if !is_scalar {
        text.push_str(&item.type_name);
    }
    for part in [&item.value, &item.dtype].into_iter().flatten() {
        let separator = if text.is_empty() { "" } else { ", " };
        text.extend([separator, part]);
    }
    if let Some(shape) = &item.shape {
        text.extend([" ", &show_shape(shape)]);
    }
    if !item.trusted {
        text.push_str(" [untrusted]");
    }
    match &item.same_as {
        Some(path) if path.is_empty() => text.push_str(" (same object as the root)"),
        Some(path) => text.extend([" (same object as ", path, ")"]),
        None => {}
    }
    if item.hidden > 0 {
        text.extend([" ... ", &item.hidden.to_string(), " below"]);
    }
    text
}
