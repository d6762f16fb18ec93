//! The commands in `docs/gate.md` run as they stand, one block after the other, and print what the page says.
//! `SKOPS_RS_WRITE_DOCS=1 cargo test --test pipelines` writes what they print into the page.
//!
//! `pipelines/check.sh` tries the files for pipelines.
#![cfg(all(feature = "cli", feature = "gate", unix))]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// A block of commands, and what the block of text after it says that they print.
#[derive(Debug, PartialEq)]
struct Block {
    commands: String,
    printed: String,
}

/// The blocks of a page, in order. `replace` gives other text for what a block prints.
fn blocks(page: &str, mut replace: impl FnMut(usize) -> Option<String>) -> (Vec<Block>, String) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut written = String::new();
    let mut fence: Option<&str> = None;
    for line in page.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => {
                fence = Some(language);
                writeln!(written, "{line}").unwrap();
                match language {
                    "sh" => blocks.push(Block { commands: String::new(), printed: String::new() }),
                    "text" => {
                        let index = blocks.len().checked_sub(1).expect("a block of commands comes first");
                        assert!(blocks[index].printed.is_empty(), "two blocks of text after block {index}");
                        if let Some(text) = replace(index) {
                            written.push_str(&text);
                        }
                    }
                    _ => panic!("a block of {language:?}, which nobody runs"),
                }
                continue;
            }
            (Some(_), Some(rest)) => {
                assert_eq!(rest, "");
                fence = None;
            }
            (Some("sh"), None) => writeln!(blocks.last_mut().unwrap().commands, "{line}").unwrap(),
            (Some(_), None) => {
                let index = blocks.len() - 1;
                writeln!(blocks[index].printed, "{line}").unwrap();
                if replace(index).is_some() {
                    continue;
                }
            }
            (None, None) => {}
        }
        writeln!(written, "{line}").unwrap();
    }
    assert_eq!(fence, None, "a block that does not end");
    (blocks, written)
}

/// Runs the blocks in one shell, and gives back what each printed.
fn run(blocks: &[Block], folder: &Path) -> Vec<String> {
    const MARK: char = '\u{1e}';
    let programs = folder.join("bin");
    fs::create_dir_all(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_skops-rs"), programs.join("skops-rs")).unwrap();
    // The program is built already; pipelines/check.sh installs it.
    let cargo = programs.join("cargo");
    fs::write(&cargo, "#!/bin/sh\n[ \"$*\" = 'install --locked --path .' ] || echo \"cargo $*\"\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();

    let mut script = String::from("exec 2>&1\n");
    for block in blocks {
        write!(script, "printf '\\036'\n{}", block.commands).unwrap();
    }
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("TMPDIR", folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    text.split(MARK).skip(1).map(str::to_owned).collect()
}

#[test]
fn the_guide_works_as_it_stands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gate.md");
    let page = fs::read_to_string(&path).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gate-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (guide, _) = blocks(&page, |_| None);
    assert!(guide.len() > 12, "only {} blocks", guide.len());
    let printed = run(&guide, &folder);
    fs::remove_dir_all(&folder).unwrap();
    if std::env::var_os("SKOPS_RS_WRITE_DOCS").is_some() {
        let (_, written) = blocks(&page, |index| printed.get(index).cloned());
        fs::write(&path, written).unwrap();
        return;
    }
    for (block, printed) in guide.iter().zip(&printed) {
        assert!(
            block.printed == *printed,
            "these commands\n\n{}\nprinted\n\n{printed}\nwhere docs/gate.md has\n\n{}",
            block.commands,
            block.printed
        );
    }
    assert_eq!(printed.len(), guide.len());
}

#[test]
fn what_the_guide_says_is_compared() {
    let page = "```sh\necho one\nvalue=two\n```\n\n```text\none\n```\n\n```sh\necho $value; false\necho $? >&2\n```\n\n\
                ```text\nthree\n1\n```\n";
    let (found, written) = blocks(page, |_| None);
    assert_eq!(written, page);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let printed = run(&found, &folder);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(printed, ["one\n", "two\n1\n"]);
    assert_ne!(found[1].printed, printed[1]);
    let (_, written) = blocks(page, |index| printed.get(index).cloned());
    assert_eq!(written, page.replace("three", "two"));
}

/// What the image is built from is there.
#[test]
fn the_container_copies_what_the_package_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recipe = fs::read_to_string(root.join("Containerfile")).unwrap();
    let ignored = fs::read_to_string(root.join(".containerignore")).unwrap();
    let copied: Vec<_> = recipe
        .lines()
        .filter_map(|line| line.strip_prefix("COPY ").filter(|line| !line.starts_with("--from")))
        .flat_map(|line| line.split(' ').filter(|word| !word.starts_with("./")))
        .collect();
    assert!(copied.contains(&"Cargo.lock"), "{copied:?}");
    for name in &copied {
        assert!(root.join(name).exists(), "{name}");
        assert!(ignored.lines().any(|line| line == format!("!{name}")), "{name} is ignored");
    }
    // Targets that the manifest names must be there, or cargo does not read it.
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (section, folder) in [("[[bench]]", "benches"), ("[[example]]", "examples"), ("[[test]]", "tests")] {
        assert!(!manifest.contains(section) || copied.contains(&folder), "{section} needs {folder}");
    }
}
