//! A whole file: audit, permission, objects, checks of contents, export.

use std::fmt::Write;

use serde::de::IgnoredAny;
use skops_rs::export::{Arrays, write};
use skops_rs::{Archive, Audit, Code, Entry, Error, Limits, Model, NdArray, Object, Value};

use super::common::trust_all;
use super::{files, memory};

/// Whatever the file is: what is accepted can be built within the limits, by who trusts all that it names. Reading at
/// once and later, and in another order, gives the same objects, bit by bit; checking before and after building finds
/// the same; and what is exported is the same twice, JSON, and in proportion to the file.
pub fn check(data: &[u8]) {
    let first = outcome(data, &files::small());
    let large = outcome(data, &files::larger());
    if first.as_ref().is_ok() || first.as_ref().is_err_and(|code| code.blame() != skops_rs::Blame::Limit) {
        assert_eq!(first, large, "with larger limits");
    }
    check_claims(data);
}

/// What compressed entries claim to hold takes no memory before it is there, also where limits allow for it.
fn check_claims(data: &[u8]) {
    let most = files::larger().array_bytes;
    let Ok(archive) = files::open(data, Limits::default()) else { return };
    if archive.entries().iter().all(|entry| entry.size <= most) || payload_bytes(&archive) > most as usize {
        return;
    }
    let Ok(audit) = files::audit(&archive) else { return };
    let _ = verify(&audit, data.len());
    let most = most_to_read(&archive, data.len());
    let trust = trust_all(&audit);
    let model = audit.vet(&trust).expect("all was trusted").load();
    let _ = memory::within(most, "reading", || model.read_all());
}

/// What building a file gives, in short: whether its contents are sound, whether all of it can be read, how large its
/// export is. Or why it is refused before.
pub fn outcome(data: &[u8], limits: &Limits) -> Result<String, Code> {
    let load = || -> Result<Model, Error> {
        let audit = files::audit(&files::open(data, limits.clone())?)?;
        let trust = trust_all(&audit);
        Ok(audit.vet(&trust).expect("all was trusted").load())
    };
    let audit = files::audit(&files::open(data, limits.clone()).map_err(|error| error.code())?)
        .map_err(|error| error.code())?;
    let verified = verify(&audit, data.len());
    drop(audit);
    let [lazy, eager] = [load(), load()].map(|model| model.expect("it was accepted"));
    let most = most_to_build(&lazy, data.len());
    let built = memory::within(most, "building", || built(&lazy, &eager, &verified, data.len()));
    // Four times what the file has, and a million more objects, of which each is a value of 72 bytes in a list that
    // grows by doubling.
    let most = (256 << 20) + most;
    let _ = memory::within(most, "extracting", || lazy.root().extract::<serde_json::Value>());
    built
}

fn verify(audit: &Audit, size: usize) -> Result<(), Code> {
    let most = most_to_read(audit.schema().archive(), size);
    memory::within(most, "verifying", || audit.verify()).map_err(|error| error.code())
}

/// Bytes of memory that reading all payloads may take, however long they are kept.
fn most_to_read(archive: &Archive, size: usize) -> usize {
    4 * payload_bytes(archive) + 64 * size + (4 << 20) + files::room_to_decompress(archive)
}

/// Bytes of all entries once decompressed. What an entry only claims to hold is no reason to take memory.
fn payload_bytes(archive: &Archive) -> usize {
    let held = |entry: &Entry| match archive.read(entry) {
        Ok(data) => data.len(),
        // It may be found out late; deflate and bzip2 get that far.
        Err(_) => (entry.size as usize).min(1100 * entry.compressed as usize + 65_536),
    };
    archive.entries().iter().map(held).sum()
}

/// Bytes of memory that two models, two exports and two descriptions of a file may take: items become text of up to 25
/// characters, which grows by doubling.
fn most_to_build(model: &Model, size: usize) -> usize {
    let archive = model.audit().schema().archive();
    300 * payload_bytes(archive) + 600 * size + (16 << 20)
}

fn built(lazy: &Model, eager: &Model, verified: &Result<(), Code>, size: usize) -> Result<String, Code> {
    let read = eager.read_all().map_err(|error| error.code());
    let at_once: Vec<_> = eager.objects().map(|object| describe(&object)).collect();
    let mut later: Vec<_> =
        lazy.objects().collect::<Vec<_>>().iter().rev().map(|object| describe(object)).collect();
    later.reverse();
    // Whose contents are too much to check depends on what was checked before.
    let is_too_much = |text: &String| text.contains(Code::LimitChecks.as_str());
    if !at_once.iter().chain(&later).any(is_too_much) {
        assert_eq!(at_once, later, "at once, and later in another order");
        let again: Vec<_> = lazy.objects().map(|object| describe(&object)).collect();
        assert_eq!(later, again, "the second time");
        assert_eq!(&lazy.verify().map_err(|error| error.code()), verified, "before and after building");
        assert_eq!(&eager.verify().map_err(|error| error.code()), verified, "before and after building");
    }
    for object in lazy.objects().take(200) {
        check_object(lazy, &object);
    }
    let exported = check_export(lazy, eager, size);
    assert_eq!(exported.is_ok(), verified.is_ok() && read.is_ok(), "{exported:?} {verified:?} {read:?}");
    Ok(format!("{verified:?} {read:?} {exported:?}"))
}

/// The export's size, or why there is none.
fn check_export(one: &Model, other: &Model, size: usize) -> Result<usize, Code> {
    let export = |model| {
        let mut json = Vec::new();
        let written = write(model, &Arrays::Inline, &mut json);
        written.map(|()| json).map_err(|error| error.code())
    };
    let json = export(one);
    assert_eq!(json, export(other), "exported twice");
    let json = json?;
    assert!(json.is_ascii());
    serde_json::from_slice::<IgnoredAny>(&json).expect("an export is JSON");
    // Deflated zeros are a thousand times smaller, and each is two bytes of JSON.
    assert!(json.len() < 4000 * size + 10_000, "{} for {size}", json.len());
    Ok(json.len())
}

/// An object, to the last bit of what it holds itself.
fn describe(object: &Object<'_>) -> String {
    let mut text = format!("{} {} ", object.pointer(), object.type_name());
    let _ = match object.value() {
        Err(error) => write!(text, "{} {}", error.code(), error.at()),
        // Not a number is never equal to itself.
        Ok(Value::Float(value)) => write!(text, "{:x}", value.to_bits()),
        Ok(Value::Array(array) | Value::Scalar(array)) => write!(text, "{}", describe_array(&array)),
        Ok(Value::Bytes(bytes) | Value::Bytearray(bytes)) => {
            write!(text, "{} {}", bytes.len(), crc32fast::hash(&bytes))
        }
        Ok(Value::Sparse(matrix)) => {
            let _ = write!(text, "{:?} {:?} {:?}", matrix.format(), matrix.is_array(), matrix.shape());
            let indices =
                matrix.index_arrays().map(|(name, array)| format!("{name} {}", describe_array(array)));
            write!(text, "{} {:?}", describe_array(matrix.data()), indices.collect::<Vec<_>>())
        }
        Ok(value) => write!(text, "{} {:?}", value.kind(), value_in_short(&value)),
    };
    text
}

fn value_in_short(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.as_str().to_owned()),
        Value::Str(value) => Some(value.to_string()),
        Value::Dtype(value) => Some(format!("{value:?}")),
        Value::Type(name) | Value::Function(name) => Some(name.clone()),
        Value::Dict(dict) | Value::OrderedDict(dict) => {
            let items = dict.iter().map(|(key, value)| format!("{key:?} {}", value.pointer()));
            Some(items.collect::<Vec<_>>().join(" "))
        }
        Value::List(items) | Value::Tuple(items) | Value::NamedTuple(items) | Value::Set(items) => {
            Some(items.iter().map(|item| item.pointer()).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

/// Dtype, shape and bytes. The bytes of an array are as many as its header says.
pub fn describe_array(array: &NdArray) -> String {
    let bytes = array.bytes().expect("an array of a file's own");
    assert_eq!(bytes.len(), array.nbytes());
    let of = (array.dtype().to_string(), array.shape(), array.fortran_order());
    format!("{of:?} {} {}", bytes.len(), crc32fast::hash(bytes))
}

/// Whatever is asked of an object is answered, or refused; and it is where it says that it is.
fn check_object(model: &Model, object: &Object<'_>) {
    let _ = object.array::<f64>();
    let _ = object.array::<String>();
    if let Ok(found) = model.at(&object.path()) {
        assert_eq!(found.pointer(), object.pointer(), "at {}", object.path());
    }
}
