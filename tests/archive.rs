//! The container: what a zip may look like, and that it can be read in one way only.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::*;
use serde_json::json;
use skops_rs::{Archive, Limits};

const NAME: &str = "140000000000001.npy";

fn schema() -> Vec<u8> {
    let mut root = list(vec![array(NAME)]);
    root["protocol"] = json!(2);
    root.to_string().into_bytes()
}

fn entries() -> Vec<Entry> {
    vec![Entry::stored(NAME, doubles(&[1.0])), Entry::stored("schema.json", schema())]
}

fn code(change: impl FnOnce(&mut Vec<Entry>)) -> &'static str {
    let mut entries = entries();
    change(&mut entries);
    code_of(Zip::new(entries).build())
}

/// A zip64 extra field with these numbers.
fn zip64(numbers: &[u64]) -> Vec<u8> {
    let mut extra = 1_u16.to_le_bytes().to_vec();
    extra.extend(u16::try_from(numbers.len() * 8).unwrap().to_le_bytes());
    extra.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    extra
}

#[test]
fn genuine_ways_to_write_an_entry_are_accepted() {
    assert_eq!(code(|_| {}), "accepted");
    assert_eq!(code(|entries| entries[1] = Entry::deflated("schema.json", &schema())), "accepted");
    for signature in [true, false] {
        assert_eq!(code(|entries| entries[1] = entries[1].clone().with_descriptor(signature)), "accepted");
        assert_eq!(code(|entries| entries[0] = entries[0].clone().with_descriptor(signature)), "accepted");
    }
    // A header that says the sizes although a descriptor follows.
    let with_sizes = |entry: &Entry| Entry { local: None, ..entry.clone().with_descriptor(true) };
    assert_eq!(code(|entries| entries[0] = with_sizes(&entries[0])), "accepted");
    // UTF-8 flag, compression options, a Unix mode of a regular file, no mode at all.
    assert_eq!(code(|entries| entries[0].flags = 1 << 11 | 1 << 1), "accepted");
    assert_eq!(code(|entries| entries[0].attributes = 0o100_644 << 16), "accepted");
    assert_eq!(code(|entries| entries[0].attributes = 0), "accepted");
    // The order of entries is the file's own.
    assert_eq!(code(|entries| entries.reverse()), "accepted");
}

/// Python writes zip64 sizes before the data when it cannot know that they will be small: numpy's npz are like that.
#[test]
fn zip64_sizes_that_agree_are_accepted() {
    let size = u64::from(entries()[0].size);
    let local = |entries: &mut Vec<Entry>, sizes: &[u64]| {
        entries[0].local = Some((entries[0].crc32, u32::MAX, u32::MAX));
        entries[0].local_extra = zip64(sizes);
    };
    assert_eq!(code(|entries| local(entries, &[size, size])), "accepted");
    assert_eq!(code(|entries| local(entries, &[size + 1, size])), "zip-header-mismatch");
    assert_eq!(code(|entries| local(entries, &[size])), "zip-size-mismatch");
    assert_eq!(code(|entries| local(entries, &[size, size, 0])), "zip-size-mismatch");
    assert_eq!(code(|entries| entries[0].local_extra = zip64(&[size, size])), "zip-size-mismatch");
}

#[test]
fn zip64_fields_of_the_directory_are_there_exactly_when_needed() {
    let size = u64::from(entries()[0].size);
    assert_eq!(code(|entries| entries[0].extra = zip64(&[size, size])), "zip-size-mismatch");
    let wide = |entries: &mut Vec<Entry>, numbers: &[u64]| {
        let entry = &mut entries[0];
        entry.local = Some((entry.crc32, entry.compressed, entry.size));
        (entry.size, entry.compressed) = (u32::MAX, u32::MAX);
        entry.extra = zip64(numbers);
    };
    assert_eq!(code(|entries| wide(entries, &[size, size])), "accepted");
    assert_eq!(code(|entries| wide(entries, &[size])), "zip-size-mismatch");
    assert_eq!(code(|entries| wide(entries, &[size, 1 << 60])), "zip-header-mismatch");
}

/// The end of the archive, with zip64 records that say this.
fn with_end64(entries: u64, size: u64, offset: u64, locator_at: impl FnOnce(u64) -> u64) -> Vec<u8> {
    let mut end64 = 0x0606_4b50_u32.to_le_bytes().to_vec();
    end64.extend(44_u64.to_le_bytes());
    end64.extend([45, 0, 45, 0]);
    end64.extend([0; 8]);
    for number in [entries, entries, size, offset] {
        end64.extend(number.to_le_bytes());
    }
    end64.extend(0x0706_4b50_u32.to_le_bytes());
    end64.extend(0_u32.to_le_bytes());
    end64.extend(locator_at(offset + size).to_le_bytes());
    end64.extend(1_u32.to_le_bytes());
    Zip { before_end: end64, ..Zip::new(self::entries()) }.build()
}

#[test]
fn zip64_end_records_agree_with_the_plain_one() {
    let plain = Zip::new(entries()).build();
    let end = &plain[plain.len() - 22..];
    let number = |at: usize| u64::from(u32::from_le_bytes(end[at..at + 4].try_into().unwrap()));
    let (size, offset) = (number(12), number(16));
    assert_eq!(code_of(with_end64(2, size, offset, |at| at)), "accepted");
    assert_eq!(code_of(with_end64(3, size, offset, |at| at)), "zip-end-record");
    assert_eq!(code_of(with_end64(2, size + 1, offset, |at| at)), "zip-end-record");
    assert_eq!(code_of(with_end64(2, size, offset, |at| at + 1)), "zip-end-record");
}

#[test]
fn headers_that_differ_are_refused() {
    for change in [
        (|entry: &mut Entry| entry.local_flags = Some(2)) as fn(&mut Entry),
        |entry| entry.local_method = Some(8),
        |entry| entry.local_date = 0,
        |entry| entry.local = Some((0, entry.compressed, entry.size)),
        |entry| entry.local = Some((entry.crc32, 0, entry.size)),
        |entry| entry.local = Some((entry.crc32, entry.compressed, 5)),
        |entry| entry.local = Some((0, 0, 0)),
        |entry| {
            *entry = entry.clone().with_descriptor(true);
            entry.after[5] ^= 1;
        },
    ] {
        assert_eq!(code(|entries| change(&mut entries[0])), "zip-header-mismatch");
    }
}

#[test]
fn bytes_that_no_entry_accounts_for_are_refused() {
    assert_eq!(code(|entries| entries[0].before = vec![0]), "zip-gap");
    assert_eq!(code(|entries| entries[1].before = vec![0; 30]), "zip-gap");
    assert_eq!(code(|entries| entries[0].after = vec![0; 12]), "zip-gap");
    assert_eq!(code_of(Zip { before_directory: vec![0], ..Zip::new(entries()) }.build()), "zip-gap");
    assert_eq!(code_of(Zip { before_end: vec![0], ..Zip::new(entries()) }.build()), "zip-gap");
    let mut twice = Zip::new(entries()).build();
    twice.extend(Zip::new(entries()).build());
    assert_eq!(code_of(twice), "zip-gap");
}

/// What the directory states may lie anywhere; nothing is read where no entry can be.
#[test]
fn offsets_past_the_directory_are_refused() {
    for shift in [1, 100, 1_000, 100_000, 2_000_000_000] {
        assert_eq!(code(|entries| entries[1].shift = shift), "zip-gap", "{shift}");
    }
    assert_eq!(code(|entries| entries[0].shift = 100_000), "zip-gap");
}

#[test]
fn names_are_plain() {
    for name in [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "a\\b",
        "/a",
        "C:a",
        "a b",
        "a\0b",
        "\u{e9}",
        "a\n",
        "schema.json/",
        "caf\u{e9}.npy",
    ] {
        assert_eq!(code(|entries| entries[0].name = name.as_bytes().to_vec()), "entry-name", "{name:?}");
    }
    assert_eq!(code(|entries| entries[0].name = vec![b'a'; 256]), "entry-name");
    assert_eq!(code(|entries| entries[0].name = vec![b'a'; 60_000]), "entry-name");
    assert_eq!(code(|entries| entries[0].name = vec![0xFF]), "entry-name");
    assert_eq!(code(|entries| entries[0].name = b"SCHEMA.json".to_vec()), "entry-duplicate");
}

#[test]
fn only_regular_files_are_entries() {
    for attributes in [0o040_755 << 16, 0o120_777 << 16, 0o020_644 << 16, 0o010_644 << 16, 0x10, 0x08] {
        assert_eq!(code(|entries| entries[0].attributes = attributes), "entry-type", "{attributes:o}");
    }
}

#[test]
fn encrypted_and_patched_entries_are_refused() {
    for bit in [0, 4, 5, 6, 7, 12, 13, 14, 15] {
        assert_eq!(code(|entries| entries[0].flags = 1 << bit), "zip-flags", "bit {bit}");
    }
}

/// Python refuses an entry that needs a later version than it knows, by the directory; others look at the header.
#[test]
fn entries_that_need_a_later_zip_are_refused() {
    for needed in [[64, 20], [20, 64], [20 | 1 << 8, 20], [20, u16::MAX]] {
        assert_eq!(code(|entries| entries[0].needed = needed), "zip-flags", "{needed:?}");
    }
    assert_eq!(code(|entries| entries[0].needed = [63, 10]), "accepted");
}

#[test]
fn methods_that_python_does_not_write_are_refused() {
    for method in [1, 6, 9, 10, 15, 93, 95, 99] {
        assert_eq!(code(|entries| entries[0].method = method), "compression-unsupported", "{method}");
    }
}

#[test]
fn deflated_data_is_exactly_as_long_as_stated() {
    let data = schema();
    let lies = |change: fn(&mut Entry)| {
        code(|entries| {
            entries[1] = Entry::deflated("schema.json", &data);
            change(&mut entries[1]);
        })
    };
    assert_eq!(lies(|entry| entry.size -= 1), "zip-size-mismatch");
    assert_eq!(lies(|entry| entry.size += 1), "zip-size-mismatch");
    assert_eq!(lies(|entry| entry.crc32 ^= 1), "zip-crc");
    assert_eq!(
        lies(|entry| {
            entry.data.push(0);
            entry.compressed += 1;
        }),
        "zip-size-mismatch"
    );
    assert_eq!(
        lies(|entry| {
            entry.data.pop();
            entry.compressed -= 1;
        }),
        "zip-data"
    );
}

/// As strict as Python's decoder: the stream ends where nothing is left to decode, and its properties are within bounds.
#[cfg(feature = "lzma")]
#[test]
fn lzma_streams_are_those_that_python_reads() {
    let read = |data: &[u8]| {
        let mut entry = Entry::stored("a.bin", "x");
        (entry.method, entry.flags) = (14, 2);
        (entry.data, entry.compressed) = (data.to_vec(), u32::try_from(data.len()).unwrap());
        let archive = Archive::from_bytes(Zip::new(vec![entry]).build(), Limits::default()).unwrap();
        archive.read(archive.entry("a.bin").unwrap()).map_err(|error| error.code().as_str())
    };
    let sound = *b"\x09\x04\x05\0\x5d\0\0\x80\0\0\x3c\x41\xfb\xff\xff\xff\xe0\0\0\0";
    assert_eq!(read(&sound), Ok(b"x".to_vec()));
    let mut ends_early = sound;
    ends_early[16] = 0xfb;
    assert_eq!(read(&ends_early), Err("zip-data"));
    // Four bits of context and four of position.
    let mut wide = sound;
    wide[4] = 4 * 9 + 4 + 2 * 45;
    assert_eq!(read(&wide), Err("zip-data"));
}

#[test]
fn what_is_no_zip_is_named() {
    for (bytes, expected) in [
        (&b""[..], "the file is empty"),
        (b"\x80\x04\x95 a pickle, and some more bytes of it", "the file is a Python pickle"),
        (b"PK\x03\x04 the start of a zip, and no end of it", "starts like a zip archive"),
        (b"\x93NUMPY\x01\x00 an array, and nothing around it", "a single numpy array"),
        (b"once upon a time there was a text file", "not a zip archive"),
    ] {
        let error = Archive::from_bytes(bytes.to_vec(), Limits::default()).unwrap_err();
        assert_eq!(error.code().as_str(), "not-zip");
        assert!(error.found().contains(expected), "{error}");
    }
}

/// Cost follows what must be read: an audit reads the schema and the headers, not the arrays.
#[test]
fn payloads_are_not_read() {
    let sound = Zip::new(entries()).build();
    let mut broken = sound.clone();
    let at = sound.windows(8).position(|bytes| bytes == 1.0_f64.to_le_bytes()).unwrap();
    broken[at] ^= 1;
    assert_eq!((code_of(sound), code_of(broken.clone())), ("accepted", "accepted"));
    let archive = Archive::from_bytes(broken, Limits::default()).unwrap();
    let error = archive.read(archive.entry(NAME).unwrap()).unwrap_err();
    assert_eq!(error.code().as_str(), "zip-crc");
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    let bytes = Zip::new(entries()).build();
    for end in 0..bytes.len() {
        assert_ne!(code_of(bytes[..end].to_vec()), "accepted", "{end} bytes");
    }
}

/// The header that zip puts before LZMA data, with these bits of context (literal and position) and this dictionary, and
/// data that needs neither.
#[cfg(feature = "lzma")]
fn lzma(literal: u8, position: u8, dictionary: u32) -> Entry {
    const DATA: &[u8] =
        b"\x00\x30\x88\x09\x86\xd4\x59\x9c\xc3\x8c\xbe\x1c\x80\xe9\xf4\xa2\x18\x05\xff\xfe\xaf\xc0\x00";
    let properties = (2 * 5 + position) * 9 + literal;
    let mut data = vec![9, 4, 5, 0, properties];
    data.extend(dictionary.to_le_bytes());
    data.extend(DATA);
    let plain = Entry::stored("plain.bin", "a little data");
    Entry { method: 14, flags: 2, compressed: u32::try_from(data.len()).unwrap(), data, ..plain }
}

#[cfg(feature = "lzma")]
#[test]
fn lzma_asks_for_what_python_gives() {
    let read = |entry: Entry| {
        let archive = Archive::from_bytes(Zip::new(vec![entry]).build(), Limits::default()).unwrap();
        archive.read(&archive.entries()[0]).map_err(|error| error.to_string())
    };
    assert_eq!(read(lzma(3, 0, 64 << 20)).unwrap(), b"a little data");
    for (literal, position) in [(4, 1), (8, 0), (8, 4), (3, 2)] {
        let refused = read(lzma(literal, position, 1 << 16)).unwrap_err();
        assert!(refused.contains("4 bits of context"), "{refused}");
    }
    assert!(read(lzma(3, 0, (64 << 20) + 1)).unwrap_err().contains("64 MiB"));
}
