//! The command line as a user meets it: what it prints where, and how it ends.
#![cfg(feature = "cli")]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use common::*;
use serde_json::{Value, json};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skops-rs"));
    command.args(arguments).current_dir(fixtures()).env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

const MODEL: &str = "example.skops";
const CLEAN: &str = "real/skops-0.16/pipeline.skops";
const HOSTILE: &str = "hostile/files/zip_comment.skops";
/// A model whose types are trusted and whose contents break a rule.
const LYING: &str = "hostile/files/content_logreg_coef_shape.skops";
const TREE: &str = "sklearn.tree._tree.Tree";

#[test]
fn names_come_one_a_line_and_nothing_else() {
    let output = run(&["untrusted-types", MODEL]);
    assert_eq!(
        (stdout(&output), stderr(&output), output.status.code()),
        ("sklearn.tree._tree.Tree\n", "", Some(0))
    );
    let output = run(&["untrusted-types", CLEAN]);
    assert_eq!((stdout(&output), stderr(&output), output.status.code()), ("", "", Some(0)));
}

#[test]
fn several_files_are_told_apart_and_one_that_is_refused_does_not_stop_the_others() {
    let output = run(&["untrusted-types", MODEL, HOSTILE, CLEAN, MODEL]);
    assert_eq!(stdout(&output), format!("{MODEL}: {TREE}\n{MODEL}: {TREE}\n"));
    assert!(stderr(&output).starts_with("error[zip-comment]: "));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn all_lists_every_name_once() {
    let output = run(&["untrusted-types", "--all", MODEL]);
    let names: Vec<_> = stdout(&output).lines().collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
    for name in
        [TREE, "builtins.dict", "builtins.list", "builtins.str", "numpy.ndarray", "sklearn.pipeline.Pipeline"]
    {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn trust_is_by_base_and_by_name() {
    let output = run(&["untrusted-types", "--trust", TREE, MODEL]);
    assert_eq!((stdout(&output), output.status.code()), ("", Some(0)));
    let all = run(&["untrusted-types", "--all", MODEL]);
    let none = run(&["untrusted-types", "--base", "none", MODEL]);
    assert_eq!(stdout(&all), stdout(&none));
    let some = run(&["untrusted-types", "--base", "none", "--trust", "builtins.dict", MODEL]);
    assert_eq!(stdout(&some), stdout(&all).replace("builtins.dict\n", ""));
}

#[test]
fn exit_codes_are_as_the_help_says() {
    for (arguments, code) in [
        (&["untrusted-types", MODEL][..], 0),
        (&["untrusted-types", "--exit-code", CLEAN], 0),
        (&["untrusted-types", "--exit-code", MODEL], 1),
        (&["untrusted-types", "--exit-code", "--trust", TREE, MODEL], 0),
        (&["untrusted-types"], 2),
        (&["untrusted-types", "--no-such-option", MODEL], 2),
        (&["untrusted-types", "--trust", "not a name", MODEL], 2),
        (&["untrusted-types", "--base", "all", MODEL], 2),
        (&["untrusted-types", "--limit", "no-such-limit=1", MODEL], 2),
        (&["untrusted-types", "--limit", "nodes", MODEL], 2),
        (&["untrusted-types", "--limit", "nodes=99999999999", MODEL], 2),
        (&["no-such-command"], 2),
        (&["man", "no-such-command"], 2),
        (&["untrusted-types", HOSTILE], 3),
        (&["untrusted-types", "--exit-code", MODEL, HOSTILE], 3),
        (&["untrusted-types", "--limit", "nodes=10", MODEL], 3),
        (&["untrusted-types", "no/such/file"], 4),
        (&["untrusted-types", "real"], 4),
        (&["untrusted-types", HOSTILE, "no/such/file", MODEL], 4),
        (&["inspect", MODEL], 0),
        (&["inspect"], 2),
        (&["inspect", LYING], 3),
        (&["arrays", MODEL], 0),
        (&["arrays", HOSTILE], 3),
        (&["arrays", "no/such/file"], 4),
        (&["export", CLEAN], 0),
        (&["export", MODEL], 1),
        (&["export", "--trust", TREE, MODEL], 0),
        (&["export", "--arrays", "none", "--trust", TREE, MODEL], 0),
        (&["export", "--arrays", "npy", CLEAN], 2),
        (&["export", "--arrays", "all", CLEAN], 2),
        (&["export"], 2),
        (&["export", LYING], 3),
        (&["export", "--arrays", "none", LYING], 3),
        (&["export", HOSTILE], 3),
        (&["export", "no/such/file"], 4),
        (&["export", "-o", "no/such/folder/model.json", CLEAN], 4),
        (&["inspect", HOSTILE], 3),
        (&["inspect", "no/such/file"], 4),
        (&["--version"], 0),
        (&["--help"], 0),
        (&["man"], 0),
        (&["man", "inspect"], 0),
        (&["completions", "bash"], 0),
        (&["completions", "csh"], 2),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}");
    }
}

#[test]
fn help_has_the_exit_codes() {
    for arguments in [&["--help"][..], &["untrusted-types", "--help"], &["inspect", "--help"]] {
        let output = run(arguments);
        assert!(stdout(&output).contains("3  a file was refused"), "{arguments:?}");
    }
}

#[test]
fn standard_input_is_a_file() {
    let bytes = std::fs::read(fixtures().join(MODEL)).unwrap();
    let output = run_with_input(&["untrusted-types", "-"], &bytes);
    assert_eq!((stdout(&output), output.status.code()), ("sklearn.tree._tree.Tree\n", Some(0)));
    let output = run_with_input(&["untrusted-types", "--limit", "stream-bytes=100", "-"], &bytes);
    assert!(stderr(&output).starts_with("error[limit-stream-bytes]: "), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    let output = run(&["untrusted-types", "hostile/files/bytesnode_missing_file.skops"]);
    let lines: Vec<_> = stderr(&output).lines().collect();
    assert_eq!(
        lines,
        [
            "error[entry-missing]: the entry 'nope.bin', which the archive has not; but every entry that schema.json \
             names is in the archive",
            "  at: hostile/files/bytesnode_missing_file.skops, schema.json, /content/0",
            "  hint: the file is incomplete: get it again from its source",
        ]
    );
}

#[test]
fn a_mistyped_argument_is_answered_with_what_is_possible() {
    let output = run(&["untrusted-types", "--limit", "node=1", MODEL]);
    assert!(
        stderr(&output).contains("there is no limit named node; the limits are entries,"),
        "{}",
        stderr(&output)
    );
    let output = run(&["untrusted-types", "--trust", "Tree", MODEL]);
    assert!(stderr(&output).contains("it has no module, as in `builtins.list`"), "{}", stderr(&output));
    let output = run(&["untrusted-types", "--base", "skops", MODEL]);
    assert!(stderr(&output).contains("use skops-0.16 or none"), "{}", stderr(&output));
}

fn json_of(arguments: &[&str]) -> Value {
    serde_json::from_slice(&run(arguments).stdout).unwrap()
}

#[test]
fn json_has_verdict_versions_and_error() {
    let output = json_of(&["untrusted-types", "--format", "json", MODEL, CLEAN, HOSTILE]);
    let files = output["files"].as_array().unwrap();
    assert_eq!(
        files[0],
        json!({"path": MODEL, "verdict": "untrusted", "protocol": 2, "skops_version": "0.16.0",
            "sklearn_version": "1.9.1", "untrusted": [TREE], "error": null})
    );
    assert_eq!(files[1]["verdict"], "clean");
    assert_eq!(
        (&files[2]["verdict"], &files[2]["error"]["code"]),
        (&json!("refused"), &json!("zip-comment"))
    );
    assert_eq!(files[2]["error"]["at"], json!({"entry": null, "pointer": null, "offset": 1137}));
}

#[test]
fn json_has_places_that_lead_to_the_node() {
    let output = json_of(&["untrusted-types", "--format", "json", "--places", MODEL]);
    let reference = &output["files"][0]["references"][0];
    assert_eq!(
        (&reference["name"], &reference["role"], &reference["loader"]),
        (&json!(TREE), &json!("instantiate"), &json!("TreeNode"))
    );
    assert!(reference["reason"].as_str().unwrap().contains("bounds"));
    assert_eq!(reference["places"][0]["path"], "steps[1][1].tree_");
}

/// Every pointer leads to a node of the loader that the report names.
#[test]
fn pointers_are_exact() {
    for path in files("real/skops-0.16", ".skops").into_iter().chain(files("real/skops-0.5", ".skops")) {
        let Ok(archive) = skops_rs::Archive::open(&path) else { continue };
        let Ok(text) = archive.read(archive.entry("schema.json").unwrap()) else { continue };
        let Ok(schema) = serde_json::from_slice::<Value>(&text) else { continue };
        let Ok(audit) = archive.schema().and_then(skops_rs::Schema::audit) else { continue };
        for reference in audit.references() {
            for place in reference.places() {
                let node = schema.pointer(&place.pointer).unwrap_or(&Value::Null);
                assert_eq!(
                    node["__loader__"],
                    reference.loader().as_str(),
                    "{} {}",
                    path.display(),
                    place.pointer
                );
            }
        }
    }
}

#[test]
fn inspect_draws_the_tree() {
    let output = run(&["inspect", MODEL]);
    let text = stdout(&output);
    assert!(
        text.starts_with("root: sklearn.pipeline.Pipeline\n├── steps: builtins.list, 2 items\n│   ├── [0]: "),
        "{text}"
    );
    assert!(text.contains("tree_: sklearn.tree._tree.Tree [untrusted]\n"), "{text}");
    assert!(text.contains("mean_: numpy.ndarray, <f8 (4,)\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "colour without a terminal");
}

#[test]
fn inspect_shows_what_is_asked_for() {
    let untrusted = run(&["inspect", "--show", "untrusted", MODEL]);
    assert_eq!(
        stdout(&untrusted),
        "root: sklearn.pipeline.Pipeline\n\
         └── steps: builtins.list, 2 items\n    \
             └── [1]: builtins.tuple, 2 items\n        \
                 └── [1]: sklearn.tree._classes.DecisionTreeClassifier\n            \
                     └── tree_: sklearn.tree._tree.Tree [untrusted]\n"
    );
    let trusted = run(&["inspect", "--show", "trusted", MODEL]);
    assert!(!stdout(&trusted).contains("[untrusted]"));
    let shallow = run(&["inspect", "--depth", "1", MODEL]);
    assert!(stdout(&shallow).contains("steps: builtins.list, 2 items ... 2 below\n"), "{}", stdout(&shallow));
    assert_eq!(stdout(&shallow).lines().count(), 6);
}

#[test]
fn inspect_shows_shared_objects_once() {
    let shared = with_id(list(vec![json_node("1")]), 7);
    let path = std::env::temp_dir().join(format!("skops-rs-shared-{}.skops", std::process::id()));
    std::fs::write(&path, skops(list(vec![shared.clone(), shared]), &[])).unwrap();
    let output = run(&["inspect", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        stdout(&output),
        "root: builtins.list, 2 items\n├── [0]: builtins.list, 1 item\n│   └── [0]: 1\n\
         └── [1]: builtins.list, 1 item (same object as [0])\n"
    );
}

/// On a terminal there is colour, unless `NO_COLOR` says otherwise.
#[test]
#[cfg(target_os = "linux")]
fn colour_is_for_terminals_that_want_it() {
    let inspect = format!("{} inspect {MODEL}", env!("CARGO_BIN_EXE_skops-rs"));
    let on_terminal = |no_color: &str| {
        let mut script = Command::new("script");
        script.args(["-qec", &inspect, "/dev/null"]).current_dir(fixtures()).env("TERM", "xterm");
        script.env("NO_COLOR", no_color).stdin(Stdio::null()).output().unwrap()
    };
    assert!(stdout(&on_terminal("")).contains("\u{1b}[31m"));
    assert!(!stdout(&on_terminal("1")).contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_success() {
    for arguments in [
        &["untrusted-types", "--all", "--format", "json", "real/skops-0.16/all_estimators.skops"][..],
        &["inspect", "real/skops-0.16/all_estimators.skops"],
        &["completions", "zsh"],
    ] {
        let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((stderr(&output), output.status.code()), ("", Some(0)), "{arguments:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(&["inspect", MODEL]).stdout(full).output().unwrap();
    assert!(stderr(&output).starts_with("error[io]: cannot write the output: "), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(4));
}

/// Text from a file reaches the terminal only escaped: neither names nor keys nor values move the cursor.
#[test]
fn output_is_escaped() {
    let evil = "\u{1b}[31mred\r\n::error::x\u{202e}";
    let value = json_node(&serde_json::to_string(evil).unwrap());
    let object = node("ObjectNode", "a.B", json!({"content": dict(vec![(evil, value.clone())])}));
    let mut root = list(vec![object, dict(vec![(evil, type_node("c.D"))]), value]);
    root["_skops_version"] = json!(evil);
    root["protocol"] = json!(2);
    let good = skops_text(&root.to_string(), &[]);
    root["content"][0]["content"]["content"][evil]["content"] = json!("no json");
    let bad = skops_text(&root.to_string(), &[]);
    for bytes in [good, bad] {
        for arguments in [
            &["untrusted-types", "-"][..],
            &["untrusted-types", "--all", "-"],
            &["untrusted-types", "--format", "json", "--all", "-"],
            &["inspect", "-"],
            &["inspect", "--format", "json", "-"],
        ] {
            let output = run_with_input(arguments, &bytes);
            let drawing = ['├', '─', '│', '└'];
            let plain =
                |text: &str| text.chars().all(|c| matches!(c, ' '..='~' | '\n') || drawing.contains(&c));
            assert!(plain(stdout(&output)) && plain(stderr(&output)), "{arguments:?} {output:?}");
            assert!(!stdout(&output).lines().any(|line| line.starts_with("::")), "{output:?}");
        }
    }
}

#[test]
fn leftover_arrays_are_told_on_standard_error() {
    let output = run(&["untrusted-types", "hostile/files/content_logreg_nan_coef.skops"]);
    assert_eq!((stdout(&output), output.status.code()), ("", Some(0)));
    assert!(stderr(&output).starts_with("warning[entry-unreferenced]: 1 "), "{}", stderr(&output));
}

#[test]
fn manual_and_completions_know_all_options() {
    let manual = run(&["man", "untrusted-types"]);
    for option in
        ["\\-\\-all", "\\-\\-places", "\\-\\-base", "\\-\\-trust", "\\-\\-limit", "\\-\\-exit\\-code"]
    {
        assert!(stdout(&manual).contains(option), "{option}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let completions = run(&["completions", shell]);
        assert!(stdout(&completions).contains("exit-code"), "{shell}");
    }
}

#[test]
fn arrays_come_one_a_line() {
    let output = run(&["arrays", MODEL]);
    let lines: Vec<Vec<_>> = stdout(&output).lines().map(|line| line.split('\t').collect()).collect();
    assert!(lines.contains(&vec!["steps[0][1].mean_", "<f8", "(4,)", "32"]), "{lines:?}");
    assert!(lines.iter().all(|fields| fields.len() == 4));
    assert!(lines.iter().any(|fields| fields[0] == "steps[1][1].tree_.nodes" && fields[3] == "576"));
}

/// A folder of its own below the system's temporary one, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skops-rs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn export_writes_a_model_and_its_arrays() {
    let folder = Folder::new("export");
    let out = folder.0.join("model.json");
    let output = run(&["export", "--arrays", "npy", "-o", out.to_str().unwrap(), CLEAN]);
    assert_eq!((stdout(&output), stderr(&output), output.status.code()), ("", "", Some(0)));
    let exported: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let mean = &exported["root"]["params"]["steps"][0]["items"][1]["fitted"]["mean_"];
    let file = std::fs::read(folder.0.join(mean["file"].as_str().unwrap())).unwrap();
    assert!(file.starts_with(b"\x93NUMPY"));
    let names = folder.names();
    assert!(
        names.contains(&"model.1.npy".to_owned()) && names.contains(&"model.json".to_owned()),
        "{names:?}"
    );
    assert!(names.iter().all(|name| name.ends_with(".npy") || name == "model.json"), "{names:?}");
    // On standard output, the same but for the arrays.
    let inline: Value = serde_json::from_slice(&run(&["export", CLEAN]).stdout).unwrap();
    let mean = &inline["root"]["params"]["steps"][0]["items"][1]["fitted"]["mean_"];
    assert_eq!(mean["data"].as_array().unwrap().len(), 3);
    let left: Value = serde_json::from_slice(&run(&["export", "--arrays", "none", CLEAN]).stdout).unwrap();
    assert!(left["root"]["params"]["steps"][0]["items"][1]["fitted"]["mean_"].get("data").is_none());
}

#[test]
fn export_of_what_is_refused_leaves_nothing() {
    let folder = Folder::new("refused");
    for (file, code) in [(LYING, 3), (MODEL, 1), (HOSTILE, 3)] {
        let out = folder.0.join("model.json");
        let output = run(&["export", "-o", out.to_str().unwrap(), file]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert!(folder.names().is_empty());
    }
    let output = run(&["export", MODEL]);
    assert!(
        stderr(&output).starts_with("error[untrusted-types]: the file names one type that is not trusted: ")
    );
    assert!(stderr(&output).contains(TREE));
}

#[test]
fn inspect_shows_values_of_what_is_trusted() {
    let output = run(&["inspect", "--trust", TREE, MODEL]);
    assert!(
        stdout(&output).contains("classes_: numpy.ndarray, <i8 (3,), [0, 1, 2]\n"),
        "{}",
        stdout(&output)
    );
    let output = run(&["inspect", MODEL]);
    assert!(stdout(&output).contains("classes_: numpy.ndarray, <i8 (3,)\n"));
    let output = run(&["inspect", LYING]);
    assert!(
        stdout(&output).starts_with(
            "root: sklearn.linear_model._logistic.LogisticRegression, refused: invariant-linear\n"
        )
    );
    assert!(stderr(&output).contains("error[invariant-linear]: "));
}
