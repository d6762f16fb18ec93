//! Encoders: the columns that they make of categories.
//!
//! `OneHotEncoder.transform` makes a matrix of indices that it computes, with as many columns as `_n_features_outs`
//! says, and nobody compares the two.

use super::facts::{below, items, length, length_of, size};
use super::fault::{Check, ensure};
use crate::model::{Object, Value};

/// What is checked of each feature's categories.
struct Feature {
    categories: usize,
    /// What is left once rare ones are one.
    grouped: usize,
}

/// `OneHotEncoder`, `OrdinalEncoder`, `TargetEncoder`.
pub(super) fn check(encoder: Object<'_>) -> Check {
    let categories = items(encoder, "categories_")?;
    if categories.is_empty() {
        return Ok(());
    }
    let features = size(encoder, "n_features_in_")?.unwrap_or(categories.len());
    ensure!(
        features == categories.len(),
        "has {features} features and the categories of {}",
        categories.len()
    );
    let mut counts = Vec::with_capacity(features);
    for (index, list) in categories.iter().enumerate() {
        let Some(count) = length_of(*list) else {
            ensure!(false, "has categories_[{index}], which is no list");
            continue;
        };
        counts.push(Feature { categories: count, grouped: count });
    }
    check_infrequent(encoder, &mut counts)?;
    let dropped = check_dropped(encoder, &counts)?;
    check_columns(encoder, &counts, &dropped)
}

/// Rare categories are mapped to one.
fn check_infrequent(encoder: Object<'_>, features: &mut [Feature]) -> Check {
    let rare = items(encoder, "_infrequent_indices")?;
    let mappings = items(encoder, "_default_to_infrequent_mappings")?;
    for (name, list) in [("_infrequent_indices", &rare), ("_default_to_infrequent_mappings", &mappings)] {
        ensure!(list.is_empty() || list.len() == features.len(), "has {name} for {} features", list.len());
    }
    for (index, feature) in features.iter_mut().enumerate() {
        let Some(indices) = rare.get(index).filter(|indices| !indices.is_none()) else { continue };
        let count = length_of(*indices).unwrap_or(0);
        feature.grouped = feature.categories.saturating_sub(count).saturating_add(usize::from(count > 0));
        for rare in indices.ndarray()?.integers() {
            ensure!(
                below(rare, feature.categories),
                "has {rare} in _infrequent_indices[{index}], where there are {} categories",
                feature.categories
            );
        }
        if let Some(mapping) = mappings.get(index).filter(|mapping| !mapping.is_none()) {
            let mapping = mapping.ndarray()?;
            ensure!(
                mapping.len() == feature.categories,
                "maps {} categories of feature {index}",
                mapping.len()
            );
            for to in mapping.integers() {
                let count = feature.grouped;
                ensure!(
                    below(to, count),
                    "maps a category of feature {index} to {to}, where there are {count}"
                );
            }
        }
    }
    Ok(())
}

/// Which features lose a category.
fn check_dropped(encoder: Object<'_>, features: &[Feature]) -> Check<Vec<bool>> {
    let mut dropped = vec![false; features.len()];
    for (name, is_grouped) in [("drop_idx_", false), ("_drop_idx_after_grouping", true)] {
        let Some(indices) = encoder.get_attr(name)?.filter(|indices| !indices.is_none()) else { continue };
        let indices: Vec<Option<i64>> = match indices.value()? {
            Value::Array(array) => array.integers().map(Some).collect(),
            _ => indices.items()?.iter().map(|index| index.as_i64().ok()).collect(),
        };
        ensure!(indices.len() == features.len(), "has {name} for {} features", indices.len());
        for ((feature, index), slot) in features.iter().zip(&indices).zip(&mut dropped) {
            let count = if is_grouped { feature.grouped } else { feature.categories };
            let Some(index) = index else { continue };
            ensure!(below(*index, count), "has {name} = {index}, where there are {count} categories");
            *slot = true;
        }
    }
    Ok(dropped)
}

/// The number of columns must be that of the categories.
fn check_columns(encoder: Object<'_>, features: &[Feature], dropped: &[bool]) -> Check {
    if let Some(columns) = encoder.get_attr("_n_features_outs")?.filter(|columns| !columns.is_none()) {
        let columns = columns.items()?;
        ensure!(columns.len() == features.len(), "has _n_features_outs for {} features", columns.len());
        for (index, ((feature, dropped), columns)) in features.iter().zip(dropped).zip(&columns).enumerate() {
            let expected = feature.grouped.saturating_sub(usize::from(*dropped));
            let found = columns.as_i64()?;
            ensure!(
                usize::try_from(found) == Ok(expected),
                "makes {found} columns of feature {index}, which has {expected} categories"
            );
        }
    }
    if let Some(encodings) = length(encoder, "encodings_")? {
        let outputs = length(encoder, "classes_")?.filter(|classes| *classes > 2).unwrap_or(1);
        let is_multiclass =
            encoder.get_attr("target_type_")?.and_then(super::facts::text).as_deref() == Some("multiclass");
        let expected = features.len().saturating_mul(if is_multiclass { outputs } else { 1 });
        ensure!(encodings == expected, "has {encodings} encodings_, where {expected} belong");
    }
    Ok(())
}
