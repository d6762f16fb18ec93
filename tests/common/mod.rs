//! What the tests share: fixtures, and a zip writer that can be wrong in every way.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skops_rs::{Archive, Audit, Error, Limits, Model, TrustList};

/// The folder of fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Reads a JSON file below the folder of fixtures.
pub fn read_json(path: &str) -> Value {
    let text = std::fs::read_to_string(fixtures().join(path)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// All files below a folder, sorted.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![fixtures().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Opens, reads and audits a file in memory.
pub fn audit(bytes: Vec<u8>) -> Result<Audit, Error> {
    audit_with(bytes, Limits::default())
}

/// As [`audit`], with limits.
pub fn audit_with(bytes: Vec<u8>, limits: Limits) -> Result<Audit, Error> {
    Archive::from_bytes(bytes, limits)?.schema()?.audit()
}

/// The code of the error that a file gives.
#[track_caller]
pub fn code_of(bytes: Vec<u8>) -> &'static str {
    match audit(bytes) {
        Ok(_) => "accepted",
        Err(error) => error.code().as_str(),
    }
}

/// An entry of a zip archive. Everything that is written twice can be made to differ.
#[derive(Clone)]
pub struct Entry {
    pub name: Vec<u8>,
    /// The compressed data.
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc32: u32,
    pub size: u32,
    pub compressed: u32,
    pub attributes: u32,
    pub comment: Vec<u8>,
    pub extra: Vec<u8>,
    pub local_extra: Vec<u8>,
    /// Bytes after the data.
    pub after: Vec<u8>,
    /// Bytes before the header.
    pub before: Vec<u8>,
    /// CRC-32, compressed size and size before the data, where they differ from the central directory's.
    pub local: Option<(u32, u32, u32)>,
    pub local_name: Option<Vec<u8>>,
    pub local_flags: Option<u16>,
    pub local_method: Option<u16>,
    pub local_date: u32,
    /// Versions of zip that the directory and the header say are needed.
    pub needed: [u16; 2],
    /// Where the central directory says that the entry starts, relative to where it does.
    pub shift: i64,
}

impl Entry {
    pub fn stored(name: &str, data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        let length = u32::try_from(data.len()).unwrap();
        Self {
            name: name.as_bytes().to_vec(),
            crc32: crc32fast::hash(&data),
            size: length,
            compressed: length,
            data,
            method: 0,
            flags: 0,
            attributes: 0o600 << 16,
            comment: Vec::new(),
            extra: Vec::new(),
            local_extra: Vec::new(),
            after: Vec::new(),
            before: Vec::new(),
            local: None,
            local_name: None,
            local_flags: None,
            local_method: None,
            local_date: 0x5821_0000,
            needed: [20, 20],
            shift: 0,
        }
    }

    pub fn deflated(name: &str, data: &[u8]) -> Self {
        use std::io::Write;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        let compressed = encoder.finish().unwrap();
        let plain = Self::stored(name, data);
        Self { method: 8, compressed: u32::try_from(compressed.len()).unwrap(), data: compressed, ..plain }
    }

    /// The entry as a streaming writer leaves it: sizes after the data.
    pub fn with_descriptor(mut self, signature: bool) -> Self {
        self.flags |= 8;
        self.local = Some((0, 0, 0));
        if signature {
            self.after.extend(0x0807_4b50_u32.to_le_bytes());
        }
        for value in [self.crc32, self.compressed, self.size] {
            self.after.extend(value.to_le_bytes());
        }
        self
    }
}

/// A zip archive.
#[derive(Clone, Default)]
pub struct Zip {
    pub entries: Vec<Entry>,
    pub comment: Vec<u8>,
    /// Bytes between the last entry and the central directory.
    pub before_directory: Vec<u8>,
    /// Bytes between the central directory and the end record, such as the zip64 ones.
    pub before_end: Vec<u8>,
    /// Bytes after the end record.
    pub after: Vec<u8>,
    /// What the end record says, where it differs: entries, directory size, directory offset.
    pub end: Option<(u16, u32, u32)>,
    pub disk: u16,
}

impl Zip {
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries, ..Self::default() }
    }

    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        for entry in &self.entries {
            out.extend(&entry.before);
            let offset = u32::try_from(i64::try_from(out.len()).unwrap() + entry.shift).unwrap();
            let name = entry.local_name.as_ref().unwrap_or(&entry.name);
            let (crc32, compressed, size) =
                entry.local.unwrap_or((entry.crc32, entry.compressed, entry.size));
            out.extend(0x0403_4b50_u32.to_le_bytes());
            out.extend(entry.needed[1].to_le_bytes());
            out.extend(entry.local_flags.unwrap_or(entry.flags).to_le_bytes());
            out.extend(entry.local_method.unwrap_or(entry.method).to_le_bytes());
            out.extend(entry.local_date.to_le_bytes());
            for value in [crc32, compressed, size] {
                out.extend(value.to_le_bytes());
            }
            out.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            out.extend(u16::try_from(entry.local_extra.len()).unwrap().to_le_bytes());
            out.extend(name);
            out.extend(&entry.local_extra);
            out.extend(&entry.data);
            out.extend(&entry.after);

            directory.extend(0x0201_4b50_u32.to_le_bytes());
            directory.extend([20, 3]);
            directory.extend(entry.needed[0].to_le_bytes());
            directory.extend(entry.flags.to_le_bytes());
            directory.extend(entry.method.to_le_bytes());
            directory.extend(0x5821_0000_u32.to_le_bytes());
            for value in [entry.crc32, entry.compressed, entry.size] {
                directory.extend(value.to_le_bytes());
            }
            for length in [entry.name.len(), entry.extra.len(), entry.comment.len(), 0, 0] {
                directory.extend(u16::try_from(length).unwrap().to_le_bytes());
            }
            directory.extend(entry.attributes.to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&entry.name);
            directory.extend(&entry.extra);
            directory.extend(&entry.comment);
        }
        out.extend(&self.before_directory);
        let (count, size, offset) = self.end.unwrap_or((
            u16::try_from(self.entries.len()).unwrap(),
            u32::try_from(directory.len()).unwrap(),
            u32::try_from(out.len()).unwrap(),
        ));
        out.extend(directory);
        out.extend(&self.before_end);
        out.extend(0x0605_4b50_u32.to_le_bytes());
        out.extend(self.disk.to_le_bytes());
        out.extend(0_u16.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        out.extend(&self.comment);
        out.extend(&self.after);
        out
    }
}

/// A file with this root node (`protocol` and `_skops_version` are added) and these payloads.
pub fn skops(root: Value, payloads: &[(&str, Vec<u8>)]) -> Vec<u8> {
    skops_of(2, root, payloads)
}

/// As [`skops`], of another protocol.
pub fn skops_of(protocol: u8, mut root: Value, payloads: &[(&str, Vec<u8>)]) -> Vec<u8> {
    root["protocol"] = json!(protocol);
    root["_skops_version"] = json!("0.16.0");
    skops_text(&serde_json::to_string(&root).unwrap(), payloads)
}

/// A file with this text as `schema.json`.
pub fn skops_text(schema: &str, payloads: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut entries: Vec<_> = payloads.iter().map(|(name, data)| Entry::stored(name, data.clone())).collect();
    entries.push(Entry::stored("schema.json", schema));
    Zip::new(entries).build()
}

/// A node: `fields` is an object with its other fields.
pub fn node(loader: &str, name: &str, fields: Value) -> Value {
    let (module, class) = name.rsplit_once('.').unwrap();
    let mut node = json!({"__class__": class, "__module__": module, "__loader__": loader});
    for (key, value) in fields.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

/// A `JsonNode` with this text.
pub fn json_node(text: &str) -> Value {
    node("JsonNode", "builtins.str", json!({"content": text, "is_json": true}))
}

pub fn list(items: Vec<Value>) -> Value {
    node("ListNode", "builtins.list", json!({"content": items}))
}

pub fn tuple(items: Vec<Value>) -> Value {
    node("TupleNode", "builtins.tuple", json!({"content": items}))
}

pub fn type_node(name: &str) -> Value {
    node("TypeNode", name, json!({}))
}

/// A dict with keys of these types.
pub fn dict_of(items: Vec<(&str, &str, Value)>) -> Value {
    let types = items.iter().map(|(_, key_type, _)| type_node(key_type)).collect();
    let content: serde_json::Map<_, _> =
        items.into_iter().map(|(key, _, value)| (key.to_owned(), value)).collect();
    node("DictNode", "builtins.dict", json!({"content": content, "key_types": list(types)}))
}

/// A dict with text for keys.
pub fn dict(items: Vec<(&str, Value)>) -> Value {
    dict_of(items.into_iter().map(|(key, value)| (key, "builtins.str", value)).collect())
}

/// A node with an `__id__`.
pub fn with_id(mut node: Value, id: u64) -> Value {
    node["__id__"] = json!(id);
    node
}

/// An array that is stored in an entry.
pub fn array(file: &str) -> Value {
    node("NdArrayNode", "numpy.ndarray", json!({"type": "numpy", "file": file}))
}

/// An `.npy` file of version 1.0 with this header text and data.
pub fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let padding = 64 - (10 + header.len() + 1) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding % 64));
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

/// The header of an array as numpy writes it.
pub fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

/// An array of doubles.
pub fn doubles(values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy(&header("'<f8'", &format!("({},)", values.len())), &data)
}

/// A file that holds one array with this header and data.
pub fn file_of_array(npy: Vec<u8>) -> Vec<u8> {
    skops(array("140000000000001.npy"), &[("140000000000001.npy", npy)])
}

/// A real file, to be changed.
pub struct Edit {
    pub schema: Value,
    pub payloads: Vec<(String, Vec<u8>)>,
    pub model: Model,
    next_id: u64,
}

impl Edit {
    /// A file of `fixtures`.
    pub fn real(path: &str) -> Self {
        let archive = Archive::open(fixtures().join(path)).unwrap();
        let read = |entry: &skops_rs::Entry| (entry.name.to_string(), archive.read(entry).unwrap());
        let mut payloads: Vec<_> = archive.entries().iter().map(read).collect();
        let at = payloads.iter().position(|(name, _)| name == "schema.json").unwrap();
        let schema = serde_json::from_slice(&payloads.remove(at).1).unwrap();
        let model = load_trusting(&archive);
        Self { schema, payloads, model, next_id: 1 << 60 }
    }

    /// The node of the object at a path. It may be changed; it is another object then.
    pub fn node(&mut self, path: &str) -> &mut Value {
        let pointer = self.model.at(path).unwrap().pointer();
        self.node_at(&pointer)
    }

    pub fn node_at(&mut self, pointer: &str) -> &mut Value {
        self.next_id += 1;
        let node = self.schema.pointer_mut(pointer).unwrap();
        node["__id__"] = self.next_id.into();
        node
    }

    /// Lets the text, number, bool or None at a path be what this JSON says.
    pub fn set(&mut self, path: &str, json: &str) -> &mut Self {
        self.node(path)["content"] = json.into();
        self
    }

    /// Puts bytes into the items of the array at a path, from an offset on.
    pub fn patch(&mut self, path: &str, offset: usize, bytes: &[u8]) -> &mut Self {
        let file = self.node(path)["file"].as_str().unwrap().to_owned();
        let size = self.model.at(path).unwrap().ndarray().unwrap().nbytes();
        let (_, data) = self.payloads.iter_mut().find(|(name, _)| *name == file).unwrap();
        let start = data.len() - size + offset;
        data[start..start + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Puts an array in the place of the node at a path.
    pub fn put_array(&mut self, path: &str, npy: Vec<u8>) -> &mut Self {
        let name = format!("{}.npy", self.next_id);
        let pointer = self.model.at(path).unwrap().pointer();
        *self.node_at(&pointer) = array(&name);
        self.payloads.push((name, npy));
        self
    }

    pub fn build(&self) -> Vec<u8> {
        // What was put elsewhere may leave an entry that no node names.
        let schema = self.schema.to_string();
        let used = self.payloads.iter().filter(|(name, _)| schema.contains(name.as_str()));
        let mut entries: Vec<_> = used.map(|(name, data)| Entry::stored(name, data.clone())).collect();
        entries.push(Entry::stored("schema.json", schema));
        Zip::new(entries).build()
    }
}

/// Trusts all that a file names.
pub fn trust_all(audit: &Audit) -> TrustList {
    let untrusted = audit.untrusted(&TrustList::default());
    untrusted.into_iter().cloned().fold(TrustList::default(), TrustList::allow_name)
}

/// As [`trust_all`], of a file.
pub fn trust_all_of(path: &Path) -> TrustList {
    trust_all(&Archive::open(path).unwrap().schema().unwrap().audit().unwrap())
}

/// Loads a file, and trusts all that it names.
pub fn load_trusting(archive: &Archive) -> Model {
    let audit = archive.schema().unwrap().audit().unwrap();
    let trust = trust_all(&audit);
    audit.vet(&trust).unwrap().load()
}
