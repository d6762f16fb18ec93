//! A policy file, and what it makes of a model.

use skops_rs::check::{Checker, Outcome, Verdict};
use skops_rs::policy::{Denial, Mistake, Pattern, Policy};
use skops_rs::{Archive, Error};

use super::files::assert_shown;
use super::memory;

const MODEL: &[u8] = include_bytes!("../../../fixtures/example.skops");
/// The only name in it that skops does not trust.
const TREE: &str = "sklearn.tree._tree.Tree";
const ROOT: &str = "sklearn.pipeline.Pipeline";

/// Whatever the text is, each mistake in it lies within it and is told in the order of the file. A policy without
/// mistakes gives the same verdict twice, and passes no model that it does not also load; a denial is not overridden.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A policy comes from whoever runs the gate. It takes memory in proportion all the same.
    let most = (4 << 20) + 2048 * text.len();
    let read = || Policy::from_toml(text, "skops-policy.toml");
    let policy = match memory::within(most, "a policy", read) {
        Ok((policy, doubts)) => {
            check_mistakes(text, &doubts);
            check_mistakes(text, &policy.broad_allowances());
            policy
        }
        Err((mistakes, doubts)) => {
            assert!(!mistakes.list().is_empty(), "refused without a reason");
            check_mistakes(text, mistakes.list());
            check_mistakes(text, &doubts);
            let again = read().expect_err("refused before");
            assert_eq!((mistakes, doubts), again, "the second time");
            return;
        }
    };
    let checker = || Checker::new(policy.clone()).without_hash();
    let first = checker().check_bytes("example.skops", MODEL.to_vec());
    let again = checker().check_bytes("example.skops", MODEL.to_vec());
    assert_eq!(in_short(&first), in_short(&again), "the second time");
    assert_eq!(outcome_of_loading(&policy).is_ok(), is_loaded(&first), "{}", in_short(&first));
    let denied = [ROOT, TREE].map(|name| {
        let pattern: Pattern = name.parse().expect("a name");
        Checker::new(policy.clone().deny(Denial::new(pattern))).check_bytes("example.skops", MODEL.to_vec())
    });
    for verdict in denied {
        assert_ne!(verdict.outcome, Outcome::Pass, "a denial is overridden");
    }
}

fn in_short(verdict: &Verdict) -> String {
    serde_json::to_string(verdict).expect("a verdict is JSON")
}

fn outcome_of_loading(policy: &Policy) -> Result<(), Error> {
    let archive = Archive::from_bytes(MODEL.to_vec(), policy.limits.clone())?;
    policy.vet(archive.schema()?.audit()?).map(drop)
}

/// Whether the names are let through and the model is sound. Requirements and severities are for verdicts alone.
fn is_loaded(verdict: &Verdict) -> bool {
    use skops_rs::Code;
    let of_verdicts =
        [Code::SklearnVersion, Code::SkopsVersion, Code::ProtocolVersion, Code::RootType, Code::UnusedArray];
    verdict.findings.iter().all(|finding| of_verdicts.contains(&finding.code))
}

fn check_mistakes(text: &str, mistakes: &[Mistake]) {
    let places: Vec<_> = mistakes.iter().map(|mistake| (mistake.line, mistake.column)).collect();
    assert!(places.is_sorted(), "{mistakes:?}");
    for Mistake { line, column, message, .. } in mistakes {
        let found = text.split('\n').nth(line - 1).unwrap_or_else(|| panic!("line {line}: {message}"));
        assert!((1..=found.chars().count() + 1).contains(column), "column {column} of {found:?}: {message}");
        assert_shown(&message.replace('\n', " "));
        assert!(message.len() < 65_536, "{} bytes of message", message.len());
    }
}
