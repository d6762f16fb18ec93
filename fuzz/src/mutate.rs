//! Mutations of archives that leave them archives.
//!
//! Random bytes do not get past a checksum. So here an archive is taken apart, one part is changed, by libFuzzer's own
//! mutations and dictionary or as a JSON tree, and it is put together again.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::Value;
use skops_rs::{Archive, Limits, Method};

use crate::targets::common::{Entry, Zip};
use crate::targets::tree::{Change, apply};

/// Numbers for one mutation (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// For a target that is about the container: as often bytes of it as what is in it.
pub fn archive(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(seed.into());
    match random.below(4) {
        0 => fuzzer_mutate(data, size, most),
        1 | 2 => {
            let size = fuzzer_mutate(data, size, most);
            repair(&mut data[..size]);
            size
        }
        _ => parts(data, size, most, &mut random),
    }
}

/// For a target that is about what is in the container.
pub fn file(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(seed.into());
    if random.one_in(16) {
        let size = fuzzer_mutate(data, size, most);
        repair(&mut data[..size]);
        return size;
    }
    parts(data, size, most, &mut random)
}

/// For a target that is about JSON.
pub fn json(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(seed.into());
    if random.one_in(3)
        && let Some(changed) = change_tree(&data[..size], &mut random)
        && changed.len() <= most
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    fuzzer_mutate(data, size, most)
}

struct Part {
    name: String,
    data: Vec<u8>,
    deflate: bool,
}

/// Changes one part. What is no archive, or becomes too large, is changed as bytes.
fn parts(data: &mut [u8], size: usize, most: usize, random: &mut Random) -> usize {
    let changed = unpack(&data[..size]).filter(|parts| !parts.is_empty()).and_then(|mut parts| {
        change_parts(&mut parts, most, random);
        pack(&parts)
    });
    match changed.filter(|changed| changed.len() <= most) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => {
            let size = fuzzer_mutate(data, size, most);
            repair(&mut data[..size]);
            size
        }
    }
}

fn unpack(data: &[u8]) -> Option<Vec<Part>> {
    let mut limits = Limits::default();
    limits.array_bytes = 1 << 20;
    let archive = Archive::from_bytes(data.to_vec(), limits).ok()?;
    let read = |entry: &skops_rs::Entry| {
        let data = archive.read(entry).ok()?;
        Some(Part { name: entry.name.to_string(), data, deflate: entry.method != Method::Stored })
    };
    archive.entries().iter().map(read).collect()
}

fn pack(parts: &[Part]) -> Option<Vec<u8>> {
    if parts.iter().any(|part| part.name.len() > 255) {
        return None;
    }
    let entry = |part: &Part| {
        if part.deflate {
            Entry::deflated(&part.name, &part.data)
        } else {
            Entry::stored(&part.name, part.data.clone())
        }
    };
    Some(Zip::new(parts.iter().map(entry).collect()).build())
}

fn change_parts(parts: &mut Vec<Part>, most: usize, random: &mut Random) {
    let (from, to) = (random.below(parts.len()), random.below(parts.len()));
    let schema = parts.iter().position(|part| part.name == "schema.json");
    match random.below(16) {
        0 => drop(parts.remove(from)),
        1 => parts.swap(from, to),
        2 => parts[to].data = parts[from].data.clone(),
        3 => {
            let name = parts[from].name.clone();
            parts[from].name = std::mem::replace(&mut parts[to].name, name);
        }
        4 => parts[from].deflate = !parts[from].deflate,
        5..8 => change_payload(&mut parts[from].data, most, random),
        // A matrix is an archive, too.
        8..10 => change_nested(&mut parts[from].data, most, random),
        10..13 if schema.is_some() => {
            let data = &mut parts[schema.unwrap_or(from)].data;
            if let Some(changed) = change_tree(data, random) {
                *data = changed;
            } else {
                change_bytes(data, most);
            }
        }
        _ => change_payload(&mut parts[schema.unwrap_or(from)].data, most, random),
    }
}

/// Changes a payload. An array is more often kept one: then one of its items becomes a small number, as an index or a size
/// is.
fn change_payload(data: &mut Vec<u8>, most: usize, random: &mut Random) {
    let items = data.iter().position(|byte| *byte == b'\n').map_or(data.len(), |end| end + 1);
    let room = data.len() - items;
    if !data.starts_with(b"\x93NUMPY") || room < 4 || random.one_in(3) {
        change_bytes(data, most);
        return;
    }
    let width = if room >= 8 && random.one_in(2) { 8 } else { 4 };
    let at = items + random.below(room / width) * width;
    let number = random.below(24) as i64 - 4;
    data[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
}

/// libFuzzer's mutation of a part. It may grow a little.
fn change_bytes(data: &mut Vec<u8>, most: usize) {
    let size = data.len();
    if size >= most {
        data.truncate(most);
        return;
    }
    let room = (size + 4096).min(most);
    data.resize(room, 0);
    let size = fuzzer_mutate(data, size, room);
    data.truncate(size);
}

fn change_nested(data: &mut Vec<u8>, most: usize, random: &mut Random) {
    let Some(mut parts) = unpack(data).filter(|parts| !parts.is_empty()) else {
        change_bytes(data, most);
        return;
    };
    let which = random.below(parts.len());
    change_payload(&mut parts[which].data, most, random);
    if let Some(changed) = pack(&parts) {
        *data = changed;
    }
}

/// One to three changes to a JSON tree. Key order is not kept; but libFuzzer's own mutations keep it.
fn change_tree(text: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut root: Value = serde_json::from_slice(text).ok()?;
    for _ in 0..=random.below(3) {
        let [a, b, c] = [(); 3].map(|()| random.next());
        let change = match random.below(5) {
            0 => Change::Replace(a, b),
            1 => Change::Remove(a),
            2 => Change::Copy(a, b),
            3 => Change::Rename(a, b),
            _ => Change::SetField(a, b, c),
        };
        apply(&mut root, &change);
    }
    Some(root.to_string().into_bytes())
}

/// Makes checksums true again, and what headers say twice the same, as far as the central directory can be followed.
fn repair(data: &mut [u8]) {
    const RECORD: usize = 46;
    let Some(end) = data.len().checked_sub(22) else { return };
    let number = |data: &[u8], at: usize| {
        let bytes = data.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes) as usize)
    };
    let short =
        |data: &[u8], at: usize| Some(usize::from(*data.get(at)?) | usize::from(*data.get(at + 1)?) << 8);
    let (Some(count), Some(mut at)) = (short(data, end + 10), number(data, end + 16)) else { return };
    for _ in 0..count {
        let fields =
            (short(data, at + 28), short(data, at + 30), short(data, at + 32), number(data, at + 42));
        let (Some(name), Some(extra), Some(comment), Some(local)) = fields else { return };
        let Some(local_name) = short(data, local + 26).zip(short(data, local + 28)) else { return };
        let start = local + 30 + local_name.0 + local_name.1;
        let size = number(data, at + 20).unwrap_or(0);
        if at + RECORD > data.len() {
            return;
        }
        if let Some(stored) = data.get(start..start.saturating_add(size)) {
            let is_stored = data[at + 10..at + 12] == [0, 0];
            let content = if is_stored { Some(stored.to_vec()) } else { inflate(stored) };
            if let Some(content) = content {
                data[at + 16..at + 20].copy_from_slice(&crc32fast::hash(&content).to_le_bytes());
                data[at + 24..at + 28].copy_from_slice(&(content.len() as u32).to_le_bytes());
            }
            // Flags, method, date, checksum and sizes, in the same order in both.
            let fields: Vec<u8> = data[at + 8..at + 28].to_vec();
            data[local + 6..local + 26].copy_from_slice(&fields);
        }
        at += RECORD + name + extra + comment;
    }
}

fn inflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(1 << 18);
    let mut inflate = flate2::Decompress::new(false);
    let status = inflate.decompress_vec(data, &mut content, flate2::FlushDecompress::Finish);
    matches!(status, Ok(flate2::Status::StreamEnd)).then_some(content)
}
