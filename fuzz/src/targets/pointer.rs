//! What a JSON pointer leads to, also where keys stand twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The texts of all values that a pointer leads to, in order. If no key stands twice, there is one at most.
pub fn values<'a>(text: &'a str, pointer: &str) -> Vec<&'a str> {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    steps.fold(vec![text], |parents, step| {
        let children = parents.into_iter().flat_map(children);
        children.filter(|(key, _)| *key == step).map(|(_, child)| child).collect()
    })
}

/// What an array or an object holds, by positions or keys.
fn children(text: &str) -> Vec<(String, &str)> {
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return (0..)
            .zip(items)
            .map(|(position, item): (usize, _)| (position.to_string(), item.get()))
            .collect();
    }
    serde_json::from_str(text).map_or(Vec::new(), |Pairs(pairs)| pairs)
}

/// An object with all its keys: a map would keep one of those that stand twice.
struct Pairs<'a>(Vec<(String, &'a str)>);

impl<'a> Deserialize<'a> for Pairs<'a> {
    fn deserialize<D: Deserializer<'a>>(object: D) -> Result<Self, D::Error> {
        object.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'a> Visitor<'a> for PairsVisitor {
    type Value = Pairs<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, value)) = object.next_entry::<String, &RawValue>()? {
            pairs.push((key, value.get()));
        }
        Ok(Pairs(pairs))
    }
}
