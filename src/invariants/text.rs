//! Vocabularies: each word has a column of its own.

use super::facts::{Place, Places, check_keys, items, length, shape, size};
use super::fault::{Check, ensure, refuse};
use crate::model::Object;

/// `CountVectorizer`, `TfidfVectorizer`, `DictVectorizer`.
pub(super) fn check(vectorizer: Object<'_>) -> Check {
    let Some(vocabulary) = vectorizer.get_attr("vocabulary_")?.filter(|vocabulary| !vocabulary.is_none())
    else {
        return Ok(());
    };
    let class = vocabulary.type_name();
    ensure!(class == "builtins.dict", "has a vocabulary_ that is a {class} and no dict");
    let words = vocabulary.as_dict()?;
    let count = words.len();
    ensure!(count > 0, "has no words");
    check_keys(&words, "vocabulary_")?;
    let mut columns = Places::new(count);
    for (word, column) in words.iter() {
        let column = column.as_i64()?;
        let place = columns.take(column);
        ensure!(
            place != Place::Outside,
            "has vocabulary_[{word:?}] = {column}, where there are {count} words"
        );
        ensure!(place == Place::Free, "has vocabulary_[{word:?}] = {column}, which another word has");
    }
    if let Some(tfidf) = vectorizer.get_attr("_tfidf")? {
        let weights = weights(tfidf)?.unwrap_or(count);
        ensure!(weights == count, "has {count} words and {weights} weights");
    }
    let names = items(vectorizer, "feature_names_")?.len();
    ensure!(names == 0 || names == count, "has {count} words and {names} feature_names_");
    Ok(())
}

/// How many words a `TfidfTransformer` has weights for: an array, or up to scikit-learn 1.3 a diagonal matrix.
fn weights(tfidf: Object<'_>) -> Check<Option<usize>> {
    if let Some(count) = length(tfidf, "idf_")? {
        return Ok(Some(count));
    }
    match shape(tfidf, "_idf_diag")?.as_deref() {
        None => Ok(None),
        Some([rows, columns]) if rows == columns => Ok(Some(*rows)),
        Some(shape) => refuse!("has weights of shape {shape:?}"),
    }
}

/// `TfidfTransformer`: its weights are as many as it has seen features.
pub(super) fn check_transformer(transformer: Object<'_>) -> Check {
    if let Some((features, weights)) = size(transformer, "n_features_in_")?.zip(weights(transformer)?) {
        ensure!(features == weights, "has {features} features and {weights} weights");
    }
    Ok(())
}
