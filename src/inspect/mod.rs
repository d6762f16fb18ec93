//! The tree of objects in a file, as a person wants to see it.
//!
//! The tree comes as items, one after the other, each with its depth: deep files then cost no stack and wide ones no
//! memory, neither here nor in whoever prints it.

mod arrays;

pub use arrays::{ArrayItem, Arrays, arrays};

use std::collections::HashMap;

use serde::Serialize;

use crate::audit::Audit;
use crate::error::Error;
use crate::model::Model;
use crate::npy::{NdArray, show_shape};
use crate::report::{Listed, Row, Rows};
use crate::schema::{Content, Loader, NodeId, NodeRef, Scalar, label};
use crate::text::{PLACE_LENGTH, cut, json_length, shown};
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
    /// Whether its parent has no more objects to show after it.
    #[serde(skip)]
    pub is_last: bool,
}

impl Row for Item {
    fn bytes(&self) -> u64 {
        let texts = [Some(&self.key), Some(&self.path), Some(&self.type_name)];
        let others = [&self.value, &self.dtype, &self.same_as].map(Option::as_ref);
        let texts = texts.into_iter().chain(others).flatten().map(|text| json_length(text));
        texts
            .fold(A_ROW, u64::saturating_add)
            .saturating_add(shape_bytes(self.shape.as_deref().unwrap_or_default()))
    }
}

/// About how many bytes a row takes as JSON, besides its texts.
const A_ROW: u64 = 280;

/// About how many bytes a shape takes as JSON, where each size has a line.
fn shape_bytes(shape: &[u64]) -> u64 {
    shape
        .iter()
        .map(|size| u64::from(size.checked_ilog10().unwrap_or(0)).saturating_add(14))
        .fold(0, u64::saturating_add)
}

/// Lists the objects of a file from the root down, one at a time: a small file can have very many.
///
/// ```
/// use skops_rs::inspect::{Options, items};
/// use skops_rs::{Archive, TrustList};
///
/// let audit = Archive::open("fixtures/example.skops")?.schema()?.audit()?;
/// let mut items = items(&audit, &TrustList::default(), Options::default());
/// assert_eq!(items.next().unwrap().type_name, "sklearn.pipeline.Pipeline");
/// assert!(items.any(|item| item.path == "steps[1][1].tree_" && !item.trusted));
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[must_use]
pub fn items<'a>(audit: &'a Audit, trust: &TrustList, options: Options) -> Items<'a> {
    items_from(audit, Untrusted(audit.untrusted_nodes(trust)), options)
}

fn items_from(audit: &Audit, untrusted: Untrusted, options: Options) -> Items<'_> {
    let root = Step { node: audit.schema().root(), depth: 0, is_last: true };
    Items { audit, model: None, fault: None, untrusted, options, next: vec![root], before: HashMap::new() }
}

/// As [`items`], of a model: with the first items of small arrays. What is shown is built, so its contents are checked
/// as for any other use; see [`Items::into_fault`].
///
/// ```
/// use skops_rs::TrustList;
/// use skops_rs::inspect::{Options, items_of_model};
///
/// let trust = TrustList::default().allow("sklearn.tree._tree.Tree")?;
/// let model = skops_rs::load("fixtures/example.skops", &trust)?;
/// let mut items = items_of_model(&model, Options::default());
/// let classes = items.find(|item| item.key == "classes_").unwrap();
/// assert_eq!(classes.value.as_deref(), Some("[0, 1, 2]"));
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[must_use]
pub fn items_of_model(model: &Model, options: Options) -> Items<'_> {
    Items { model: Some(model), ..items_from(model.audit(), Untrusted(Vec::new()), options) }
}

/// The objects of a file, from the root down. Made by [`items`].
pub struct Items<'a> {
    audit: &'a Audit,
    /// Where values come from.
    model: Option<&'a Model>,
    /// Why one of them could not be had.
    fault: Option<Error>,
    untrusted: Untrusted,
    options: Options,
    /// What is still to be shown, the next one last.
    next: Vec<Step<'a>>,
    /// The first node of each id that was shown.
    before: HashMap<u64, NodeId>,
}

struct Step<'a> {
    node: NodeRef<'a>,
    depth: usize,
    is_last: bool,
}

/// The nodes that are not trusted, in order.
struct Untrusted(Vec<NodeId>);

impl Untrusted {
    fn has(&self, node: NodeRef<'_>) -> bool {
        self.0.binary_search(&node.id()).is_ok()
    }

    /// Whether a node holds one.
    fn is_within(&self, node: NodeRef<'_>) -> bool {
        let from = self.0.partition_point(|id| *id < node.low());
        self.0.get(from).is_some_and(|id| *id < node.id())
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let (Step { node, depth, is_last }, first, hidden) = self.step()?;
        let same_as = first.map(|first| path(self.audit.schema().node(first)));
        let mut item = Item { is_last, ..self.item(node, depth, same_as, hidden) };
        if first.is_none() {
            item.value = self.look_into(node).or(item.value);
        }
        Some(item)
    }
}

impl Rows for Items<'_> {
    /// Their contents are checked as if they were shown.
    fn pass(&mut self) -> usize {
        let mut count = 0_usize;
        while let Some((step, first, _)) = self.step() {
            count = count.saturating_add(1);
            if first.is_none() {
                self.look_into(step.node);
            }
        }
        count
    }
}

/// Arrays of more bytes are not read for the sake of a few items.
const MOST_BYTES: usize = 64 << 10;
/// How many items of an array are shown.
const MOST_ITEMS: usize = 6;

impl<'a> Items<'a> {
    /// The first objects, as many as the limit `report-bytes` lets through.
    #[must_use]
    pub fn listed(self) -> Listed<Self> {
        let most = self.audit.report_bytes();
        Listed::new(self, most)
    }

    /// Goes on to the next object. Returns it, its first node if it was shown before, and how many objects below are hidden.
    fn step(&mut self) -> Option<(Step<'a>, Option<NodeId>, usize)> {
        let step = self.next.pop()?;
        let first = self.shown_before(step.node);
        let children = if first.is_some() { Vec::new() } else { self.children(step.node) };
        if self.options.depth.is_some_and(|most| step.depth >= most) {
            return Some((step, first, children.len()));
        }
        let below = step.depth.saturating_add(1);
        let last = children.last().map(|last| last.id());
        let child = |node: NodeRef<'a>| Step { node, depth: below, is_last: last == Some(node.id()) };
        self.next.extend(children.into_iter().rev().map(child));
        Some((step, first, 0))
    }

    /// The first thing that was wrong with a model's contents, among what has been shown.
    #[must_use]
    pub fn into_fault(self) -> Option<Error> {
        self.fault
    }

    /// Checks what an object holds. Returns the items of a small array, or that something is wrong.
    fn look_into(&mut self, node: NodeRef<'a>) -> Option<String> {
        let object = self.model?.object(node);
        let is_small = object.small_array(MOST_BYTES);
        let array =
            object.check().and_then(|()| if is_small { object.ndarray().map(Some) } else { Ok(None) });
        match array {
            Ok(array) => array.as_ref().map(preview),
            Err(error) => {
                let value = format!("refused: {}", error.code());
                self.fault.get_or_insert(error);
                Some(value)
            }
        }
    }

    /// The node that the same object was shown as before, unless it is one of which nobody asks whether it is the same.
    fn shown_before(&mut self, node: NodeRef<'a>) -> Option<NodeId> {
        if matches!(node.loader(), Loader::Json | Loader::Type | Loader::Function) {
            return None;
        }
        let first = *self.before.entry(node.object_id()?).or_insert(node.id());
        (first != node.id()).then_some(first)
    }

    /// The objects to show below one: attributes, items, members.
    fn children(&self, node: NodeRef<'a>) -> Vec<NodeRef<'a>> {
        let mut list = Vec::new();
        for child in self.parts(node) {
            match state_of(node) {
                Some(state) if state.id() == child.id() => list.extend(self.parts(state)),
                _ => list.push(child),
            }
        }
        list.retain(|child| {
            // An object whose state is null, or whose constructor takes nothing, has nothing to show there.
            !is_empty_part(node, *child)
                && match self.options.show {
                    Show::All => true,
                    Show::Untrusted => self.untrusted.has(*child) || self.untrusted.is_within(*child),
                    Show::Trusted => !self.untrusted.has(*child),
                }
        });
        list
    }

    /// The children of a node. The types of keys are noise, unless one of them is not trusted.
    fn parts(&self, node: NodeRef<'a>) -> impl Iterator<Item = NodeRef<'a>> + use<'a> {
        let extra = node.extra_child().filter(|extra| self.untrusted.is_within(*extra));
        node.children().iter().chain(extra)
    }

    fn item(&self, node: NodeRef<'a>, depth: usize, same_as: Option<String>, hidden: usize) -> Item {
        let (dtype, shape) = match self.audit.dtype_and_shape(node.id()) {
            Some((dtype, shape)) => (Some(cut(dtype, PLACE_LENGTH)), Some(shape.to_vec())),
            None => (None, None),
        };
        Item {
            depth,
            key: label(node),
            path: path(node),
            type_name: cut(type_name(node), PLACE_LENGTH),
            loader: node.loader().as_str(),
            value: value(node, state_of(node)),
            dtype,
            shape,
            trusted: !self.untrusted.has(node),
            holds_untrusted: self.untrusted.is_within(node),
            same_as,
            hidden,
            is_last: true,
        }
    }
}

/// The first items of an array, as Python would show them.
fn preview(array: &NdArray) -> String {
    let mut items: Vec<_> = array.items().take(MOST_ITEMS).map(|item| item.to_string()).collect();
    if array.ndim() == 0 {
        return items.pop().unwrap_or_default();
    }
    if array.len() > MOST_ITEMS {
        items.push("...".to_owned());
    }
    cut(format!("[{}]", items.join(", ")), PLACE_LENGTH)
}

fn path(node: NodeRef<'_>) -> String {
    node.path(PLACE_LENGTH)
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
        Content::RandomGenerator0 { bit_generator, .. } => format!("{}({bit_generator})", node.declared()),
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

/// Draws the lines that join items to their parents. It has to see all items, in order.
#[derive(Debug, Default)]
pub struct Branches {
    /// For each depth, whether more objects follow below the same parent.
    open: Vec<bool>,
}

/// Levels past this one are not indented any more; their number is given instead.
const MOST_BRANCHES: usize = 64;

impl Branches {
    /// What comes before an item in its line.
    pub fn before(&mut self, item: &Item) -> String {
        #[expect(clippy::disallowed_methods, reason = "a file is at most as deep as `json-depth`")]
        self.open.resize(item.depth.saturating_add(1), false);
        if let Some(open) = self.open.last_mut() {
            *open = !item.is_last;
        }
        if item.depth > MOST_BRANCHES {
            return format!("[level {}] ", item.depth);
        }
        let above = self.open.iter().take(item.depth).skip(1);
        let mut prefix: String = above.map(|open| if *open { "│   " } else { "    " }).collect();
        if item.depth > 0 {
            prefix.push_str(if item.is_last { "└── " } else { "├── " });
        }
        prefix
    }
}

/// An item in words: its type, value, dtype and shape, and what is to be said of it.
#[must_use]
pub fn describe(item: &Item) -> String {
    let is_scalar = item.loader == Loader::Json.as_str();
    let mut text = String::new();
    if !is_scalar {
        text.push_str(&item.type_name);
    }
    let mut add = |part: &str| {
        let separator = if text.is_empty() { "" } else { ", " };
        text.extend([separator, part]);
    };
    if let Some(dtype) = &item.dtype {
        let shape = item.shape.as_deref().map(show_shape).unwrap_or_default();
        add(&format!("{dtype} {shape}"));
    }
    if let Some(value) = &item.value {
        add(value);
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
