//! The file `MLmodel` of an MLflow model, which says what is loaded.

use std::path::Path;

use skops_rs::check::{Checker, Finder};
use skops_rs::policy::Policy;

use super::files::assert_shown;
use super::memory;

/// Whatever the text is, reading it is bounded, gives the same twice, and leads to no file outside of its folder. A
/// comment at its end, or the other line ends, change nothing.
pub fn check(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("MLmodel"), data).expect("a file");
    std::fs::write(folder.path().join("model.skops"), b"").expect("a file");
    let first = read(folder.path(), data);
    assert_eq!(first, read(folder.path(), data), "the second time");
}

/// What is to be checked because of it, and what is found there, in words.
fn read(folder: &Path, text: &[u8]) -> String {
    let most = (2 << 20) + 1024 * text.len();
    let find = || Finder::default().find([folder.to_owned()]);
    let found = memory::within(most, "MLmodel", find);
    let checker = Checker::new(Policy::default()).without_hash();
    let mut all = String::new();
    for input in &found.inputs {
        assert!(input.path.starts_with(folder), "{}", input.path.display());
        let is_below = input.name().components().all(|part| matches!(part, std::path::Component::Normal(_)));
        assert!(is_below, "{}", input.name().display());
        let verdict = checker.check_input(input);
        for finding in &verdict.findings {
            assert_shown(&finding.message);
        }
        all.push_str(&serde_json::to_string(&verdict).expect("a verdict is JSON"));
        all.push('\n');
    }
    all
}
