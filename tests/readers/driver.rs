//! What we read from each case on standard input, and what other Rust crates read: a line of JSON for each.
//!
//! A case is a line: its kind, its bytes in hexadecimal, and for a sparse matrix the class that is declared. The scripts
//! in this folder make the cases, and compare the answers with what Python's readers say.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "it is a program, too")]
#[path = "../../examples/graph.rs"]
mod graph;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::panic::catch_unwind;

use common::{Entry, Zip, array, node, skops};
use ndarray::ArrayD;
use ndarray_npy::{ReadNpyExt, ReadableElement};
use num_complex::Complex;
use serde_json::{Value as Json, json};
use skops_rs::check::{Checker, Finder};
use skops_rs::npy::{Dtype, Element, Kind};
use skops_rs::policy::{Pattern, Policy, VersionRange};
use skops_rs::{Archive, Code, Error, Limits, NdArray};

fn main() {
    // What a peer panics about is an answer.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        let bytes = unhex(words[1]);
        let answer = match words[0] {
            "npy" => npy(&bytes),
            "npz" => npz(words[2], bytes),
            "schema" => schema(bytes),
            "archive" => archive(bytes),
            "policy" => policy(&bytes),
            "mlmodel" => mlmodel(&bytes).unwrap_or_else(|error| json!({"error": error})),
            kind => panic!("no kind of case: {kind}"),
        };
        writeln!(out, "{answer}").unwrap();
    }
    out.flush().unwrap();
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn refused(error: &Error) -> Json {
    json!({"error": error.code().as_str(), "message": error.to_string()})
}

/// The object that is saved in an archive.
fn root(archive: Vec<u8>) -> Json {
    match Archive::from_bytes(archive, Limits::default()).and_then(|archive| graph::describe(&archive)) {
        Ok(root) => json!({"root": root}),
        Err(error) => refused(&error),
    }
}

const ARRAY: &str = "140000000000001.npy";
const MATRIX: &str = "140000000000001.npz";

/// An array, and whether `ndarray-npy` reads the same. It is only asked about what we accept: on other headers it may
/// take time without end, or memory.
fn npy(bytes: &[u8]) -> Json {
    let file = skops(array(ARRAY), &[(ARRAY, bytes.to_vec())]);
    let mut answer = root(file.clone());
    if answer.get("root").is_some() {
        let archive = Archive::from_bytes(file, Limits::default()).unwrap();
        let ours = common::load_trusting(&archive).root().ndarray().unwrap();
        answer["ndarray-npy"] = peer(&ours, bytes).into();
    }
    answer
}

fn peer(ours: &NdArray, bytes: &[u8]) -> String {
    let Dtype::Scalar(dtype) = ours.dtype() else { return "not asked: fields".to_owned() };
    match (dtype.kind, dtype.size) {
        (Kind::Bool, 1) => same::<bool>(ours, bytes),
        (Kind::Int, 1) => same::<i8>(ours, bytes),
        (Kind::Int, 2) => same::<i16>(ours, bytes),
        (Kind::Int, 4) => same::<i32>(ours, bytes),
        (Kind::Int, 8) => same::<i64>(ours, bytes),
        (Kind::Uint, 1) => same::<u8>(ours, bytes),
        (Kind::Uint, 2) => same::<u16>(ours, bytes),
        (Kind::Uint, 4) => same::<u32>(ours, bytes),
        (Kind::Uint, 8) => same::<u64>(ours, bytes),
        (Kind::Float, 4) => same::<f32>(ours, bytes),
        (Kind::Float, 8) => same::<f64>(ours, bytes),
        (Kind::Complex, 8) => same::<Complex<f32>>(ours, bytes),
        (Kind::Complex, 16) => same::<Complex<f64>>(ours, bytes),
        _ => "not asked: a dtype that it has not".to_owned(),
    }
}

/// Whether it reads the same values, NaNs bit for bit, into the same order of memory.
fn same<T: Element + ReadableElement + Bits>(ours: &NdArray, bytes: &[u8]) -> String {
    let theirs = match catch_unwind(|| ArrayD::<T>::read_npy(bytes)) {
        Ok(Ok(theirs)) => theirs,
        Ok(Err(error)) => return format!("refused: {error}"),
        Err(_) => return "panicked".to_owned(),
    };
    let ours = ours.to_array::<T>().unwrap();
    let bits = |array: &ArrayD<T>| array.iter().map(Bits::bits).collect::<Vec<_>>();
    let order = |array: &ArrayD<T>| {
        array.as_slice_memory_order().map(|items| items.iter().map(Bits::bits).collect::<Vec<_>>())
    };
    let agrees =
        ours.shape() == theirs.shape() && bits(&ours) == bits(&theirs) && order(&ours) == order(&theirs);
    if agrees { "same".to_owned() } else { format!("differs: {:?}", bits(&theirs)) }
}

trait Bits {
    fn bits(&self) -> (u64, u64);
}

macro_rules! bits {
    ($($type:ty: $value:ident => $bits:expr;)*) => {$(
        impl Bits for $type {
            fn bits(&self) -> (u64, u64) {
                let $value = *self;
                $bits
            }
        }
    )*};
}

bits! {
    bool: value => (u64::from(value), 0);
    i8: value => (value as u64, 0);
    i16: value => (value as u64, 0);
    i32: value => (value as u64, 0);
    i64: value => (value as u64, 0);
    u8: value => (value.into(), 0);
    u16: value => (value.into(), 0);
    u32: value => (value.into(), 0);
    u64: value => (value, 0);
    f32: value => (value.to_bits().into(), 0);
    f64: value => (value.to_bits(), 0);
    Complex<f32>: value => (value.re.to_bits().into(), value.im.to_bits().into());
    Complex<f64>: value => (value.re.to_bits(), value.im.to_bits());
}

/// A sparse matrix of the class that is declared.
fn npz(class: &str, bytes: Vec<u8>) -> Json {
    root(skops(node("SparseMatrixNode", class, json!({"type": "scipy", "file": MATRIX})), &[(MATRIX, bytes)]))
}

/// The text of a schema.
fn schema(bytes: Vec<u8>) -> Json {
    root(Zip::new(vec![Entry::stored("schema.json", bytes)]).build())
}

/// No entry of a case is longer; a bomb is told from one by that.
const MOST: u64 = 1 << 20;

/// The entries of an archive with their contents, and what the `zip` crate makes of it.
fn archive(bytes: Vec<u8>) -> Json {
    let theirs = catch_unwind(|| zip_crate(&bytes)).unwrap_or_else(|_| json!({"error": "panicked"}));
    let mut answer = match Archive::from_bytes(bytes, Limits::default()) {
        Ok(archive) => {
            let read = |entry: &skops_rs::Entry| match archive.read(entry) {
                Ok(data) => json!({"name": &*entry.name, "data": graph::hex(&data)}),
                Err(error) => {
                    json!({"name": &*entry.name, "error": error.code().as_str(), "message": error.to_string()})
                }
            };
            json!({"entries": archive.entries().iter().map(read).collect::<Vec<_>>()})
        }
        Err(error) => refused(&error),
    };
    answer["zip"] = theirs;
    answer
}

fn zip_crate(bytes: &[u8]) -> Json {
    let mut archive = match zip::ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive,
        Err(error) => return json!({"error": error.to_string()}),
    };
    let count = archive.len();
    let read = |index| {
        let entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => return json!({"error": error.to_string()}),
        };
        let name = graph::hex(entry.name_raw());
        let mut data = Vec::new();
        match entry.take(MOST).read_to_end(&mut data) {
            Ok(_) => json!({"name": name, "data": graph::hex(&data)}),
            Err(error) => json!({"name": name, "error": error.to_string()}),
        }
    };
    json!({"entries": (0..count).map(read).collect::<Vec<_>>()})
}

/// What a policy says, in the words of its file.
fn policy(bytes: &[u8]) -> Json {
    let Ok(text) = std::str::from_utf8(bytes) else { return json!({"error": "not UTF-8", "message": ""}) };
    let policy = match Policy::from_toml(text, "policy") {
        Ok((policy, _)) => policy,
        Err((mistakes, _)) => return json!({"error": "policy-syntax", "message": mistakes.to_string()}),
    };
    let mut presets: Vec<_> = policy
        .allowed
        .iter()
        .filter_map(|allowance| allowance.preset)
        .map(|preset| preset.as_str())
        .collect();
    presets.dedup();
    let own = policy.allowed.iter().filter(|allowance| allowance.preset.is_none());
    let allowed = own.map(|allowance| {
        let (role, loader) =
            (allowance.role.map(|role| role.as_str()), allowance.loader.map(|loader| loader.as_str()));
        json!([allowance.pattern.to_string(), role, loader, allowance.if_verified, allowance.reason])
    });
    let denied = policy.denied.iter().map(|denial| json!([denial.pattern.to_string(), denial.reason]));
    let require = &policy.require;
    let texts = |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({"policy": {
        "base": policy.base.as_str(),
        "presets": presets,
        "allow": allowed.collect::<Vec<_>>(),
        "deny": denied.collect::<Vec<_>>(),
        "sklearn-version": require.sklearn_version.as_ref().map(VersionRange::as_str),
        "skops-version": require.skops_version.as_ref().map(VersionRange::as_str),
        "protocol": require.protocol.as_ref().map(|range| [*range.start(), *range.end()]),
        "root-types": texts(&require.root_types),
        "limits": policy.limits.list().into_iter().map(|(name, value, _)| (name, value)).collect::<BTreeMap<_, _>>(),
        "severity": policy.severities.list().map(|(code, severity)| (code.as_str(), severity.as_str())).collect::<BTreeMap<_, _>>(),
    }})
}

/// What an `MLmodel` says: the files that it has loaded, and what is found about them once they are there.
fn mlmodel(bytes: &[u8]) -> Result<Json, String> {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("MLmodel");
    std::fs::write(&own, bytes).unwrap();
    let find = || Finder::default().find([folder.path().to_owned()]).inputs;
    let checker = Checker::new(Policy::default()).without_hash();
    let mut targets = Vec::new();
    for input in find() {
        if input.path == own {
            return Err(checker.check_input(&input).findings[0].message.clone());
        }
        if input.path != folder.path() {
            targets.push(input.name().to_owned());
        }
    }
    // What nothing is said of is about every model in the folder.
    let file = skops(node("ListNode", "builtins.list", json!({"content": []})), &[]);
    for target in targets
        .iter()
        .map(|target| target.as_path())
        .chain(targets.is_empty().then_some("model.skops".as_ref()))
    {
        let path = folder.path().join(target);
        let is_written =
            std::fs::create_dir_all(path.parent().unwrap()).and_then(|()| std::fs::write(&path, &file));
        is_written.map_err(|_| "a target that cannot be written".to_owned())?;
    }
    let verdict = checker.check_input(&find()[0]);
    let messages = |code| {
        let found = verdict.findings.iter().filter(move |finding| finding.code == code);
        found.map(|finding| finding.message.clone()).collect::<Vec<_>>()
    };
    let trusted = verdict.mlflow.iter().flat_map(|report| report.claimed.clone()).collect::<Vec<_>>();
    Ok(json!({
        "targets": targets,
        "trusted": trusted,
        "code": messages(Code::MlflowCode),
        "formats": messages(Code::MlflowModel),
    }))
}
