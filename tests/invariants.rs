//! Contents that hold what their types promise: real files do, and files that lie are refused with the code of what
//! they lie about.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::{files, fixtures};
use skops_rs::{Archive, Audit, Error};

fn audit(path: &std::path::Path) -> Result<Audit, Error> {
    Archive::open(path)?.schema()?.audit()
}

#[test]
fn real_files_keep_their_promises() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for release in ["0.5", "0.9", "0.11", "0.13", "0.16"] {
        for path in files(&format!("real/skops-{release}"), ".skops") {
            let Ok(audit) = audit(&path) else { continue };
            count += 1;
            let found = audit
                .violations()
                .map(|error| format!("{}: {} {error} {}", path.display(), error.code(), error.at()));
            wrong.extend(found);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 2000, "{count}");
    let _ = fixtures();
}
