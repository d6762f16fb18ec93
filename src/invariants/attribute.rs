//! Attributes that would be found in the place of a method.

use super::fault::{Check, ensure};
use crate::model::Object;
use crate::trust::tables;

/// An instance of a scikit-learn class: Python looks an attribute up on the instance before the class, so one named
/// `predict` would be called instead of the method.
pub(super) fn check(instance: Object<'_>) -> Check {
    let shadows = instance.attrs()?.find(|(name, _)| tables::is_method(name));
    match shadows {
        None => Ok(()),
        Some((name, _)) => {
            ensure!(false, "has the attribute '{name}', which is a method of scikit-learn's");
            Ok(())
        }
    }
}
