//! Who trusts what.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::*;
use serde_json::json;
use skops_rs::{Base, Loader, TrustList, TypeName, reason};

fn trusts(loader: Loader, protocol: u8, name: &str) -> bool {
    TrustList::default().trusts(loader, protocol, &name.parse().unwrap())
}

/// Trust is for a name under a loader.
#[test]
fn the_base_trusts_a_name_for_its_loader() {
    let regression = "sklearn.linear_model._logistic.LogisticRegression";
    for loader in Loader::ALL {
        assert_eq!(trusts(*loader, 2, regression), *loader == Loader::Object, "{loader}");
    }
    assert!(trusts(Loader::List, 2, "builtins.list") && !trusts(Loader::Tuple, 2, "builtins.list"));
    assert!(trusts(Loader::Dict, 2, "collections.OrderedDict"));
    assert!(trusts(Loader::RandomGenerator, 2, "numpy.random.PCG64"));
    assert!(!trusts(Loader::RandomGenerator, 2, "numpy.random.seed"));
    assert!(trusts(Loader::Type, 2, "numpy.float64") && trusts(Loader::NdArray, 2, "numpy.float64"));
}

/// skops 0.16 reads functions of protocol 0 with a loader that was never taught numpy's ufuncs.
#[test]
fn ufuncs_are_trusted_by_protocol() {
    assert!(trusts(Loader::Function, 2, "numpy.log1p") && trusts(Loader::Function, 1, "numpy.log1p"));
    assert!(!trusts(Loader::Function, 0, "numpy.log1p"));
    assert!(trusts(Loader::Function, 0, "scipy.special._ufuncs.expit"));
}

/// What skops trusts and this project does not.
#[test]
fn the_deliberate_exceptions_are_not_trusted() {
    assert!(!trusts(Loader::Type, 2, "builtins.map"));
    for name in ["scipy.sparse._matrix.spmatrix", "scipy.sparse._base.spmatrix", "scipy.sparse._base.sparray"]
    {
        assert!(!trusts(Loader::SparseMatrix, 2, name));
    }
    assert!(!trusts(Loader::Loss, 2, "_loss.CyHalfBinomialLoss"));
    assert!(trusts(Loader::Loss, 2, "sklearn._loss._loss.CyHalfBinomialLoss"));
}

#[test]
fn trees_are_not_trusted_and_it_is_said_why() {
    for (loader, name) in [
        (Loader::Tree, "sklearn.tree._tree.Tree"),
        (Loader::Object, "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"),
    ] {
        assert!(!trusts(loader, 2, name));
        assert!(reason(&name.parse().unwrap()).unwrap().contains("bounds checks"));
    }
}

#[test]
fn reasons_are_given_for_what_is_not_obvious() {
    for name in [
        "functools.partial",
        "operator.attrgetter",
        "operator.methodcaller",
        "operator.call",
        "builtins.eval",
        "builtins.exec",
        "builtins.getattr",
        "builtins.__import__",
        "posix.system",
        "os.system",
        "subprocess.Popen",
        "a.B.__globals__",
        "_loss.CyHalfBinomialLoss",
        "scipy.sparse._csr.csr_matrix",
    ] {
        assert!(reason(&name.parse().unwrap()).is_some(), "{name}");
    }
    for name in ["builtins.list", "a.B", "osmosis.Filter", "sklearn.pipeline.Pipeline"] {
        assert!(reason(&name.parse().unwrap()).is_none(), "{name}");
    }
}

#[test]
fn the_caller_trusts_a_name_everywhere() {
    let trust = TrustList::default().allow("a.B").unwrap();
    for loader in Loader::ALL {
        assert!(trust.trusts(*loader, 2, &"a.B".parse().unwrap()), "{loader}");
        assert!(!trust.trusts(*loader, 2, &"a.B.c".parse().unwrap()), "{loader}");
    }
}

#[test]
fn there_is_no_way_to_trust_everything() {
    for wildcard in ["*", "a.*", "sklearn.**", "", "True", "all", ".*"] {
        assert!(wildcard.parse::<TypeName>().is_err(), "{wildcard}");
        assert!(TrustList::default().allow(wildcard).is_err(), "{wildcard}");
        assert!(wildcard.parse::<Base>().is_err(), "{wildcard}");
    }
}

#[test]
fn none_trusts_nothing() {
    let none = TrustList::new(Base::None);
    let audit = audit(skops(list(vec![json_node("1")]), &[])).unwrap();
    let names: Vec<_> = audit.untrusted(&none).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["builtins.list"]);
}

/// Trust never comes from the file: a version, or an entry beside, changes nothing.
#[test]
fn the_file_has_no_say() {
    let untrusted = |root| {
        audit(skops(root, &[]))
            .unwrap()
            .untrusted(&TrustList::default())
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let loss = node(
        "LossNode",
        "_loss.CyHalfBinomialLoss",
        json!({"__reduce__": {"args": tuple(vec![])}, "content": dict(vec![])}),
    );
    let estimator = |version: &str| {
        let state =
            dict(vec![("_loss", loss.clone()), ("_sklearn_version", json_node(&format!("\"{version}\"")))]);
        node("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression", json!({"content": state}))
    };
    assert_eq!(untrusted(estimator("1.7.2")), untrusted(estimator("1.9.1")));
    assert_eq!(untrusted(estimator("1.7.2")), ["_loss.CyHalfBinomialLoss"]);
}

#[test]
fn names_are_dotted_ascii_identifiers() {
    for name in ["a.b", "a.b.c", "_a._b", "__main__.<lambda>", "a1.b2"] {
        assert_eq!(name.parse::<TypeName>().unwrap().as_str(), name);
    }
    for name in [
        "a",
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b.c",
        "a.b\n",
        "1a.b",
        "a.<b>",
        "<lambda>.a",
        "\u{430}.b",
        "a-b.c",
    ] {
        assert!(name.parse::<TypeName>().is_err(), "{name:?}");
    }
    assert!(format!("a.{}", "b".repeat(5000)).parse::<TypeName>().is_err());
}

/// The tables are what their generator writes: sorted, without repetition, of known packages only.
#[test]
fn tables_are_sorted_and_known() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trust/tables");
    let mut tables = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let names: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!names.is_empty() && names.is_sorted_by(|one, other| one < other), "{}", path.display());
        tables += 1;
        if path.ends_with("methods.txt") {
            assert!(names.iter().all(|name| !name.contains('.')));
            continue;
        }
        for name in names {
            let name = name.split(' ').next_back().unwrap();
            let package = name.split('.').next().unwrap();
            assert!(["builtins", "collections", "numpy", "scipy", "sklearn"].contains(&package), "{name}");
        }
    }
    assert_eq!(tables, 13);
}
