//! Changes to a JSON tree that keep it JSON.

use serde_json::{Value, json};

/// A change. Numbers pick a place, a field or a value, modulo how many there are.
#[derive(Debug, Clone)]
pub enum Change {
    Replace(usize, usize),
    Remove(usize),
    Copy(usize, usize),
    Rename(usize, usize),
    SetField(usize, usize, usize),
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(18_446_744_073_709_551_615_u64),
        json!(""),
        json!("builtins"),
        json!("posix"),
        json!("system"),
        json!("__class__"),
        json!("NaN"),
        json!("[1]"),
        json!([]),
        json!({}),
        json!([null]),
        json!({"__id__": 1}),
        json!("ObjectNode"),
        json!("ListNode"),
        json!("DictNode"),
        json!("CachedNode"),
        json!("JsonNode"),
        json!("NdArrayNode"),
        json!("MethodNode"),
        json!("TreeNode"),
        json!("FunctionNode"),
        json!("RandomGeneratorNode"),
        json!("SparseMatrixNode"),
        json!("PartialNode"),
        json!("json"),
        json!("numpy"),
        json!("schema.json"),
        json!(1),
        json!(2),
        json!("\u{202e}"),
    ]
}

/// The fields of nodes, and one that is none.
const FIELDS: &[&str] = &[
    "__class__",
    "__module__",
    "__loader__",
    "__id__",
    "content",
    "key_types",
    "file",
    "type",
    "shape",
    "attrs",
    "__reduce__",
    "is_json",
    "protocol",
    "other",
];

/// All places in a JSON value, as pointers.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                places(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                places(value, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Makes a change. Some do nothing: the root cannot be removed.
pub fn apply(root: &mut Value, change: &Change) {
    let mut all = Vec::new();
    places(root, String::new(), &mut all);
    let pick = |index: &usize| all[index % all.len()].clone();
    let value = |which: &usize| values()[which % values().len()].clone();
    match change {
        Change::Replace(at, which) => *root.pointer_mut(&pick(at)).unwrap() = value(which),
        Change::Copy(from, to) => {
            let copied = root.pointer(&pick(from)).unwrap().clone();
            *root.pointer_mut(&pick(to)).unwrap() = copied;
        }
        Change::Remove(at) => {
            let place = pick(at);
            let Some((parent, key)) = place.rsplit_once('/') else { return };
            match root.pointer_mut(parent).unwrap() {
                Value::Object(map) => drop(map.remove(key)),
                Value::Array(list) => drop(list.remove(key.parse().unwrap())),
                _ => {}
            }
        }
        Change::Rename(at, field) => {
            let place = pick(at);
            let Some((parent, key)) = place.rsplit_once('/') else { return };
            if let Value::Object(map) = root.pointer_mut(parent).unwrap()
                && let Some(moved) = map.remove(key)
            {
                map.insert(FIELDS[field % FIELDS.len()].to_owned(), moved);
            }
        }
        Change::SetField(at, field, which) => {
            if let Value::Object(map) = root.pointer_mut(&pick(at)).unwrap() {
                map.insert(FIELDS[field % FIELDS.len()].to_owned(), value(which));
            }
        }
    }
}
