//! What checks ask of objects, without reading more than they must.

use super::fault::Check;
use crate::model::{Object, Value};

/// The shape of an array, numpy scalar, sparse matrix or array of objects, known without reading it. `None` for
/// anything else.
pub(super) fn shape_of(object: Object<'_>) -> Option<Vec<usize>> {
    if let Some((_, shape)) = object.array_info() {
        return shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    }
    match object.value() {
        Ok(Value::ObjectArray(array)) => Some(array.shape().to_vec()),
        _ => None,
    }
}

/// The shape of an attribute; `None` when there is none, or it has no shape.
pub(super) fn shape(object: Object<'_>, name: &str) -> Check<Option<Vec<usize>>> {
    Ok(object.get_attr(name)?.and_then(shape_of))
}

/// The length of an attribute that is an array of one dimension or a list.
pub(super) fn length(object: Object<'_>, name: &str) -> Check<Option<usize>> {
    Ok(object.get_attr(name)?.and_then(length_of))
}

/// The length of an array of one dimension or of a list.
pub(super) fn length_of(object: Object<'_>) -> Option<usize> {
    match shape_of(object).as_deref() {
        Some([length]) => Some(*length),
        Some(_) => None,
        None => object.item_count(),
    }
}

/// An attribute that is an integer, Python's or numpy's. `None` when there is none, or it is something else.
pub(super) fn int(object: Object<'_>, name: &str) -> Check<Option<i64>> {
    let Some(attribute) = object.get_attr(name)? else { return Ok(None) };
    match attribute.value()? {
        Value::Int(value) => Ok(value.to_i64()),
        Value::Scalar(_) => Ok(attribute.as_i64().ok()),
        _ => Ok(None),
    }
}

/// An attribute that is a size.
pub(super) fn size(object: Object<'_>, name: &str) -> Check<Option<usize>> {
    Ok(int(object, name)?.and_then(|size| usize::try_from(size).ok()))
}

/// The text that an object is, if it is a `str`.
pub(super) fn text(object: Object<'_>) -> Option<String> {
    match object.value() {
        Ok(Value::Str(text)) => Some(text.into_owned()),
        _ => None,
    }
}

/// The items of an attribute that is a list, tuple or array of objects; none when it is something else.
pub(super) fn items<'m>(object: Object<'m>, name: &str) -> Check<Vec<Object<'m>>> {
    let items = object.get_attr(name)?.map(|attribute| attribute.items());
    Ok(items.and_then(Result::ok).unwrap_or_default())
}

/// Whether an index is one of so many.
pub(super) fn below(index: i64, count: usize) -> bool {
    usize::try_from(index).is_ok_and(|index| index < count)
}
