//! Every error code is unique, documented, and given for the input that it is about.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::BTreeSet;

use common::*;
use serde_json::json;
use skops_rs::{Archive, Base, Code, Error, Limits, TrustList, TypeName};

fn error(bytes: Vec<u8>) -> Error {
    audit(bytes).map(drop).unwrap_err()
}

/// The error under limits of which one is set.
fn limited(limit: &str, value: u64, bytes: Vec<u8>) -> Error {
    let mut limits = Limits::default();
    limits.set(limit, value).unwrap();
    audit_with(bytes, limits).map(drop).unwrap_err()
}

/// A file without faults: a list of an array, a number and text.
fn sound() -> Vec<u8> {
    let name = "140000000000001.npy";
    skops(list(vec![array(name), json_node("1"), json_node("\"a\"")]), &[(name, doubles(&[1.0, 2.0]))])
}

/// Its entries, to be changed.
fn entries() -> Vec<Entry> {
    let root = json!({"__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
        "content": [array("140000000000001.npy")], "protocol": 2, "_skops_version": "0.16.0"});
    vec![
        Entry::stored("140000000000001.npy", doubles(&[1.0, 2.0])),
        Entry::stored("schema.json", serde_json::to_string(&root).unwrap()),
    ]
}

/// An archive of these entries once they are changed.
fn changed(change: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
    let mut entries = entries();
    change(&mut entries);
    Zip::new(entries).build()
}

fn with_schema(schema: &str) -> Vec<u8> {
    skops_text(schema, &[])
}

fn root(node: serde_json::Value) -> Vec<u8> {
    skops(node, &[])
}

fn sparse(members: &[(&str, Vec<u8>)], class: &str) -> Vec<u8> {
    let members = members.iter().map(|(name, data)| Entry::stored(name, data.clone())).collect();
    let npz = Zip::new(members).build();
    let node = node("SparseMatrixNode", class, json!({"type": "scipy", "file": "140000000000001.npz"}));
    skops(node, &[("140000000000001.npz", npz)])
}

fn format_member(format: &str) -> (&'static str, Vec<u8>) {
    ("format.npy", npy(&header(&format!("'|S{}'", format.len()), "()"), format.as_bytes()))
}

const CSR: &str = "scipy.sparse._csr.csr_matrix";

/// An input for every code, which gives that code.
fn cases() -> Vec<(&'static str, Error)> {
    let array_of = |header: &str, data: &[u8]| error(file_of_array(npy(header, data)));
    let object = |state| node("ObjectNode", "a.B", json!({"content": state}));
    vec![
        ("io", Archive::open("no/such/file.skops").map(drop).unwrap_err()),
        ("bad-type-name", "a.b c".parse::<TypeName>().unwrap_err()),
        ("bad-base", "all".parse::<Base>().unwrap_err()),
        ("bad-limit", Limits::default().set("nodes", u64::MAX).unwrap_err()),
        ("not-zip", error(b"plain text, and more than the 22 bytes of an end record".to_vec())),
        ("zip-end-record", error(Zip { disk: 1, ..Zip::new(entries()) }.build())),
        ("zip-comment", error(Zip { comment: b"hello".to_vec(), ..Zip::new(entries()) }.build())),
        ("zip-trailing-data", error(Zip { after: b"hello".to_vec(), ..Zip::new(entries()) }.build())),
        ("zip-gap", error(changed(|entries| entries[0].before = b"prefix".to_vec()))),
        ("zip-overlap", error(changed(|entries| entries[1].shift = -8))),
        ("zip-directory", error(Zip { end: Some(end_with_count(3)), ..Zip::new(entries()) }.build())),
        (
            "zip-header-mismatch",
            error(changed(|entries| entries[0].local_name = Some(b"140000000000002.npy".to_vec()))),
        ),
        ("zip-size-mismatch", error(changed(|entries| entries[0].size += 1))),
        ("zip-extra-field", error(changed(|entries| entries[0].extra = vec![0x75, 0x70, 1, 0, 9]))),
        ("zip-flags", error(changed(|entries| entries[0].flags = 1))),
        ("zip-crc", error(changed(|entries| entries[1].crc32 ^= 1))),
        (
            "zip-data",
            error(changed(|entries| {
                entries[1] =
                    Entry { data: vec![0xFF; 64], compressed: 64, ..Entry::deflated("schema.json", b"{}") };
            })),
        ),
        ("compression-unsupported", error(changed(|entries| entries[0].method = 9))),
        ("compression-feature", compression_feature()),
        ("entry-name", error(changed(|entries| entries[0].name = b"../a.npy".to_vec()))),
        ("entry-type", error(changed(|entries| entries[0].attributes = 0o120_777 << 16))),
        ("entry-duplicate", error(changed(|entries| entries.push(entries[0].clone())))),
        ("entry-missing", error(changed(|entries| drop(entries.remove(0))))),
        (
            "entry-unreferenced",
            error(changed(|entries| entries.push(Entry::stored("more.npy", doubles(&[]))))),
        ),
        ("schema-missing", error(changed(|entries| drop(entries.pop())))),
        ("limit-entries", limited("entries", 1, sound())),
        ("limit-directory-bytes", limited("directory-bytes", 60, sound())),
        ("limit-schema-bytes", limited("schema-bytes", 60, sound())),
        ("limit-json-depth", limited("json-depth", 2, sound())),
        ("limit-nodes", limited("nodes", 3, sound())),
        ("limit-name-length", limited("name-length", 10, sound())),
        ("limit-array-rank", limited("array-rank", 0, sound())),
        ("limit-array-bytes", limited("array-bytes", 100, sound())),
        ("limit-model-bytes", limited("model-bytes", 100, sound())),
        (
            "limit-compression-ratio",
            error(changed(|entries| {
                entries[0] = Entry::deflated("140000000000001.npy", &vec![0; 64 << 20]);
            })),
        ),
        ("limit-archive-depth", limited("archive-depth", 0, sparse(&[format_member("csr")], CSR))),
        (
            "limit-nested-bytes",
            limited(
                "nested-bytes",
                10,
                changed(|entries| {
                    entries[0] = Entry::deflated("140000000000001.npy", &[b'P'; 100]);
                    let root = node(
                        "SparseMatrixNode",
                        CSR,
                        json!({"type": "scipy", "file": "140000000000001.npy",
                "protocol": 2}),
                    );
                    entries[1] = Entry::stored("schema.json", root.to_string());
                }),
            ),
        ),
        ("limit-file-bytes", limited("file-bytes", 100, sound())),
        ("limit-stream-bytes", {
            let mut limits = Limits::default();
            limits.stream_bytes = 10;
            Archive::from_stream(&sound()[..], limits).map(drop).unwrap_err()
        }),
        ("json-encoding", error(with_schema("\u{feff}{}"))),
        ("json-syntax", error(with_schema("{\"a\": }"))),
        ("json-number", error(with_schema(&format!("[{}]", "1".repeat(4301))))),
        ("json-surrogate", error(with_schema("[\"\\ud800\"]"))),
        ("json-duplicate-key", error(with_schema("{\"a\": 1, \"\\u0061\": 2}"))),
        ("json-trailing-data", error(with_schema(&format!("{} x", json_node("1"))))),
        ("protocol", error(skops_of(3, json_node("1"), &[]))),
        ("unknown-loader", error(root(node("EvilNode", "a.B", json!({}))))),
        ("unknown-field", error(root(node("TypeNode", "a.B", json!({"content": list(vec![])}))))),
        ("missing-field", error(root(node("BytesNode", "builtins.bytes", json!({}))))),
        ("malformed-node", error(root(node("ListNode", "builtins.list", json!({"content": 1}))))),
        ("name-syntax", error(root(node("TypeNode", "a b.C", json!({}))))),
        (
            "type-mismatch",
            error(root(node(
                "SliceNode",
                "posix.system",
                json!({"content": {"start": null, "stop": 1, "step": null}}),
            ))),
        ),
        ("id-conflict", error(root(list(vec![with_id(json_node("1"), 7), with_id(json_node("2"), 7)])))),
        ("id-cycle", error(root(with_id(list(vec![with_id(list(vec![]), 7)]), 7)))),
        ("id-dangling", error(root(list(vec![node("CachedNode", "a.B", json!({"__id__": 9}))])))),
        ("key-type", error(root(dict_of(vec![("a", "builtins.list", json_node("1"))])))),
        ("key-value", error(root(dict_of(vec![("01", "builtins.int", json_node("1"))])))),
        (
            "key-collision",
            error(root(dict_of(vec![
                ("1", "builtins.int", json_node("1")),
                ("1.0", "builtins.float", json_node("2")),
            ]))),
        ),
        ("attribute-name", error(root(object(dict(vec![("__class__", json_node("1"))]))))),
        ("scalar-value", error(root(json_node("[1]")))),
        (
            "shape-mismatch",
            error(root(node(
                "NdArrayNode",
                "numpy.ndarray",
                json!({"type": "json", "content": [], "shape": tuple(vec![json_node("1")])}),
            ))),
        ),
        ("npy-magic", error(file_of_array(b"\x80\x04K\x01.".to_vec()))),
        ("npy-version", error(file_of_array(b"\x93NUMPY\x09\x00\x00\x00".to_vec()))),
        ("npy-header", array_of("{'descr': '<f8'}", &[])),
        ("npy-dtype", array_of(&header("'<q9'", "(0,)"), &[])),
        ("npy-object", array_of(&header("'|O'", "(0,)"), &[])),
        ("npy-size", array_of(&header("'<f8'", "(2,)"), &[0; 15])),
        ("npz-members", error(sparse(&[format_member("csr")], CSR))),
        ("npz-format", error(sparse(&[format_member("os")], CSR))),
    ]
    .into_iter()
    .chain(cases_of_models())
    .collect()
}

/// What only shows when a model is built or asked for something.
fn cases_of_models() -> Vec<(&'static str, Error)> {
    let load = |bytes: Vec<u8>| {
        let archive = Archive::from_bytes(bytes, Limits::default()).unwrap();
        load_trusting(&archive)
    };
    let model = load(sound());
    let item = |index: usize| model.root().index(index).unwrap();
    let bools = file_of_array(npy(&header("'|b1'", "(1,)"), &[2]));
    let changed = |name: &str, change: &dyn Fn(&mut Edit)| {
        let mut edit = Edit::real(&format!("real/skops-0.16/{name}.skops"));
        change(&mut edit);
        load(edit.build()).verify().unwrap_err()
    };
    let word = |value: i64| value.to_le_bytes();
    vec![
        ("untrusted-types", audit(sound()).unwrap().vet(&TrustList::new(Base::None)).map(drop).unwrap_err()),
        ("no-attribute", item(1).attr("x").map(drop).unwrap_err()),
        ("no-item", model.root().index(3).map(drop).unwrap_err()),
        ("path-syntax", model.at("[x]").map(drop).unwrap_err()),
        ("value-type", item(0).array::<bool>().map(drop).unwrap_err()),
        ("value-shape", item(0).array2::<f64>().map(drop).unwrap_err()),
        ("value-range", load(file_of_array(doubles(&[0.1]))).root().array::<f32>().unwrap_err()),
        ("npy-value", load(bools).read_all().unwrap_err()),
        ("out-of-memory", larger_than_memory()),
        (
            "limit-extraction",
            load(file_of_array(npy(&header("'<f8'", "(1000000000000, 0)"), &[])))
                .root()
                .extract::<serde_json::Value>()
                .unwrap_err(),
        ),
        ("limit-checks", {
            // Many vectorizers with one vocabulary.
            let words: Vec<_> =
                (0..1000).map(|word| (format!("w{word}"), json_node(&word.to_string()))).collect();
            let words = dict(words.iter().map(|(word, column)| (word.as_str(), column.clone())).collect());
            let vectorizer = |vocabulary| {
                let state = dict(vec![("vocabulary_", vocabulary)]);
                node(
                    "ObjectNode",
                    "sklearn.feature_extraction.text.CountVectorizer",
                    json!({"content": state}),
                )
            };
            let first = vectorizer(with_id(words, 7));
            let others = (0..3000).map(|_| vectorizer(json!({"__id__": 7})));
            load(skops(list([first].into_iter().chain(others).collect()), &[])).verify().unwrap_err()
        }),
        (
            "invariant-tree",
            changed("tree_classifier", &|edit| {
                edit.set("tree_.max_depth", "9");
            }),
        ),
        (
            "invariant-predictor",
            changed("hist_gradient_boosting_regressor", &|edit| {
                edit.patch("_predictors[0][0].nodes", 29, &[255; 4]);
            }),
        ),
        (
            "invariant-quantile-forest",
            changed("quantile_forest_regressor", &|edit| {
                edit.patch("forest_.__reduce__.args[1]", 0, &word(-1));
            }),
        ),
        (
            "invariant-ensemble",
            changed("tree_classifier", &|edit| {
                edit.set("n_features_in_", "9");
            }),
        ),
        (
            "invariant-sparse",
            load(std::fs::read(fixtures().join("hostile/files/npz_indptr_decreasing.skops")).unwrap())
                .verify()
                .unwrap_err(),
        ),
        (
            "invariant-random",
            changed("random_state", &|edit| {
                edit.set("content['state']['pos']", "625");
            }),
        ),
        (
            "invariant-neighbors",
            changed("neighbors_kd_tree_alone", &|edit| {
                edit.patch("content[1]", 0, &word(-1));
            }),
        ),
        (
            "invariant-svm",
            changed("svm_svc", &|edit| {
                edit.patch("_n_support", 0, &[0; 4]);
            }),
        ),
        (
            "invariant-vocabulary",
            changed("text_count", &|edit| {
                edit.set("vocabulary_['cat']", "99");
            }),
        ),
        (
            "invariant-linear",
            changed("linear_logistic", &|edit| {
                edit.set("n_features_in_", "99");
            }),
        ),
        (
            "invariant-encoder",
            changed("preprocessing_one_hot", &|edit| {
                edit.set("_n_features_outs[0]", "99");
            }),
        ),
        (
            "invariant-arrays",
            changed("cluster_kmeans", &|edit| {
                edit.set("n_features_in_", "99");
            }),
        ),
        (
            "invariant-method",
            changed("ensemble_stacking", &|edit| {
                edit.set("stack_method_[0]", "\"format\"");
            }),
        ),
        ("invariant-steps", changed("pipeline", &|edit| *edit.node("steps[0][1]") = json_node("1"))),
        (
            "invariant-attribute",
            changed("linear_logistic", &|edit| {
                let state = edit.node("content");
                (state["__module__"], state["__class__"]) = ("collections".into(), "OrderedDict".into());
            }),
        ),
    ]
}

/// A file with a stored array of 32 PiB of zeros, of which only the rest is kept.
struct Vast {
    before: Vec<u8>,
    zeros: u64,
    after: Vec<u8>,
}

impl skops_rs::Source for Vast {
    fn size(&self) -> u64 {
        (self.before.len() + self.after.len()) as u64 + self.zeros
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        for (at, byte) in (offset..).zip(buffer) {
            let after = at.checked_sub(self.before.len() as u64 + self.zeros);
            *byte = match after {
                Some(after) => self.after[after as usize],
                None => self.before.get(at as usize).copied().unwrap_or(0),
            };
        }
        Ok(())
    }
}

fn larger_than_memory() -> Error {
    const SIZE: u64 = 1 << 55;
    let header = npy(&header("'<f8'", &format!("({},)", SIZE / 8)), &[]);
    let name = b"140000000000001.npy";
    let size = SIZE + header.len() as u64;
    let fields = |parts: &[&[u8]]| parts.concat();
    let extra = |numbers: &[u64]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        fields(&[&1_u16.to_le_bytes(), &(numbers.len() as u16).to_le_bytes(), &numbers])
    };
    // From the flags to the length of the extra field.
    let common = |crc: u32, size: u32, name: &[u8], extra: &[u8]| {
        let numbers = [crc, size, size].map(u32::to_le_bytes).concat();
        let lengths = [name.len() as u16, extra.len() as u16].map(u16::to_le_bytes).concat();
        fields(&[&[0; 2], &[0; 2], &[0, 0, 0x21, 0], &numbers, &lengths])
    };
    let sizes = extra(&[size, size]);
    let local = fields(&[b"PK\x03\x04", &[45, 0], &common(7, u32::MAX, name, &sizes), name, &sizes]);
    let mut schema = array("140000000000001.npy");
    (schema["protocol"], schema["_skops_version"]) = (2.into(), "0.16.0".into());
    let schema = schema.to_string();
    let crc = crc_of(schema.as_bytes());
    let schema_at = local.len() as u64 + size;
    let schema_local = fields(&[
        b"PK\x03\x04",
        &[20, 0],
        &common(crc, schema.len() as u32, b"schema.json", &[]),
        b"schema.json",
    ]);
    let record = |version: u8, common: Vec<u8>, offset: u32, rest: &[u8]| {
        let attributes = fields(&[&[0; 6], &(0o600_u32 << 16).to_le_bytes(), &offset.to_le_bytes()]);
        fields(&[b"PK\x01\x02", &[version, 3, version, 0], &common, &attributes, rest])
    };
    let at = extra(&[schema_at]);
    let directory = fields(&[
        &record(45, common(7, u32::MAX, name, &sizes), 0, &fields(&[name, &sizes])),
        &record(
            45,
            common(crc, schema.len() as u32, b"schema.json", &at),
            u32::MAX,
            &fields(&[b"schema.json", &at]),
        ),
    ]);
    let directory_at = schema_at + (schema_local.len() + schema.len()) as u64;
    let numbers =
        |numbers: &[u64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let end_64 = fields(&[
        b"PK\x06\x06",
        &numbers(&[44]),
        &[45, 3, 45, 0],
        &[0; 8],
        &numbers(&[2, 2, directory.len() as u64, directory_at]),
    ]);
    let end_64_at = directory_at + directory.len() as u64;
    let locator = fields(&[b"PK\x06\x07", &[0; 4], &numbers(&[end_64_at]), &1_u32.to_le_bytes()]);
    let end = fields(&[
        b"PK\x05\x06",
        &[0; 4],
        &[2, 0, 2, 0],
        &(directory.len() as u32).to_le_bytes(),
        &u32::MAX.to_le_bytes(),
        &[0; 2],
    ]);
    let after = fields(&[&schema_local, schema.as_bytes(), &directory, &end_64, &locator, &end]);
    let source = Vast { before: fields(&[&local, &header]), zeros: SIZE, after };
    let mut limits = Limits::default();
    (limits.array_bytes, limits.model_bytes, limits.file_bytes) = (u64::MAX, u64::MAX, u64::MAX);
    let archive = Archive::from_source(std::sync::Arc::new(source), limits).unwrap();
    load_trusting(&archive).root().ndarray().unwrap_err()
}

fn crc_of(data: &[u8]) -> u32 {
    Entry::stored("x", data).crc32
}

/// What the end record of [`entries`] says, but for the number of entries.
fn end_with_count(count: u16) -> (u16, u32, u32) {
    let bytes = Zip::new(entries()).build();
    let end = &bytes[bytes.len() - 22..];
    let number = |at: usize| u32::from_le_bytes(end[at..at + 4].try_into().unwrap());
    (count, number(12), number(16))
}

/// Without the features, an entry that needs one; with them, nothing can give this code.
fn compression_feature() -> Error {
    let bytes = changed(|entries| entries[1].method = 12);
    error(bytes)
}

#[test]
fn every_code_is_given_for_its_input() {
    let mut reached = BTreeSet::new();
    for (expected, error) in cases() {
        let expected = match expected {
            // Two ways to one code.
            "bad-base" => "bad-type-name",
            "compression-feature" if cfg!(feature = "bzip2") => "zip-data",
            other => other,
        };
        assert_eq!(error.code().as_str(), expected, "{error}");
        reached.insert(error.code());
    }
    #[cfg(all(feature = "gate", unix))]
    reached.extend(gate::found());
    let unreached: Vec<_> = Code::ALL.iter().filter(|code| !reached.contains(code)).collect();
    let by_build: &[&Code] = if cfg!(feature = "bzip2") { &[&Code::CompressionFeature] } else { &[] };
    if cfg!(all(feature = "gate", unix)) {
        assert_eq!(unreached, by_build);
    }
}

/// The codes that only a gate gives: of policies, of what files are, and of how they come.
#[cfg(all(feature = "gate", unix))]
mod gate {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use skops_rs::check::{Checker, Finder, Publisher, Sha256};
    use skops_rs::policy::Policy;

    use super::*;

    /// The code that a check of the file under a policy gives.
    fn code(policy: &str, bytes: Vec<u8>) -> Code {
        Checker::new(Policy::from_toml(policy, "p").unwrap().0).check_bytes("model", bytes).findings[0].code
    }

    fn codes_in(folder: &std::path::Path, follow_links: bool) -> Vec<Code> {
        let mut finder = Finder::default();
        finder.follow_links = follow_links;
        let checker = Checker::new(Policy::default());
        let inputs = finder.find([folder.to_owned()]).inputs;
        inputs
            .iter()
            .flat_map(|input| checker.check_input(input).findings)
            .map(|finding| finding.code)
            .collect()
    }

    /// A file that is written to until that was noticed.
    fn changed_meanwhile(folder: &std::path::Path) -> Code {
        let path = folder.join("changing.skops");
        fs::write(&path, vec![0; 8 << 20]).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                for size in (8 << 20).. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    file.set_len(size).unwrap();
                }
            });
            let checker = Checker::new(Policy::default());
            let codes = (0..10_000).map(|_| checker.check(&path).findings[0].code);
            let found = codes.into_iter().find(|code| *code == Code::FileChanged);
            stop.store(true, Ordering::Relaxed);
            found.expect("that the change is seen")
        })
    }

    pub(super) fn found() -> Vec<Code> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("empty")).unwrap();
        fs::create_dir_all(at("links/inner")).unwrap();
        symlink(at("links"), at("links/inner/link")).unwrap();
        fs::write(at("links/model.skops"), sound()).unwrap();
        fs::create_dir_all(at("mlflow")).unwrap();
        fs::write(at("mlflow/model.skops"), sound()).unwrap();
        let mlmodel =
            "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n";
        let claim = format!("{mlmodel}    code: code\n    skops_trusted_types: [a.B]\n");
        fs::write(at("mlflow/MLmodel"), claim).unwrap();
        let mut found = codes_in(&at("mlflow"), false);
        fs::write(at("mlflow/MLmodel"), format!("{mlmodel}    pickled_model: twice\n")).unwrap();
        found.extend(codes_in(&at("mlflow"), false));
        found.extend(codes_in(&at("links"), false));
        found.extend(codes_in(&at("links"), true));
        found.extend(codes_in(&at("empty"), false));
        let typed = || root(type_node("a.B"));
        found.extend([
            Policy::from_toml("x = 1", "p")
                .map(drop)
                .map_err(|(wrong, _)| Error::from(wrong).code())
                .unwrap_err(),
            code("deny = [\"a.B\"]", typed()),
            code("[require]\nroot-types = [\"c.D\"]\n[severity]\nuntrusted-types = \"allow\"", typed()),
            code("[require]\nsklearn-version = \">1\"", sound()),
            code("[require]\nskops-version = \">1\"", sound()),
            code("[require]\nprotocol = \"1\"", sound()),
            changed_meanwhile(folder.path()),
        ]);
        let checker = || Checker::new(Policy::default());
        let unused =
            changed(|entries| entries.insert(1, Entry::stored("140000000000009.npy", doubles(&[1.0]))));
        found.push(checker().check_bytes("model", unused).findings[0].code);
        found.push(checker().expecting(Sha256::of(b"")).check_bytes("model", sound()).findings[0].code);
        found.push(checker().check(at("empty")).findings[0].code);
        let odd = std::ffi::OsStr::from_bytes(b"\xff.skops");
        fs::write(folder.path().join(odd), sound()).unwrap();
        found.push(checker().check(folder.path().join(odd)).findings[0].code);
        fs::write(at("empty/model.skops"), b"other").unwrap();
        let publishing = checker().publishing(Publisher::new(at("empty")));
        found.push(publishing.check(at("links/model.skops")).findings[0].code);
        found
    }
}

#[test]
fn the_file_that_the_cases_change_is_sound() {
    assert_eq!(code_of(sound()), "accepted");
    assert_eq!(code_of(Zip::new(entries()).build()), "accepted");
}

#[test]
fn codes_are_unique_kebab_case_words() {
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for name in names {
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
    }
}

/// Errors say what was found, what is allowed, where, and what to do.
#[test]
fn errors_are_complete() {
    for (name, error) in cases() {
        assert!(!error.found().is_empty() && error.code().allowed().len() > 10, "{name}");
        assert!(error.code().hint().len() > 10, "{name}");
        let says = error.to_string();
        assert!(says.contains(error.found()), "{says}");
        assert!(says.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{says}");
        assert!(says.len() < 1000, "{says}");
        let place = error.at().to_string();
        assert!(place.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && place.len() < 1000, "{place}");
    }
}

#[test]
fn errors_in_the_schema_name_the_node() {
    let inner = node("BytesNode", "builtins.bytes", json!({"file": "x.bin"}));
    let error = error(root(object_with("a/b~c", list(vec![json_node("1"), inner]))));
    assert_eq!(error.code(), Code::EntryMissing);
    assert_eq!(error.at().entry.as_deref(), Some("schema.json"));
    assert_eq!(error.at().pointer.as_deref(), Some("/content/content/a~1b~0c/content/1"));
}

fn object_with(key: &str, value: serde_json::Value) -> serde_json::Value {
    node("ObjectNode", "a.B", json!({"content": dict(vec![(key, value)])}))
}
