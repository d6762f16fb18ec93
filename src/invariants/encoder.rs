//! Encoders: the columns that they make of categories.
//!
//! `OneHotEncoder.transform` makes a matrix of indices that it computes, with as many columns as `_n_features_outs`
//! says, and nobody compares the two.

use std::collections::HashMap;

use super::facts::{
    below, check_keys, integers, items, length, length_of, list, plain_ints, shape_of, size, text,
};
use super::fault::{Check, Fault, ensure, refuse};
use crate::model::{KeyValue, Object, Value};
use crate::npy::{Item, show_dtype};

/// The categories of a feature.
struct Feature {
    categories: usize,
    /// What is left once rare ones are one.
    grouped: usize,
    /// Whether one of them has no column.
    is_dropped: bool,
}

/// `OneHotEncoder`, `OrdinalEncoder`, `TargetEncoder`.
pub(super) fn check(encoder: Object<'_>) -> Check {
    let categories = items(encoder, "categories_")?;
    if categories.is_empty() {
        return Ok(());
    }
    let count = size(encoder, "n_features_in_")?.unwrap_or(0);
    ensure!(count == categories.len(), "has {count} features and the categories of {}", categories.len());
    #[expect(clippy::disallowed_methods, reason = "as many as the list has items")]
    let mut features = Vec::with_capacity(count);
    for (index, list) in categories.into_iter().enumerate() {
        let categories = length_of(list).unwrap_or(0);
        ensure!(categories > 0, "has no categories of feature {index}");
        check_order(list, index)?;
        features.push(Feature { categories, grouped: categories, is_dropped: false });
    }
    check_infrequent(encoder, &mut features)?;
    check_dropped(encoder, &mut features)?;
    check_columns(encoder, &features)
}

/// Numbers are looked up by bisection, which finds positions past the end in a list that does not rise. NaN is last.
fn check_order(list: Object<'_>, feature: usize) -> Check {
    let Value::Array(array) = list.value()? else { return Ok(()) };
    let mut before: Option<Item<'_>> = None;
    for item in array.items() {
        let rises = match (&before, &item) {
            // Text and bytes are looked up in a dict.
            (_, Item::Text(_) | Item::Bytes(_)) => return Ok(()),
            (_, Item::Complex(_) | Item::LongDouble(_) | Item::Void(_) | Item::Record(_)) => {
                refuse!("has categories of feature {feature} of dtype {}", show_dtype(array.dtype()))
            }
            (None, _) => true,
            (Some(Item::Bool(one)), Item::Bool(next)) => one < next,
            (Some(Item::Int(one)), Item::Int(next)) => one < next,
            (Some(Item::Uint(one)), Item::Uint(next)) => one < next,
            (Some(Item::Float(one)), Item::Float(next)) => one < next || (!one.is_nan() && next.is_nan()),
            (
                Some(Item::Datetime(one) | Item::Timedelta(one)),
                Item::Datetime(next) | Item::Timedelta(next),
            ) => one.is_some() && (one < next || next.is_none()),
            _ => false,
        };
        if !rises {
            let before = before.map(|before| before.to_string()).unwrap_or_default();
            refuse!("has categories of feature {feature} that do not rise: {item} after {before}");
        }
        before = Some(item);
    }
    Ok(())
}

/// Rare categories are mapped to one, the last.
fn check_infrequent(encoder: Object<'_>, features: &mut [Feature]) -> Check {
    let rare = items(encoder, "_infrequent_indices")?;
    let mappings = items(encoder, "_default_to_infrequent_mappings")?;
    for (name, list) in [("_infrequent_indices", &rare), ("_default_to_infrequent_mappings", &mappings)] {
        ensure!(list.is_empty() || list.len() == features.len(), "has {name} for {} features", list.len());
    }
    let is_enabled = match encoder.get_attr("_infrequent_enabled")? {
        Some(flag) => flag.as_bool()?,
        None => !mappings.is_empty(),
    };
    for (index, feature) in features.iter_mut().enumerate() {
        let given = |list: &[Object<'_>]| list.get(index).is_some_and(|item| !item.is_none());
        ensure!(
            given(&rare) == given(&mappings),
            "has only a part of what rare categories of feature {index} need"
        );
        let (Some(rare), Some(mapping), true) = (rare.get(index), mappings.get(index), given(&mappings))
        else {
            continue;
        };
        ensure!(is_enabled, "maps categories of feature {index}, and says that it does not");
        for rare in integers(&rare.ndarray()?)? {
            let count = feature.categories;
            ensure!(
                below(rare, count),
                "has {rare} in _infrequent_indices[{index}], where there are {count}"
            );
        }
        let mapping = mapping.ndarray()?;
        let shape = mapping.shape();
        ensure!(shape == [feature.categories], "maps categories of feature {index} by an array of {shape:?}");
        feature.grouped = 0;
        for to in integers(&mapping)? {
            let count = feature.categories;
            ensure!(below(to, count), "maps a category of feature {index} to {to}, where there are {count}");
            feature.grouped = feature.grouped.max(usize::try_from(to).unwrap_or(0).saturating_add(1));
        }
    }
    Ok(())
}

/// Which features lose a category.
fn check_dropped(encoder: Object<'_>, features: &mut [Feature]) -> Check {
    let shown = encoder.get_attr("drop_idx_")?.filter(|indices| !indices.is_none());
    let used = match encoder.get_attr("_drop_idx_after_grouping")? {
        Some(indices) => Some(indices).filter(|indices| !indices.is_none()),
        None => shown,
    };
    ensure!(
        shown.is_some() == used.is_some(),
        "has drop_idx_ for some and _drop_idx_after_grouping for others"
    );
    for (name, indices, is_grouped) in [("drop_idx_", shown, false), ("_drop_idx_after_grouping", used, true)]
    {
        let Some(indices) = indices else { continue };
        // With more dimensions, numpy would compare each feature with the indices of others.
        let shape = shape_of(indices).unwrap_or_default();
        ensure!(shape == [features.len()], "has {name} of shape {shape:?} for {} features", features.len());
        let indices: Vec<Option<i64>> = if let Value::Array(array) = indices.value()? {
            integers(&array)?.map(Some).collect()
        } else {
            let index = |index: Object<'_>| match index.value()? {
                Value::None => Ok(None),
                Value::Int(_) | Value::Scalar(_) => Ok(Some(index.as_i64()?)),
                other => Err(Fault::Broken(format!("has {name} with {}", other.kind()))),
            };
            list(indices, name)?.into_iter().map(index).collect::<Check<_>>()?
        };
        for (feature, index) in features.iter_mut().zip(&indices) {
            let count = if is_grouped { feature.grouped } else { feature.categories };
            let Some(index) = index else { continue };
            ensure!(below(*index, count), "has {name} = {index}, where there are {count} categories");
            feature.is_dropped |= is_grouped;
        }
    }
    Ok(())
}

/// The number of columns must be that of the categories.
fn check_columns(encoder: Object<'_>, features: &[Feature]) -> Check {
    if let Some(columns) = encoder.get_attr("_n_features_outs")? {
        // A zero is put before them: to an array it would be added.
        let columns = plain_ints(columns, "_n_features_outs", "builtins.list")?;
        ensure!(columns.len() == features.len(), "has _n_features_outs for {} features", columns.len());
        for (index, (feature, found)) in features.iter().zip(&columns).enumerate() {
            let expected = feature.grouped.saturating_sub(usize::from(feature.is_dropped));
            ensure!(
                usize::try_from(*found) == Ok(expected),
                "makes {found} columns of feature {index}, which has {expected} categories"
            );
        }
    }
    let Some(encodings) = length(encoder, "encodings_")? else { return Ok(()) };
    let is_multiclass = encoder.get_attr("target_type_")?.and_then(text).as_deref() == Some("multiclass");
    let classes = if is_multiclass { length(encoder, "classes_")?.unwrap_or(1) } else { 1 };
    let expected = features.len().saturating_mul(classes);
    ensure!(encodings == expected, "has {encodings} encodings_, where {expected} belong");
    Ok(())
}

/// `MultiLabelBinarizer`: each label has a column, and the dict of them that is made, or kept, has as many labels.
pub(super) fn check_labels(binarizer: Object<'_>) -> Check {
    let Some(classes) = binarizer.get_attr("classes_")? else { return Ok(()) };
    let count = length_of(classes).unwrap_or(0);
    let mut columns = HashMap::new();
    for (column, label) in labels(classes)?.into_iter().enumerate() {
        let other = columns.insert(label, column);
        ensure!(other.is_none(), "has in column {column} a label that another column has");
    }
    let Some(known) = binarizer.get_attr("_cached_dict")?.filter(|known| !known.is_none()) else {
        return Ok(());
    };
    let class = known.type_name();
    ensure!(class == "builtins.dict", "has a _cached_dict that is a {class} and no dict");
    let known = known.as_dict()?;
    ensure!(known.len() == count, "has {count} classes_ and {} in _cached_dict", known.len());
    check_keys(&known, "_cached_dict")?;
    for (key, column) in known.iter() {
        let column = column.as_i64()?;
        let own = Label::of_key(key.value()).and_then(|label| columns.get(&label));
        let fits = own.is_some_and(|own| i64::try_from(*own) == Ok(column));
        ensure!(fits, "has column {column} for {key:?}, which is not that of its class");
    }
    Ok(())
}

/// A label, such that those that are equal in Python are equal.
#[derive(PartialEq, Eq, Hash)]
enum Label {
    None,
    /// A number without a fraction, and a bool: its digits.
    Whole(String),
    /// The bits of a number with a fraction, or of what is no number.
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The labels in an array of one dimension.
fn labels(classes: Object<'_>) -> Check<Vec<Label>> {
    let shape = shape_of(classes).unwrap_or_default();
    ensure!(shape.len() == 1, "has classes_ of shape {shape:?}");
    let labels: Option<_> = match classes.value()? {
        Value::Array(array) => array.items().map(Label::of_item).collect(),
        Value::ObjectArray(array) => {
            let labels = array.flat().into_iter().map(Label::of);
            labels.collect::<Check<Option<_>>>()?
        }
        _ => None,
    };
    labels.ok_or_else(|| Fault::Broken("has classes_ that are no texts or numbers".to_owned()))
}

impl Label {
    /// `None` for what may equal others in ways of its own.
    fn of(object: Object<'_>) -> Check<Option<Self>> {
        Ok(match object.value()? {
            Value::None => Some(Self::None),
            Value::Bool(value) => Some(Self::of_bool(value)),
            Value::Int(value) => Some(Self::of_digits(value.as_str())),
            Value::Float(value) => Some(Self::of_float(value)),
            Value::Str(text) => Some(Self::Text(text.into_owned())),
            Value::Bytes(bytes) => Some(Self::Bytes(bytes.to_vec())),
            Value::Scalar(array) => array.items().next().and_then(Self::of_item),
            _ => None,
        })
    }

    fn of_item(item: Item<'_>) -> Option<Self> {
        match item {
            Item::Bool(value) => Some(Self::of_bool(value)),
            Item::Int(value) => Some(Self::Whole(value.to_string())),
            Item::Uint(value) => Some(Self::Whole(value.to_string())),
            Item::Float(value) => Some(Self::of_float(value)),
            Item::Text(text) => Some(Self::Text(text)),
            Item::Bytes(bytes) => Some(Self::Bytes(bytes.to_vec())),
            _ => None,
        }
    }

    fn of_key(key: KeyValue<'_>) -> Option<Self> {
        match key {
            KeyValue::None => Some(Self::None),
            KeyValue::Bool(value) => Some(Self::of_bool(value)),
            KeyValue::Int(value) => Some(Self::of_digits(value.as_str())),
            KeyValue::Float(value) => Some(Self::of_float(value)),
            KeyValue::Str(text) => Some(Self::Text(text.to_owned())),
            KeyValue::Other(_) => None,
        }
    }

    fn of_bool(value: bool) -> Self {
        Self::Whole(u8::from(value).to_string())
    }

    fn of_digits(digits: &str) -> Self {
        Self::Whole(if digits == "-0" { "0" } else { digits }.to_owned())
    }

    /// Of a float without a fraction all digits are printed, however many there are.
    fn of_float(value: f64) -> Self {
        if value.fract() == 0.0 {
            Self::Whole(format!("{:.0}", value + 0.0))
        } else {
            Self::Float(value.to_bits())
        }
    }
}
