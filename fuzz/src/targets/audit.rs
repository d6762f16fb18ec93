//! The audit of a whole file.

use serde_json::Value;
use skops_rs::{Archive, Audit, Error, SCHEMA_NAME, TrustList};

use super::common::trust_all;
use super::files::{self, Answer, check_ways};

/// Whatever the file is: see [`check_ways`]. What is accepted has references that are in order, and each stands where
/// it is said to; who trusts all of them may load it; and the answer is the same when its entries are compressed in
/// another way.
pub fn check(data: &[u8]) {
    let first = check_ways(data, answer);
    check_compression(data, &first);
    if !first.is_accepted() {
        return;
    }
    let archive = files::open(data, files::small()).expect("it was accepted");
    let audit = files::audit(&archive).expect("it was accepted");
    check_references(&audit);
    check_listing(&audit);
    let trust = trust_all(&audit);
    assert!(audit.vet(&trust).is_ok(), "all was trusted");
}

fn answer(archive: Result<Archive, Error>) -> Answer {
    match archive.and_then(|archive| archive.schema()?.audit()) {
        Ok(audit) => Answer::Accepted(files::describe(&audit)),
        Err(error) => Answer::refused(&error),
    }
}

/// STORED or deflated, a file says the same.
fn check_compression(data: &[u8], first: &Answer) {
    let Some(parts) = files::unpack(data, files::small()) else { return };
    for deflate in [false, true] {
        let packed = files::pack(&parts, deflate);
        let other = answer(files::open(&packed, files::small()));
        // A matrix is an archive within the archive, and only compressed ones count against a limit.
        if !first.is_over_limit() && !other.is_over_limit() {
            assert_eq!(first.in_short(), other.in_short(), "compressed: {deflate}");
        }
    }
}

/// References are sorted, each once, and say where they are: a node of the schema.
fn check_references(audit: &Audit) {
    let key = |reference: skops_rs::Reference<'_>| {
        (reference.name().to_string(), reference.role(), reference.loader())
    };
    let keys: Vec<_> = audit.references().map(key).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let archive = audit.schema().archive();
    let text = archive.read(archive.entry(SCHEMA_NAME).expect("it was read")).expect("it was read");
    let root: Value = serde_json::from_slice(&text).expect("what is accepted is JSON");
    for reference in audit.references() {
        let places: Vec<_> = reference.places().collect();
        for place in &places {
            assert!(root.pointer(&place.pointer).is_some_and(Value::is_object), "{place:?}");
            files::assert_shown(&place.path);
        }
    }
}

/// What people are shown is in proportion to the file.
fn check_listing(audit: &Audit) {
    let items = || {
        skops_rs::inspect::items(audit, &TrustList::default(), skops_rs::inspect::Options::default())
            .inspect(|item| files::assert_shown(&skops_rs::inspect::describe(item)))
    };
    assert!(items().count() <= audit.schema().node_count());
}
