//! MLflow models: real ones, and copies with a changed `MLmodel`, beside what real MLflow does with each.
#![cfg(feature = "gate")]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::fs;
use std::path::Path;

use common::*;
use serde_json::Value;
use skops_rs::check::{Checker, Finder, Outcome};
use skops_rs::policy::Policy;
use tempfile::TempDir;

/// Lets all names of the models pass, so that only what MLmodel says is left.
const POLICY: &str = r#"
presets = ["trees"]
allow = ["scaling.halve", "collections.OrderedDict", "lightgbm.**"]
"#;

fn models() -> std::path::PathBuf {
    fixtures().join("mlflow/models")
}

/// The worst outcome of a folder, and all codes that were found.
fn judge(folder: &Path, policy: &str) -> (Outcome, Vec<String>) {
    let checker = Checker::new(Policy::from_toml(policy, "p").unwrap().0);
    let inputs = Finder::default().find([folder.to_owned()]).inputs;
    let verdicts: Vec<_> = inputs.iter().map(|input| checker.check_input(input)).collect();
    let codes = verdicts.iter().flat_map(|verdict| &verdict.findings).map(|finding| finding.code.to_string());
    (verdicts.iter().map(|verdict| verdict.outcome).max().unwrap(), codes.collect())
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

/// Makes a copy of a model that is changed as `verdicts.json` says. The model is a folder in the one that is returned.
fn craft(case: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    copy(&models().join(case["from"].as_str().unwrap()), &model);
    let mut text = fs::read_to_string(model.join("MLmodel")).unwrap();
    for pair in case["replace"].as_array().unwrap() {
        let [from, to] = [0, 1].map(|at| pair[at].as_str().unwrap());
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    fs::write(model.join("MLmodel"), text).unwrap();
    for (path, source) in case["add"].as_object().into_iter().flatten() {
        let path = model.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(models().join(source.as_str().unwrap()), path).unwrap();
    }
    if let Some([from, to]) = case["rename"].as_array().map(Vec::as_slice) {
        fs::rename(model.join(from.as_str().unwrap()), model.join(to.as_str().unwrap())).unwrap();
    }
    folder
}

/// What MLflow does when it loads a model by any of its flavors.
#[derive(Debug, Default)]
struct Doing {
    unpickles: bool,
    runs_code: bool,
    /// Types that it hands to skops as trusted.
    trusts: Vec<String>,
}

fn doing(flavors: &Value) -> Doing {
    let mut doing = Doing::default();
    for flavor in flavors.as_object().unwrap().values() {
        doing.unpickles |= !flavor["unpickled"].is_null();
        doing.runs_code |= !flavor["modules_of_the_model"].is_null();
        for call in flavor["skops"].as_array().into_iter().flatten() {
            match &call["trusted"] {
                Value::Array(names) => {
                    doing.trusts.extend(names.iter().map(|name| name.as_str().unwrap_or("?").to_owned()))
                }
                Value::Null => {}
                other => doing.trusts.push(other.to_string()),
            }
        }
    }
    doing
}

#[test]
fn real_models_pass_unless_mlflow_would_run_something() {
    let verdicts = read_json("mlflow/verdicts.json");
    let expected = [
        ("code", Outcome::Deny, &["mlflow-code"][..]),
        // Text that lightgbm reads by itself: there is no model for skops in the folder.
        ("lightgbm-booster", Outcome::Deny, &["no-models"]),
        ("lightgbm-cloudpickle", Outcome::Refused, &["not-zip", "mlflow-model"]),
        ("pyfunc-model-path-pickle", Outcome::Refused, &["not-zip", "mlflow-model"]),
        ("pyfunc-python-model", Outcome::Deny, &["mlflow-code"; 3]),
        ("tree-cloudpickle", Outcome::Refused, &["not-zip", "mlflow-model"]),
        ("tree-pickle", Outcome::Refused, &["not-zip", "mlflow-model"]),
    ];
    for (name, flavors) in verdicts["models"].as_object().unwrap() {
        let found = judge(&models().join(name), POLICY);
        let wanted = expected.iter().find(|(own, ..)| own == name);
        let (outcome, codes) =
            wanted.map_or((Outcome::Pass, &[][..]), |(_, outcome, codes)| (*outcome, *codes));
        assert_eq!(found, (outcome, codes.iter().map(|code| (*code).to_owned()).collect()), "{name}");
        let doing = doing(flavors);
        assert!(!(doing.unpickles || doing.runs_code) || outcome != Outcome::Pass, "{name}: {doing:?}");
    }
}

/// Whatever a model says of itself: if MLflow would unpickle, run code of the model's, or trust what the policy does not,
/// it does not pass.
#[test]
fn crafted_models_do_not_pass_if_mlflow_would_run_something() {
    let verdicts = read_json("mlflow/verdicts.json");
    let strict = format!("{POLICY}[severity]\nmlflow-claim = \"deny\"\n");
    let mut passed = Vec::new();
    for (name, case) in verdicts["crafted"].as_object().unwrap() {
        let folder = craft(case);
        let model = folder.path().join("model");
        let (outcome, codes) = judge(&model, &strict);
        let doing = doing(&case["mlflow"]);
        let allowed = |name: &String| {
            name.starts_with("lightgbm.")
                || ["sklearn.tree._tree.Tree", "scaling.halve", "collections.OrderedDict"].contains(&&**name)
        };
        let is_harmless = !doing.unpickles && !doing.runs_code && doing.trusts.iter().all(allowed);
        if outcome == Outcome::Pass {
            assert!(is_harmless, "{name}: {doing:?}");
            passed.push(name.as_str());
        } else {
            assert!(!codes.is_empty());
        }
    }
    // Those that are as good as real ones.
    let expected =
        ["code-is-missing", "data-in-the-folder", "other-name", "trusts-in-one-line", "trusts-nothing"];
    assert_eq!(passed, expected);
}

/// What the model trusts is told beside what the policy trusts.
#[test]
fn claims_are_told() {
    let verdicts = read_json("mlflow/verdicts.json");
    let folder = craft(&verdicts["crafted"]["trusts-more"]);
    let checker = Checker::new(Policy::default());
    let input = &Finder::default().find([folder.path().to_owned()]).inputs[0];
    let verdict = checker.check_input(input);
    assert_eq!(verdict.outcome, Outcome::Pass, "it names none of them");
    let codes: Vec<_> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["mlflow-claim", "mlflow-claim"]);
    let claim = &verdict.mlflow[0];
    assert_eq!(claim.claimed, ["builtins.print", "os.system"]);
    assert_eq!((&claim.not_trusted, &claim.not_named), (&claim.claimed, &claim.claimed));
}

/// All models together are judged as each by itself.
#[test]
fn a_folder_of_models_is_judged_model_by_model() {
    let checker = Checker::new(Policy::from_toml(POLICY, "p").unwrap().0);
    let found = Finder::default().find([models()]);
    let outcome = |path: &str| {
        let input =
            found.inputs.iter().find(|input| input.path.ends_with(path)).unwrap_or_else(|| panic!("{path}"));
        checker.check_input(input).outcome
    };
    assert_eq!(outcome("pipeline/model.skops"), Outcome::Pass);
    assert_eq!(outcome("metadata/model.skops"), Outcome::Pass);
    assert_eq!(outcome("pyfunc-data/data/inner/model.skops"), Outcome::Pass);
    assert_eq!(outcome("tree-pickle/model.pkl"), Outcome::Refused);
    assert_eq!(outcome("pyfunc-model-path-pickle/model.bin"), Outcome::Refused);
    assert_eq!(outcome("pyfunc-python-model/artifacts/linear.skops"), Outcome::Deny);
    assert_eq!(outcome("code/model.skops"), Outcome::Deny);
}
