//! `skops-rs check` and `skops-rs policy`, as a pipeline meets them.
#![cfg(all(feature = "cli", feature = "gate"))]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::*;
use serde_json::Value;
use skops_rs::check::Sha256;
use tempfile::TempDir;

const CLEAN: &str = "real/skops-0.16/linear_linear.skops";
const TREES: &str = "example.skops";
const HOSTILE: &str = "hostile/files/zip_comment.skops";
const LYING: &str = "hostile/files/content_tree_feature_negative.skops";
const POLICY: &str = "policy.toml";

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skops-rs"));
    command.args(arguments).current_dir(folder);
    command
}

/// Runs the command where the fixtures are.
fn run(arguments: &[&str]) -> Output {
    command(&fixtures(), arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A folder with these fixtures in it, by their file names.
fn folder(paths: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        let path = fixtures().join(path);
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn exit_codes_are_as_the_help_says() {
    for (arguments, expected) in [
        (&["check", CLEAN][..], 0),
        (&["check", TREES], 1),
        (&["check", "--policy", POLICY, TREES], 0),
        (&["check", "--policy", POLICY, LYING], 3),
        (&["check", HOSTILE], 3),
        (&["check", "no/such/file"], 4),
        (&["check", CLEAN, TREES], 1),
        (&["check", TREES, HOSTILE, CLEAN], 3),
        (&["check", HOSTILE, "no/such/file", TREES], 4),
        (&["check", "--fail-fast", CLEAN, TREES, HOSTILE, "no/such/file"], 1),
        (&["check", "--fail-fast", "--keep-going", CLEAN, TREES, HOSTILE], 3),
        (&["check"], 2),
        (&["check", "--format", "yaml", CLEAN], 2),
        (&["check", "--output", "report", CLEAN], 2),
        (&["check", "--output", "a.json", "--output", "a.json", CLEAN], 2),
        (&["check", "--policy", "no/such/policy.toml", CLEAN], 4),
        (&["check", "--policy", CLEAN, CLEAN], 2),
        (&["check", "--jobs", "0", CLEAN], 2),
        (&["check", "--expect-sha256", "abc", CLEAN], 2),
        (&["check", "--no-sha256", "--copy-to", "x", CLEAN], 2),
        (&["check", "-", "-"], 2),
        (&["check", "--copy-to", "real/new/folder", "real"], 2),
        (&["check", "--policy", POLICY, "--no-policy", CLEAN], 2),
        (&["check", "--no-policy", TREES], 1),
        (&["check", "--replace", CLEAN], 2),
        (&["policy", "check", POLICY], 0),
        (&["policy", "check", "--exit-code", POLICY], 1),
        (&["policy", "check", CLEAN], 2),
        (&["policy", "check", "no/such/file"], 4),
        (&["policy", "check"], 4),
        (&["policy", "check", POLICY, HOSTILE], 3),
        (&["policy", "init"], 0),
        (&["policy", "init", TREES, CLEAN], 0),
        (&["policy", "init", HOSTILE], 3),
        (&["policy"], 2),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), expected, "{arguments:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{arguments:?}");
    }
}

#[test]
fn what_is_clean_is_said_in_a_line() {
    let output = run(&["check", CLEAN]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("1 file checked: 1 passed\n", ""));
    let output = run(&["check", "--policy", POLICY, CLEAN, TREES]);
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        ("2 files checked by policy.toml: 2 passed\n", "")
    );
}

#[test]
fn what_is_not_is_said_once_for_each_kind() {
    let output = run(&["check", TREES, HOSTILE, CLEAN, "no/such/file"]);
    let said = text(&output.stdout);
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("    ")).collect();
    let expected = [
        "FAIL  example.skops: denied by the policy",
        "  deny[untrusted-types]",
        "FAIL  hostile/files/zip_comment.skops: refused",
        "  deny[zip-comment]",
        "FAIL  no/such/file: could not be checked",
        "  deny[io]",
        "4 files checked: 1 passed, 1 denied, 1 refused, 1 not readable",
    ];
    assert_eq!(lines, expected);
    assert!(
        said.contains("    - the file makes instances of sklearn.tree._tree.Tree, which is not trusted\n")
    );
    assert!(said.contains("      beware: ") && said.contains("      at: steps[1][1].tree_\n"), "{said}");
    assert!(said.contains("    hint: the preset `trees` allows it"), "{said}");
    let several = run(&["check", "real/skops-0.16/type_more_builtins.skops"]);
    assert_eq!(text(&several.stdout).matches("    hint: ").count(), 1, "{}", text(&several.stdout));
}

#[test]
fn a_policy_is_found_in_the_working_directory_and_never_beside_the_model() {
    let here = folder(&[CLEAN]);
    let uploads = folder(&[TREES]);
    let trees = "presets = [\"trees\"]\n";
    let upload = uploads.path().join("example.skops");
    let upload = upload.to_str().unwrap();
    let check =
        |arguments: &[&str]| command(here.path(), &[&["check"], arguments].concat()).output().unwrap();
    // Beside the model, or in its folder, it counts for nothing.
    fs::write(uploads.path().join("skops-policy.toml"), trees).unwrap();
    assert_eq!(code(&check(&[upload])), 1);
    assert_eq!(code(&check(&[uploads.path().to_str().unwrap()])), 1);
    fs::write(here.path().join("skops-policy.toml"), trees).unwrap();
    assert_eq!(code(&check(&[upload])), 0);
    assert_eq!(code(&check(&["--no-policy", upload])), 1);
    // Beside a file, it is used, and said.
    fs::copy(fixtures().join(TREES), here.path().join("beside.skops")).unwrap();
    let beside = check(&["beside.skops"]);
    assert_eq!((code(&beside), text(&beside.stderr).contains("lies beside beside.skops")), (0, true));
    fs::remove_file(here.path().join("beside.skops")).unwrap();
    // What is given goes before what is found.
    fs::write(here.path().join("strict.toml"), "base = \"none\"\n").unwrap();
    assert_eq!(code(&check(&["--policy", "strict.toml", upload])), 1);
    // A policy that comes with what is checked must be claimed.
    let output = check(&["."]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("--policy skops-policy.toml"), "{}", text(&output.stderr));
    assert_eq!(code(&check(&["--policy", "skops-policy.toml", "."])), 0);
    assert_eq!(code(&check(&[here.path().parent().unwrap().to_str().unwrap()])), 2);
    // One that is wrong lets nothing through.
    fs::write(here.path().join("skops-policy.toml"), "presets = [\"trees\"\n").unwrap();
    assert_eq!(code(&check(&[upload])), 2);
}

#[test]
fn mistakes_in_a_policy_are_pointed_at() {
    let folder = folder(&[CLEAN]);
    fs::write(folder.path().join("p.toml"), "base = \"all\"\nallow = [\n    \"a\",\n]\n").unwrap();
    for arguments in
        [&["check", "--policy", "p.toml", "linear_linear.skops"][..], &["policy", "check", "p.toml"]]
    {
        let output = command(folder.path(), arguments).output().unwrap();
        assert_eq!((code(&output), text(&output.stdout)), (2, ""));
        let said = text(&output.stderr);
        assert!(said.contains("error[policy-syntax]: p.toml:1:8: there is no base `all`"), "{said}");
        assert!(said.contains("error[policy-syntax]: p.toml:3:5: \"a\" is no type name"), "{said}");
        assert!(said.contains("  hint: see docs/policy.md"), "{said}");
    }
    fs::write(
        folder.path().join("p.toml"),
        "allow = [\"sklearn.tree._tree.Tre\", \"a.B\", \"xgboost.**\"]\n",
    )
    .unwrap();
    let output = command(folder.path(), &["policy", "check", "p.toml", "."]).output().unwrap();
    assert_eq!(code(&output), 0);
    let said = text(&output.stderr);
    assert!(
        said.contains(
            "warning: p.toml:1:10: sklearn.tree._tree.Tre is no name that is known here; did you mean"
        ),
        "{said}"
    );
    assert_eq!(said.matches("is allowed, and no file needs it").count(), 3, "{said}");
    assert!(said.contains("`xgboost.**` allows every name below it"), "{said}");
    assert_eq!(text(&output.stdout), "p.toml: 3 allowances (presets included), 0 denials, 5 warnings\n");
}

#[test]
fn a_policy_starts_from_models() {
    let folder = folder(&[TREES, CLEAN]);
    let run = |arguments: &[&str]| command(folder.path(), arguments).output().unwrap();
    assert_eq!(
        code(&run(&["policy", "init", "-o", "skops-policy.toml", "example.skops", "linear_linear.skops"])),
        0
    );
    assert_eq!(code(&run(&["check", "example.skops", "linear_linear.skops"])), 0);
    let before = fs::read(folder.path().join("skops-policy.toml")).unwrap();
    assert_eq!(code(&run(&["policy", "init", "-o", "skops-policy.toml", "."])), 2);
    assert_eq!(fs::read(folder.path().join("skops-policy.toml")).unwrap(), before);
    assert_eq!(code(&run(&["policy", "init", "-o", "no/such/folder/p.toml"])), 4);
    let printed = run(&["policy", "init", "example.skops", "linear_linear.skops"]);
    assert_eq!(printed.stdout, before);
}

#[test]
fn paths_come_from_lists_folders_and_standard_input() {
    let folder = folder(&[TREES, CLEAN, HOSTILE]);
    let with_input = |arguments: &[&str], input: &[u8]| {
        let mut command = command(folder.path(), arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    };
    let paths = |output: &Output| -> Vec<String> {
        let lines = text(&output.stdout).lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|line| format!("{} {}", line["path"].as_str().unwrap(), line["verdict"].as_str().unwrap()))
            .collect()
    };
    let jsonl = ["check", "--format", "jsonl"];
    let all = ["example.skops deny", "linear_linear.skops pass", "zip_comment.skops refused"];
    let lines = with_input(
        &[&jsonl[..], &["--files-from", "-"]].concat(),
        b"example.skops\nlinear_linear.skops\nzip_comment.skops\n",
    );
    assert_eq!((paths(&lines), code(&lines)), (all.map(str::to_owned).to_vec(), 3));
    let nul = with_input(
        &[&jsonl[..], &["-0", "--files-from", "-"]].concat(),
        b"example.skops\0linear_linear.skops\0zip_comment.skops",
    );
    assert_eq!(paths(&nul), all);
    let walked = with_input(&[&jsonl[..], &["--jobs", "3", "."]].concat(), b"");
    assert_eq!(paths(&walked), all.map(|line| format!("./{line}")));
    let piped = with_input(&[&jsonl[..], &["-"]].concat(), &fs::read(fixtures().join(TREES)).unwrap());
    assert_eq!(paths(&piped), ["- deny"]);
    assert_eq!(code(&with_input(&["check", "--files-from", "-"], b"")), 2);
    assert_eq!(code(&with_input(&["check", "--files-from", "no/such/list"], b"")), 4);
    fs::write(folder.path().join("list"), "example.skops\n").unwrap();
    assert_eq!(code(&with_input(&["check", "--files-from", "list", "linear_linear.skops"], b"")), 1);
}

#[test]
fn reports_are_written_beside_standard_output() {
    let folder = folder(&[TREES, CLEAN]);
    let outputs = ["r.json", "r.jsonl", "r.sarif", "r.xml", "r.md", "r.txt", "github=r"];
    let mut arguments = vec!["check", "example.skops", "linear_linear.skops"];
    for output in outputs {
        arguments.extend(["--output", output]);
    }
    let output = command(folder.path(), &arguments).output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).ends_with("2 files checked: 1 passed, 1 denied\n"));
    let written = [
        "example.skops",
        "linear_linear.skops",
        "r",
        "r.json",
        "r.jsonl",
        "r.md",
        "r.sarif",
        "r.txt",
        "r.xml",
    ];
    assert_eq!(names(folder.path()), written);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("r.txt"), text(&output.stdout));
    assert!(read("r").starts_with("::error file=example.skops"));
    assert!(read("r.sarif").contains("\"2.1.0\"") && read("r.xml").starts_with("<?xml"));
    assert!(read("r.md").contains("example.skops"));
    let json: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(json["summary"]["files"], 2);
    assert_eq!(read("r.jsonl").lines().count(), 2);
}

/// A verdict is not lost with the pipe that it is told through.
#[test]
fn a_closed_pipe_does_not_let_anything_pass() {
    for (path, expected) in [(CLEAN, 0), (TREES, 1), (HOSTILE, 3)] {
        let mut child = command(&fixtures(), &["check", "--format", "jsonl", path])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{path}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let output = run(&["check", "--output", "json=/dev/full", CLEAN]);
    assert_eq!(code(&output), 4);
    assert!(text(&output.stderr).contains("error[io]: cannot write the report"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "1 file checked: 1 passed\n", "the other report is written");
    assert!(!Path::new("/dev/full").metadata().unwrap().is_file(), "what is no file is not replaced");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&fixtures(), &["check", CLEAN]).stdout(full).output().unwrap();
    assert_eq!(code(&output), 4);
    // A file system that takes no more than 1 KiB.
    let folder = folder(&[TREES, CLEAN]);
    let binary = env!("CARGO_BIN_EXE_skops-rs");
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {binary} check --output r.json --output r.xml example.skops"
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert_eq!(code(&output), 4, "{}", text(&output.stderr));
    assert!(!names(folder.path()).iter().any(|name| name.contains("json") || name.contains("part")));
    // What was there before stays.
    fs::write(folder.path().join("r.json"), "before").unwrap();
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert_eq!(
        (code(&output), fs::read_to_string(folder.path().join("r.json")).unwrap()),
        (4, "before".to_owned())
    );
    let missing =
        command(folder.path(), &["check", "--output", "no/such/folder/r.json", "linear_linear.skops"]);
    assert_eq!(code(&{ missing }.output().unwrap()), 4);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_does_not_keep_the_others_from_it() {
    let folder = folder(&[TREES, CLEAN]);
    let pipe = folder.path().join("a-pipe.skops");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("..", folder.path().join("loop")).unwrap();
    let output =
        command(folder.path(), &["check", "--format", "jsonl", ".", "missing.skops"]).output().unwrap();
    assert_eq!(code(&output), 4);
    let verdicts: Vec<_> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            format!(
                "{} {}",
                line["path"].as_str().unwrap(),
                line["findings"][0]["code"].as_str().unwrap_or("-")
            )
        })
        .collect();
    let expected = [
        "./a-pipe.skops not-a-file",
        "./example.skops untrusted-types",
        "./linear_linear.skops -",
        "./loop folder-link",
        "missing.skops io",
    ];
    assert_eq!(verdicts, expected);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[TREES]);
    let path = folder.path().join("example.skops");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        // Whoever may do everything may read it: let somebody else try.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let binary = folder.path().join("skops-rs");
        fs::copy(env!("CARGO_BIN_EXE_skops-rs"), &binary).unwrap();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary)
            .args(["check", "example.skops"]);
        let Ok(output) = command.current_dir(folder.path()).output() else { return };
        assert_eq!(code(&output), 4, "{}", text(&output.stderr));
        return;
    }
    let output = command(folder.path(), &["check", "example.skops"]).output().unwrap();
    assert_eq!(code(&output), 4);
    assert!(text(&output.stdout).contains("Permission denied"));
}

#[test]
fn a_verdict_is_tied_to_bytes() {
    let bytes = fs::read(fixtures().join(CLEAN)).unwrap();
    let (right, wrong) = (Sha256::of(&bytes).to_string(), Sha256::of(b"").to_string());
    assert_eq!(code(&run(&["check", "--expect-sha256", &right, CLEAN])), 0);
    let output = run(&["check", "--expect-sha256", &wrong, CLEAN]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).contains(&right), "{}", text(&output.stdout));
    assert_eq!(code(&run(&["check", "--expect-sha256", &right, CLEAN, TREES])), 2);
    assert_eq!(code(&run(&["check", "--expect-sha256", &right, "real"])), 2);
}

#[test]
fn exactly_what_was_checked_is_published() {
    let (uploads, here) = (folder(&[TREES, CLEAN, HOSTILE]), tempfile::tempdir().unwrap());
    let path = uploads.path().to_str().unwrap();
    let output = command(here.path(), &["check", "--copy-to", "out/new", path]).output().unwrap();
    assert_eq!(code(&output), 3);
    assert_eq!(names(&here.path().join("out/new")), ["linear_linear.skops"]);
    let published = fs::read(here.path().join("out/new/linear_linear.skops")).unwrap();
    assert_eq!(published, fs::read(fixtures().join(CLEAN)).unwrap());
    let mut child =
        command(here.path(), &["check", "--copy-to", "out", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&published).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(here.path().join(format!("out/{}.skops", Sha256::of(&published))).exists());
}

/// Neither a path nor the text of a file starts a line, or holds what a runner takes for a command.
#[cfg(unix)]
#[test]
fn paths_cannot_forge_output() {
    let folder = folder(&[]);
    let evil = [
        "::error::x.skops",
        "a\n::error::b.skops",
        "##[error]c.skops",
        "d\u{1b}[2K\rfine.skops",
        "e\u{202e}f.skops",
    ];
    for name in evil {
        fs::copy(fixtures().join(HOSTILE), folder.path().join(name)).unwrap();
    }
    for format in ["text", "json", "jsonl", "github", "markdown", "sarif"] {
        let arguments = ["check", "--format", format, "."];
        let output = command(folder.path(), &arguments).output().unwrap();
        let said = text(&output.stdout);
        assert_eq!(code(&output), 3);
        assert!(!said.contains("##["), "{format}: {said}");
        let commands: Vec<_> = said.lines().filter(|line| line.trim_start().starts_with("::")).collect();
        let own = |line: &&&str| {
            line.starts_with("::error file=") || line.starts_with("::notice") || line.starts_with("::warning")
        };
        assert_eq!(commands.iter().filter(own).count(), commands.len(), "{format}: {commands:?}");
        assert!(format == "github" || commands.is_empty(), "{format}: {commands:?}");
        assert!(
            said.chars()
                .all(|character| character == '\n' || !(character.is_control() || character == '\u{202e}')),
            "{format}"
        );
    }
}
