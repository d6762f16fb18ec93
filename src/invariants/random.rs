//! Random generators, whose positions numpy does not check.
//!
//! Source: `numpy/random/_mt19937.pyx`, `_philox.pyx`, `_pcg64.pyx`, `_sfc64.pyx`.

use super::facts::text;
use super::fault::{Check, Fault, ensure};
use crate::model::{GeneratorState, Object, Value};
use crate::text::shown;

/// `numpy.random.RandomState`, whose state is a dict.
pub(super) fn check_state(random_state: Object<'_>) -> Check {
    match random_state.value()? {
        Value::RandomState(state) => check(state),
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

/// Words of each array in the state of a bit generator.
fn check(state: Object<'_>) -> Check {
    let name = text(state.key("bit_generator")?).unwrap_or_default();
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
fn check_json(text: &str) -> Check {
    let state: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let name = state.get("bit_generator").and_then(serde_json::Value::as_str).unwrap_or_default();
    ensure!(!["MT19937", "Philox", "SFC64"].contains(&name), "is a {name} whose state has no arrays");
    for (key, most) in [("has_uint32", 1), ("uinteger", u64::from(u32::MAX))] {
        let value = state.get(key).map_or(Some(0), serde_json::Value::as_u64);
        ensure!(value.is_some_and(|value| value <= most), "has {key} outside of 0 to {most}");
    }
    Ok(())
}

/// An array of so many words; numpy reads some of them as they lie in memory.
fn words(state: Object<'_>, key: &str, count: u64, dtype: &str) -> Check {
    let array = state.key(key)?;
    let Some((found, shape)) = array.array_info() else {
        return Err(Fault::Broken(format!("has {key}, which is no array")));
    };
    let found = found.to_string();
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
