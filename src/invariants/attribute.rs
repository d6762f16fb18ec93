//! Attributes that would be found in the place of a method.

use super::fault::{Check, ensure};
use crate::model::Object;
use crate::trust::tables;

/// Attributes of classes that choose what native code does, and that no instance has of its own.
const CLASS_ATTRIBUTES: [&str; 3] = ["_impl", "_sparse_kernels", "is_multiclass"];

/// An instance of a scikit-learn class: Python looks an attribute up on the instance before the class, so one named
/// `predict` would be called instead of the method.
pub(super) fn check(instance: Object<'_>) -> Check {
    let hides = |name: &str| tables::is_method(name) || CLASS_ATTRIBUTES.contains(&name);
    let shadows = instance.attrs()?.find(|(name, _)| hides(name));
    match shadows {
        None => Ok(()),
        Some((name, _)) => {
            ensure!(false, "has the attribute '{name}', which is its class's");
            Ok(())
        }
    }
}
