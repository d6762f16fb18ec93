//! Random generators, whose positions numpy does not check.
//!
//! Source: `numpy/random/_mt19937.pyx`, `_philox.pyx`, `_pcg64.pyx`, `_sfc64.pyx`.

use super::facts::text;
use super::fault::{Check, Fault, ensure};
use crate::model::{GeneratorState, Object, Value};

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
        Value::Generator(generator) => match generator.state() {
            GeneratorState::Object(state) => check(state),
            GeneratorState::Json(text) => check_json(text),
        },
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
            wide(inner, "inc")?;
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

fn words(state: Object<'_>, key: &str, count: u64, dtype: &str) -> Check {
    let array = state.key(key)?;
    let Some((found, shape)) = array.array_info() else {
        return Err(Fault::Broken(format!("has {key}, which is no array")));
    };
    // numpy converts integers of another size or order; what it assumes is how many there are.
    let is_integer = ["u", "i"].contains(&found.to_string().get(1..2).unwrap_or_default());
    ensure!(is_integer, "has {key} of dtype {found}, where {dtype} belongs");
    ensure!(shape == [count], "has {key} of shape {shape:?}, where {count} words belong");
    Ok(())
}

fn within(state: Object<'_>, key: &str, most: i64) -> Check {
    let value = state.key(key)?.as_i64()?;
    ensure!((0..=most).contains(&value), "has {key} = {value}, outside of 0 to {most}");
    Ok(())
}

/// A number of 128 bits.
fn wide(state: Object<'_>, key: &str) -> Check {
    let fits = match state.key(key)?.value()? {
        Value::Int(value) => value.to_u128().is_some(),
        Value::Scalar(array) => array.to_vec::<u64>().is_ok(),
        _ => false,
    };
    ensure!(fits, "has {key}, which is no number of 128 bits");
    Ok(())
}
