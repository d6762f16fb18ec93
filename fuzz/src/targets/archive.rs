//! The container: a zip archive, as raw bytes.

use skops_rs::{Archive, Error};

use super::files::{self, Answer, assert_shown, check_ways};
use super::memory;

/// Whatever the bytes are: see [`check_ways`]. What is accepted is accounted for to the last byte, its entries can be
/// read within the sizes that they state, and they are the same when they are packed anew.
pub fn check(data: &[u8]) {
    let opened = files::open(data, files::small());
    drop(opened);
    if !check_ways(data, answer).is_accepted() {
        return;
    }
    let archive = Archive::from_bytes(data.to_vec(), files::small()).expect("it was accepted");
    check_entries(&archive);
    if let Some(parts) = files::unpack(data, files::small()) {
        let again = files::pack(&parts, false);
        assert_eq!(files::unpack(&again, files::small()), Some(parts), "packed anew");
    }
    // A byte more or less is no archive that can be read in one way.
    for other in [&data[1..], &data[..data.len() - 1], &[data, b"\0"].concat(), &[b"\0", data].concat()] {
        let code = Archive::from_bytes(other.to_vec(), files::small()).map(|_| "accepted");
        assert!(code.is_err(), "a byte more or less is accepted, too");
    }
}

fn answer(archive: Result<Archive, Error>) -> Answer {
    match archive {
        Err(error) => Answer::refused(&error),
        Ok(archive) => {
            let read = archive.entries().iter().map(|entry| match archive.read(entry) {
                Ok(data) => format!("{entry:?} {}", crc32fast::hash(&data)),
                Err(error) => format!("{entry:?} {error}"),
            });
            Answer::Accepted(read.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn check_entries(archive: &Archive) {
    let mut compressed = 0;
    for entry in archive.entries() {
        assert_shown(&entry.name);
        assert!(archive.entry(&entry.name) == Some(entry), "{} is found by its name", entry.name);
        compressed += entry.compressed;
        let most = (512 << 10) + files::room_to_decompress(archive) + 5 * entry.size as usize;
        if let Ok(data) = memory::within(most, "reading an entry", || archive.read(entry)) {
            assert_eq!((data.len() as u64, crc32fast::hash(&data)), (entry.size, entry.crc32));
        }
    }
    let names: usize = archive.entries().iter().map(|entry| entry.name.len()).sum();
    let headers = (30 + 46) * archive.entries().len() + 2 * names + 22;
    assert!(compressed + headers as u64 <= archive.size(), "entries lie over each other");
    if archive.entries().is_empty() {
        assert!(archive.size() <= 22 + 20 + 56, "{} bytes belong to nothing", archive.size());
    }
}
