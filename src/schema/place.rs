//! Where a node is: as a JSON pointer for programs, and as a path that a person can follow.

use super::loader::Loader;
use super::node::EXTRA_SLOT;
use super::view::NodeRef;
use crate::text::{SHOWN_LENGTH, cut, shown};

/// Pointers are cut after so many bytes, before they are escaped. Those of genuine files stay far below; but one key may be as long as the file, and
/// everything below it has it in its pointer.
pub(super) const POINTER_LENGTH: usize = 8 << 10;

/// Adds a step to a pointer, unless it is as long as pointers get.
pub(super) fn push_key(pointer: &mut String, key: &str) {
    let room = POINTER_LENGTH.saturating_sub(pointer.len());
    if room == 0 {
        return;
    }
    pointer.push('/');
    // Looking at more of the key would take as long as the key is, for each node below it.
    let end = (room..key.len()).find(|end| key.is_char_boundary(*end));
    let key = end.and_then(|end| key.get(..end)).unwrap_or(key);
    if key.contains(['~', '/']) {
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(key);
    }
}

pub(super) fn push_index(pointer: &mut String, index: usize) {
    push_key(pointer, &index.to_string());
}

/// The nodes from the root to this one, the root first.
fn line(node: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    let mut line: Vec<_> = std::iter::successors(Some(node), |node| node.parent()).collect();
    line.reverse();
    line
}

/// The JSON pointer (RFC 6901) to a node in `schema.json`, cut after [`POINTER_LENGTH`] bytes.
#[expect(clippy::disallowed_methods, reason = "2 is not 0")]
pub(crate) fn pointer(node: NodeRef<'_>) -> String {
    let mut pointer = String::new();
    for pair in line(node).windows(2) {
        let [parent, child] = pair else { continue };
        match step(*parent, *child) {
            Step::Field(field) => push_key(&mut pointer, field),
            Step::Member(member) => {
                push_key(&mut pointer, "content");
                push_key(&mut pointer, member);
            }
            Step::Key(key) => {
                push_key(&mut pointer, "content");
                push_key(&mut pointer, key);
            }
            Step::Item(index) => {
                push_key(&mut pointer, "content");
                push_index(&mut pointer, index);
            }
            Step::State => push_key(&mut pointer, "content"),
            Step::Arguments => {
                push_key(&mut pointer, "__reduce__");
                push_key(&mut pointer, "args");
            }
        }
    }
    pointer
}

/// The path to a node, as one would write it in Python: `steps[1][1].coef_`. The root's path is empty. What goes
/// past `most` characters is cut.
#[expect(clippy::disallowed_methods, reason = "2 is not 0")]
pub(crate) fn path(node: NodeRef<'_>, most: usize) -> String {
    let mut path = String::new();
    let line = line(node);
    let mut holds_attributes = false;
    for pair in line.windows(2) {
        let [parent, child] = pair else { continue };
        if path.len() > most {
            break;
        }
        let step = step(*parent, *child);
        let of_state = std::mem::take(&mut holds_attributes);
        match step {
            // An object's state is a dict whose items are its attributes.
            Step::State if child.loader() == Loader::Dict => holds_attributes = true,
            Step::State => push_name(&mut path, STATE),
            Step::Key(key) if of_state && is_plain(key) => push_name(&mut path, key),
            Step::Key(key) => path.extend(["['", &shown(key).to_string(), "']"]),
            Step::Item(index) => path.extend(["[", &index.to_string(), "]"]),
            Step::Field(name) | Step::Member(name) => push_name(&mut path, name),
            Step::Arguments => push_name(&mut path, ARGUMENTS),
        }
    }
    if holds_attributes {
        // The dict itself, rather than one of the attributes in it.
        push_name(&mut path, STATE);
    }
    // All of it is ASCII.
    if path.len() > most { cut(path, most) } else { path }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Whether a key is shown as it is. A longer one is cut, as any other text.
fn is_plain(key: &str) -> bool {
    let is_short = (1..=SHOWN_LENGTH).contains(&key.len());
    is_short && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What a path calls the state of an object that is no dict of attributes.
const STATE: &str = "content";
/// What a path calls the arguments of a constructor.
pub(crate) const ARGUMENTS: &str = "__reduce__.args";

/// How one gets from a node to a child.
enum Step<'a> {
    /// To a field that is a node.
    Field(&'static str),
    /// To a member of `content`.
    Member(&'static str),
    /// To an item of a dict.
    Key(&'a str),
    /// To an item of a list.
    Item(usize),
    /// To the state of an object.
    State,
    /// To the arguments of a constructor.
    Arguments,
}

fn step<'a>(parent: NodeRef<'a>, child: NodeRef<'a>) -> Step<'a> {
    let slot = child.slot();
    let member = |names: &[&'static str]| Step::Member(names.get(slot as usize).copied().unwrap_or_default());
    match parent.loader() {
        Loader::Dict if slot == EXTRA_SLOT => Step::Field("key_types"),
        Loader::Dict => Step::Key(parent.key(slot)),
        Loader::NdArray if slot == EXTRA_SLOT => Step::Field("shape"),
        Loader::List | Loader::Tuple | Loader::Set | Loader::NdArray => Step::Item(slot as usize),
        Loader::OperatorFunc => Step::Field("attrs"),
        Loader::DefaultDict => member(&["main", "default_factory"]),
        Loader::DictWithDeprecatedKeys => member(&["main", "_deprecated_key_to_new_key"]),
        Loader::Partial => member(&["func", "args", "kwds", "namespace"]),
        Loader::MaskedArray => member(&["data", "mask"]),
        Loader::Method => member(&["obj"]),
        Loader::RandomGenerator => member(&["bit_generator", "seed_seq"]),
        Loader::Tree | Loader::Loss | Loader::Sgd | Loader::QuantileForest if slot == 1 => Step::Arguments,
        Loader::ConstructorFromReduce | Loader::DType | Loader::RandomState => Step::Field("content"),
        _ => Step::State,
    }
}

/// Whether a node is how skops stores another, rather than an object that it holds: a state, arguments, the types of
/// keys, a shape.
pub(crate) fn is_storage(node: NodeRef<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    let is_beside = |node: NodeRef<'_>| node.slot() == EXTRA_SLOT;
    matches!(step(parent, node), Step::State | Step::Arguments) || is_beside(node) || is_beside(parent)
}

/// The part of a node that a path has under this name: a field, a member, the state, the arguments.
pub(crate) fn part<'a>(node: NodeRef<'a>, name: &str) -> Option<NodeRef<'a>> {
    let is_named = |child: &NodeRef<'a>| match step(node, *child) {
        Step::Field(field) | Step::Member(field) => field == name,
        Step::State => name == STATE,
        Step::Arguments => name == ARGUMENTS,
        Step::Key(_) | Step::Item(_) => false,
    };
    node.children().iter().chain(node.extra_child()).find(is_named)
}

/// The attribute, key or position under which a node's parent has it; for the tree that `inspect` shows.
pub(crate) fn label(node: NodeRef<'_>) -> String {
    let Some(parent) = node.parent() else { return "root".to_owned() };
    match step(parent, node) {
        Step::Field(name) | Step::Member(name) => name.to_owned(),
        Step::Key(key) => shown(key).to_string(),
        Step::Item(index) => format!("[{index}]"),
        Step::State => "state".to_owned(),
        Step::Arguments => "args".to_owned(),
    }
}
