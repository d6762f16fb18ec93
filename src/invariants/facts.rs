//! What checks ask of objects, without reading more than they must.

use super::fault::{Check, Fault, ensure};
use crate::model::{Dict, Key, KeyValue, Object, Value};
use crate::npy::{Dtype, Kind, NdArray, ScalarDtype, StructField, show_dtype};
use crate::schema::Loader;

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

/// The shape of an attribute that is an array; `None` when there is none.
pub(super) fn shape(object: Object<'_>, name: &str) -> Check<Option<Vec<usize>>> {
    let Some(attribute) = seen(object, name)? else { return Ok(None) };
    match shape_of(attribute) {
        Some(shape) => Ok(Some(shape)),
        None => Err(Fault::Broken(format!("has {name}, which is a {} and no array", attribute.type_name()))),
    }
}

/// An attribute whose size can be seen. What is there, and is of another kind, may be as good an array for Python: a masked
/// one, or an instance of whatever class.
fn seen<'m>(object: Object<'m>, name: &str) -> Check<Option<Object<'m>>> {
    let Some(attribute) = object.get_attr(name)?.filter(|attribute| !attribute.is_none()) else {
        return Ok(None);
    };
    let loader = attribute.node().loader();
    let is_seen = matches!(
        loader,
        Loader::NdArray | Loader::SparseMatrix | Loader::List | Loader::Tuple | Loader::Json
    );
    ensure!(is_seen, "has {name}, which is {attribute:?} and no array");
    Ok(Some(attribute))
}

/// The length of an attribute that is an array of one dimension or a list; `None` when there is none.
pub(super) fn length(object: Object<'_>, name: &str) -> Check<Option<usize>> {
    let Some(attribute) = seen(object, name)? else { return Ok(None) };
    match (length_of(attribute), shape_of(attribute)) {
        (Some(length), _) => Ok(Some(length)),
        (None, Some(shape)) => {
            Err(Fault::Broken(format!("has {name} of shape {shape:?}, where one dimension belongs")))
        }
        (None, None) => {
            Err(Fault::Broken(format!("has {name}, which is a {} and no list", attribute.type_name())))
        }
    }
}

/// The length of an array of one dimension or of a list.
pub(super) fn length_of(object: Object<'_>) -> Option<usize> {
    match shape_of(object).as_deref() {
        Some([length]) => Some(*length),
        Some(_) => None,
        None => object.item_count(),
    }
}

/// An attribute that is an integer, Python's or numpy's. `None` when there is none. What is no integer may be taken for
/// one by Python all the same, so it is refused.
pub(super) fn int(object: Object<'_>, name: &str) -> Check<Option<i64>> {
    let Some(attribute) = object.get_attr(name)?.filter(|attribute| !attribute.is_none()) else {
        return Ok(None);
    };
    let value = match attribute.value()? {
        Value::Int(value) => value.to_i64(),
        Value::Scalar(array) => integers(&array)?.next(),
        _ => None,
    };
    match value {
        Some(value) => Ok(Some(value)),
        None => Err(Fault::Broken(format!("has {name}, which is no integer"))),
    }
}

/// The items of an array of integers. Bools are none: as an index, they choose where they stand.
pub(super) fn integers(array: &NdArray) -> Check<Box<dyn Iterator<Item = i64> + '_>> {
    let is_integer = |dtype: &ScalarDtype| matches!(dtype.kind, Kind::Int | Kind::Uint);
    match array.dtype() {
        Dtype::Scalar(dtype) if is_integer(dtype) => Ok(array.integers()),
        dtype => {
            Err(Fault::Broken(format!("has an array of dtype {}, where integers belong", show_dtype(dtype))))
        }
    }
}

/// An attribute that is a size.
pub(super) fn size(object: Object<'_>, name: &str) -> Check<Option<usize>> {
    let Some(value) = int(object, name)? else { return Ok(None) };
    match usize::try_from(value) {
        Ok(size) => Ok(Some(size)),
        Err(_) => Err(Fault::Broken(format!("has {name} = {value}"))),
    }
}

/// How many features a fitted estimator takes. scikit-learn compares it with what it is given, once, and a value that is
/// missing, or that is unequal to nothing, lets anything through: so it must be an `int` of Python's.
pub(super) fn features(estimator: Object<'_>) -> Check<usize> {
    let found = match estimator.get_attr("n_features_in_")? {
        Some(attribute) => match attribute.value()? {
            Value::Int(value) => value.to_i64(),
            _ => None,
        },
        None => None,
    };
    match found.and_then(|features| usize::try_from(features).ok()).filter(|features| *features > 0) {
        Some(features) => Ok(features),
        None => Err(Fault::Broken("has no number of features as its n_features_in_".to_owned())),
    }
}

/// Requires that an attribute is an array of numbers, of numpy's own class, and gives its shape.
pub(super) fn array_shape(object: Object<'_>, name: &str) -> Check<Vec<usize>> {
    let attribute = object.attr(name)?;
    let class = attribute.type_name();
    let is_number = |dtype: &ScalarDtype| matches!(dtype.kind, Kind::Int | Kind::Uint | Kind::Float);
    let is_numbers = attribute
        .array_info()
        .is_some_and(|(dtype, _)| matches!(dtype, Dtype::Scalar(dtype) if is_number(dtype)));
    ensure!(class == "numpy.ndarray" && is_numbers, "has {name}, which is a {class} and no array of numbers");
    Ok(shape_of(attribute).unwrap_or_default())
}

/// Requires that an attribute is an array of this dtype, and gives its shape.
pub(super) fn shape_as(object: Object<'_>, name: &str, dtype: &str) -> Check<Vec<usize>> {
    let attribute = object.attr(name)?;
    let found = attribute.array_info().map(|(dtype, _)| show_dtype(dtype));
    ensure!(
        found.as_deref() == Some(dtype),
        "has {name} of dtype {}, where {dtype} belongs",
        found.unwrap_or_default()
    );
    Ok(shape_of(attribute).unwrap_or_default())
}

/// Requires that an array has one of these lists of fields. Names alone would not do: some code takes fields by name and
/// some by position.
pub(super) fn check_fields(array: &NdArray, expected: &[&[(&str, &str)]]) -> Check {
    let fits = match array.dtype() {
        Dtype::Struct(structure) => expected.iter().any(|expected| {
            let fields = structure.fields.iter();
            let same = |(field, (name, dtype)): (&StructField, &(&str, &str))| {
                field.name == *name && field.shape.is_empty() && show_dtype(&field.dtype) == *dtype
            };
            structure.fields.len() == expected.len() && fields.zip(*expected).all(same)
        }),
        Dtype::Scalar(_) => false,
    };
    ensure!(fits, "has an array of dtype {}, which is not its own", show_dtype(array.dtype()));
    Ok(())
}

/// The text that an object is, if it is a `str`.
pub(super) fn text(object: Object<'_>) -> Option<String> {
    match object.value() {
        Ok(Value::Str(text)) => Some(text.into_owned()),
        _ => None,
    }
}

/// The items of an attribute that is a list, tuple or array of objects, of no class of their own. None when there is no
/// such attribute.
pub(super) fn items<'m>(object: Object<'m>, name: &str) -> Check<Vec<Object<'m>>> {
    let Some(attribute) = object.get_attr(name)?.filter(|attribute| !attribute.is_none()) else {
        return Ok(Vec::new());
    };
    list(attribute, name)
}

/// The items of what must be a list, tuple or array of objects, of no class of its own.
pub(super) fn list<'m>(object: Object<'m>, name: &str) -> Check<Vec<Object<'m>>> {
    let class = object.type_name();
    let is_sequence = ["builtins.list", "builtins.tuple", "numpy.ndarray"].contains(&class.as_str());
    ensure!(is_sequence && object.item_count().is_some(), "has {name}, which is a {class} and no list");
    if class == "numpy.ndarray" {
        // The items of an array of more dimensions are arrays for Python.
        let shape = shape_of(object).unwrap_or_default();
        ensure!(shape.len() == 1, "has {name} of shape {shape:?}, where one dimension belongs");
    }
    Ok(object.items()?)
}

/// The numbers of what must be a list, or a tuple, of Python's own, of integers of Python's own: what scikit-learn or
/// scipy put together with another. Of an array, `+` is a sum.
pub(super) fn plain_ints(object: Object<'_>, name: &str, class: &str) -> Check<Vec<i64>> {
    let found = object.type_name();
    ensure!(found == class, "has {name}, which is a {found} and no {class}");
    let number = |item: Object<'_>| match item.value()? {
        Value::Int(value) => Ok(value.to_i64()),
        _ => Ok(None),
    };
    let numbers: Check<Option<Vec<i64>>> = list(object, name)?.into_iter().map(number).collect();
    numbers?.ok_or_else(|| Fault::Broken(format!("has {name} with an item that is no integer")))
}

/// Requires that a dict has as many keys in Python as in the file. Keys of other types are what a function makes of
/// their text, and skops reads the text `false` as `True`.
pub(super) fn check_keys(dict: &Dict<'_>, name: &str) -> Check {
    let is_unclear = |key: &Key<'_>| matches!(key.value(), KeyValue::Bool(false) | KeyValue::Other(_));
    match dict.iter().map(|(key, _)| key).find(is_unclear) {
        Some(key) => Err(Fault::Broken(format!("has {name} with the key {key:?}, which may become another"))),
        None => Ok(()),
    }
}

/// Whether an index is one of so many.
pub(super) fn below(index: i64, count: usize) -> bool {
    usize::try_from(index).is_ok_and(|index| index < count)
}

/// Places that may be taken once each: what is a permutation takes all of them.
pub(super) struct Places(Vec<bool>);

/// What came of taking a place.
#[derive(PartialEq, Eq)]
pub(super) enum Place {
    Free,
    Taken,
    Outside,
}

impl Places {
    #[expect(clippy::disallowed_methods, reason = "callers count items that an array or list has")]
    pub(super) fn new(count: usize) -> Self {
        Self(vec![false; count])
    }

    pub(super) fn take(&mut self, index: i64) -> Place {
        let place = usize::try_from(index).ok().and_then(|index| self.0.get_mut(index));
        match place.map(|is_taken| std::mem::replace(is_taken, true)) {
            Some(false) => Place::Free,
            Some(true) => Place::Taken,
            None => Place::Outside,
        }
    }
}
