//! What the attributes of an instance of scikit-learn are made of.

use super::fault::{Check, ensure};
use crate::model::{Object, Value};
use crate::schema::Loader;

/// The state must be a plain dict, which is all that is looked into, or a tuple, which Cython classes take. Whatever else
/// can be put into `__dict__` would bring attributes that nobody has seen. That none of them hides a method was seen to
/// when the file was audited.
pub(super) fn check(instance: Object<'_>) -> Check {
    let state = match instance.value()? {
        Value::Instance(instance) => instance.state(),
        _ => None,
    };
    let Some(state) = state.filter(|state| !state.is_none()) else { return Ok(()) };
    let class = state.type_name();
    let is_plain = ["builtins.dict", "builtins.tuple"].contains(&class.as_str());
    ensure!(is_plain && state.node().loader() != Loader::DefaultDict, "has a {class} as its state");
    Ok(())
}
