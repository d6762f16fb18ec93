//! Random generators, whose positions numpy does not check.
//!
//! Source: `numpy/random/_mt19937.pyx`, `_philox.pyx`, `_pcg64.pyx`, `_sfc64.pyx`.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::facts::text;
use super::fault::{Check, Fault, ensure, refuse};
use crate::model::{GeneratorState, Object, Value};
use crate::npy::show_dtype;
use crate::text::shown;

/// `numpy.random.RandomState`, whose state is a dict.
pub(super) fn check_state(random_state: Object<'_>) -> Check {
    match random_state.value()? {
        Value::RandomState(state) => {
            let name = text(state.key("bit_generator")?);
            let is_known = name.is_some_and(|name| KNOWN.contains(&name.as_str()));
            ensure!(is_known, "has the state of a bit generator that numpy does not have");
            check(state)
        }
        _ => Ok(()),
    }
}

/// `numpy.random.Generator`.
pub(super) fn check_generator(generator: Object<'_>) -> Check {
    match generator.value()? {
        Value::Generator(generator) => {
            match generator.state() {
                GeneratorState::Object(state) => check(state)?,
                GeneratorState::Json(text) => check_json(text)?,
            }
            generator.seed_sequence().map_or(Ok(()), check_seeds)
        }
        _ => Ok(()),
    }
}

const KNOWN: [&str; 5] = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"];

/// Words of each array in the state of a bit generator.
fn check(state: Object<'_>) -> Check {
    let Some(name) = text(state.key("bit_generator")?) else {
        refuse!("has a bit_generator that is no text");
    };
    let inner = state.key("state")?;
    match name.as_str() {
        "MT19937" => {
            words(inner, "key", 624, "<u4")?;
            within(inner, "pos", 624)?;
            check_twister(inner)?;
        }
        "Philox" => {
            words(inner, "counter", 4, "<u8")?;
            words(inner, "key", 2, "<u8")?;
            words(state, "buffer", 4, "<u8")?;
            within(state, "buffer_pos", 4)?;
        }
        "SFC64" => words(inner, "state", 4, "<u8")?,
        "PCG64" | "PCG64DXSM" => {
            wide(inner, "state")?;
            let increment = wide(inner, "inc")?;
            // An even increment shortens the sequence, down to a single number.
            ensure!(increment % 2 == 1, "has an even inc");
        }
        // Another one is trusted by name; what its state is, only it knows.
        _ => return Ok(()),
    }
    for (key, most) in [("has_uint32", 1), ("has_gauss", 1), ("uinteger", i64::from(u32::MAX))] {
        if state.as_dict()?.get(key).is_some() {
            within(state, key, most)?;
        }
    }
    Ok(())
}

/// skops up to 0.5 writes the state as JSON, which has no arrays: only `PCG64` and `PCG64DXSM` can be written so.
fn check_json(json: &str) -> Check {
    type Object<'a> = HashMap<String, &'a RawValue>;
    fn number(object: &Object<'_>, key: &str, most: u128) -> Check<u128> {
        let number = object.get(key).and_then(|number| number.get().parse().ok());
        number
            .filter(|number| *number <= most)
            .ok_or_else(|| Fault::Broken(format!("has {key} outside of 0 to {most}")))
    }
    let broken = |_| Fault::Broken("has a state that is no object of numbers".to_owned());
    let outer: Object<'_> = serde_json::from_str(json).map_err(broken)?;
    let name = outer.get("bit_generator").map_or("", |name| name.get().trim_matches('"'));
    ensure!(name.starts_with("PCG64"), "is a {} whose state has no arrays", shown(name));
    let inner: Object<'_> =
        serde_json::from_str(outer.get("state").map_or("", |state| state.get())).map_err(broken)?;
    number(&inner, "state", u128::MAX)?;
    ensure!(number(&inner, "inc", u128::MAX)? % 2 == 1, "has an even inc");
    number(&outer, "has_uint32", 1)?;
    number(&outer, "uinteger", u128::from(u32::MAX))?;
    Ok(())
}

/// An array of so many words; numpy reads some of them as they lie in memory.
fn words(state: Object<'_>, key: &str, count: u64, dtype: &str) -> Check {
    let array = state.key(key)?;
    let Some((found, shape)) = array.array_info() else {
        refuse!("has {key}, which is no array");
    };
    let found = show_dtype(found);
    ensure!(found == dtype, "has {key} of dtype {found}, where {dtype} belongs");
    ensure!(shape == [count], "has {key} of shape {shape:?}, where {count} words belong");
    Ok(())
}

/// A twister whose words are all zero gives nothing but zeros, and drawing a normal number from it never ends. Of the
/// first word only the highest bit counts.
fn check_twister(inner: Object<'_>) -> Check {
    let key = inner.key("key")?.ndarray()?.to_vec::<u32>()?;
    let is_alive =
        key.first().is_some_and(|first| first >> 31 == 1) || key.iter().skip(1).any(|word| *word != 0);
    ensure!(is_alive, "has a key of zeros");
    Ok(())
}

fn within(state: Object<'_>, key: &str, most: i64) -> Check {
    let value = state.key(key)?.as_i64()?;
    ensure!((0..=most).contains(&value), "has {key} = {value}, outside of 0 to {most}");
    Ok(())
}

/// A number of 128 bits.
fn wide(state: Object<'_>, key: &str) -> Check<u128> {
    let number = match state.key(key)?.value()? {
        Value::Int(value) => value.to_u128(),
        Value::Scalar(array) => array.to_vec::<u64>()?.first().copied().map(u128::from),
        _ => None,
    };
    number.ok_or_else(|| Fault::Broken(format!("has {key}, which is no number of 128 bits")))
}

/// A bit generator that stands alone: its state is the dict, or since skops 0.11 a tuple of it and the seeds.
pub(super) fn check_bit_generator(generator: Object<'_>) -> Check {
    let state = match generator.value()? {
        Value::Instance(instance) => instance.state(),
        _ => None,
    };
    let Some(state) = state.filter(|state| !state.is_none()) else { return Ok(()) };
    let state = match state.value()? {
        Value::Tuple(parts) => parts.get(0),
        _ => Some(state),
    };
    let Some(state) = state else { return Ok(()) };
    let name = text(state.key("bit_generator")?).unwrap_or_default();
    let class = generator.class_name();
    ensure!(name == class, "has the state of a {}", shown(&name));
    check(state)
}

/// Making generators from seeds takes time in proportion to the square of the pool's size.
fn check_seeds(seeds: Object<'_>) -> Check {
    match seeds.as_dict()?.get("pool_size") {
        Some(size) => {
            let size = size.as_i64()?;
            ensure!((4..=64).contains(&size), "has seeds with a pool_size of {size}");
            Ok(())
        }
        None => Ok(()),
    }
}
