//! Attributes that would be found in the place of a method.

use super::fault::{Check, ensure, refuse};
use crate::model::{Object, Value};
use crate::schema::Loader;
use crate::trust::tables;

/// Attributes of classes that choose what native code does, and that no instance has of its own.
const CLASS_ATTRIBUTES: [&str; 3] = ["_impl", "_sparse_kernels", "is_multiclass"];

/// An instance of a scikit-learn class: Python looks an attribute up on the instance before the class, so one named
/// `predict` would be called instead of the method.
pub(super) fn check(instance: Object<'_>) -> Check {
    check_state(instance)?;
    let hides = |name: &str| tables::is_method(name) || CLASS_ATTRIBUTES.contains(&name);
    let shadows = instance.attrs()?.find(|(name, _)| hides(name));
    match shadows {
        None => Ok(()),
        Some((name, _)) => refuse!("has the attribute '{name}', which is its class's"),
    }
}

/// The state must be a plain dict, which is all that is looked into, or a tuple, which Cython classes take. Whatever else
/// can be put into `__dict__` would bring attributes that nobody has seen.
fn check_state(instance: Object<'_>) -> Check {
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
