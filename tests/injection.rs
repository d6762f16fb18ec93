//! What others choose, in every output: names of files and folders, and every text that a file holds, as terminals,
//! browsers, spreadsheets, pipelines and parsers would like it least. Everything is parsed back: it is what was put in, or
//! refused, and never a record, a line, an element or a command of its own.
//!
//! Parsers that are not Rust's go on from there: what was printed is kept in `target/tmp/injection`, and
//! `tests/injection/run.sh` reads it with Python.
#![cfg(all(unix, feature = "cli", feature = "gate"))]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use common::*;
use serde_json::{Value, json};
use skops_rs::check::{Checker, Level, Summary, Verdict};
use skops_rs::policy::Policy;
use skops_rs::report::check::{Format, Head, Writer};
use tempfile::TempDir;

// ---- what is put in

/// Text that something somewhere takes for more than text.
const PAYLOADS: &[&str] = &[
    // Terminals.
    "\u{1b}[31mforged\u{1b}[0m",
    "\u{1b}]8;;http://evil.example\u{7}forged\u{1b}]8;;\u{7}",
    "\u{1b}]0;forged\u{1b}\\",
    "\u{1b}[2K\rforged",
    "\u{9b}31mforged\u{9d}0;a\u{9c}",
    "abc\u{8}\u{8}\u{8}forged",
    "a\u{7f}forged",
    "a\u{0}forged",
    "a\u{e}forged\u{f}",
    // Lines.
    "a\nforged",
    "a\rforged",
    "a\r\nforged",
    "a\u{b}forged\u{c}b",
    "a\u{85}forged",
    "a\u{2028}forged\u{2029}b",
    "a\u{1c}forged\u{1d}b\u{1e}c",
    // What is not seen, or moves others.
    "\u{202a}a\u{202b}b\u{202c}c\u{202d}d\u{202e}forged",
    "\u{2066}a\u{2067}b\u{2068}c\u{2069}forged",
    "\u{200e}a\u{200f}b\u{61c}forged",
    "a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{feff}forged",
    "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180e}\u{2800}\u{3164}\u{ffa0}forged",
    "\u{fff9}a\u{fffa}b\u{fffb}\u{fffc}forged",
    "\u{1d173}a\u{1bca0}b\u{13430}c\u{110bd}d\u{600}forged",
    "\u{e0001}\u{e0066}\u{e006f}\u{e007f}forged",
    "a\u{fe0f}b\u{e0100}c\u{fe00}forged",
    "\u{a0}a\u{1680}b\u{2003}c\u{202f}d\u{205f}e\u{3000}forged",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{489}\u{20dd}forged",
    "\u{338}forged",
    "\u{e000}a\u{f8ff}b\u{f0000}c\u{10fffd}forged",
    "\u{fdd0}a\u{fffe}b\u{ffff}c\u{1fffe}d\u{10ffff}forged",
    "\u{378}a\u{e0fff}b\u{fffd}forged",
    "forgеd.sklearn", // a Cyrillic letter
    "forged größe 模型 \u{1f916}",
    // Pipelines.
    "::error::forged",
    "  ::error file=a,line=1::forged",
    "\u{200b}::error::forged",
    "\u{fffd}::warning::forged",
    "::set-output name=a::forged",
    "::stop-commands::forged",
    "::add-mask::forged",
    "##[error]forged",
    "a ##[command]forged",
    "#\u{ad}#[error]forged",
    "#\u{20dd}#\u{489}[error]forged",
    "##vso[task.complete result=Succeeded;]forged",
    "####vso[task.setvariable variable=a]forged",
    "##teamcity[buildStatus status='SUCCESS' text='forged']",
    "%0A::error::forged",
    "%0D%250A%3A%2Cforged",
    "a,title=forged,file=b::c",
    "section_start:0:forged",
    // XML and HTML.
    "<script>forged(1)</script>",
    "<img src=x onerror=forged(1)>",
    "&amp;&lt;&#64;forged",
    "]]>forged",
    "--><!--forged",
    "</details></summary></code>forged",
    "</failure><failure message=\"forged\"/>",
    "\"'><a b=\"forged",
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'forged'>]>&b;",
    // Markdown.
    "`forged`",
    "``` forged",
    "a`b``c```forged`",
    "|forged|b|",
    "a\\|forged\\",
    "[forged](http://evil.example)",
    "![forged](http://evil.example/a.png)",
    "[forged]: http://evil.example",
    "https://evil.example/forged",
    "www.evil.example/forged",
    "forged@evil.example",
    "#123 GH-123 org/team#1 forged",
    "@everyone @org/forged",
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef forged",
    "# forged",
    "- [ ] forged",
    "> [!WARNING] forged",
    "1. forged",
    "*a* __b__ ~~c~~ forged",
    "$`forged`$ $$a$$",
    ":+1: :warning: forged",
    " forged ",
    "forged  ",
    // Spreadsheets, and tables of text.
    "=cmd|' /C forged'!A0",
    "+1+forged",
    "-1+forged",
    "@SUM(forged)",
    "\t=forged",
    "a\tforged",
    "a,forged;b",
    "\"a\"\"forged",
    // Markup of rich.
    "[bold red]forged[/]",
    "[link=http://evil.example]forged[/link]",
    // JSON, SARIF, URIs.
    "\",\"verdict\":\"pass\",\"x\":\"forged",
    "{\"forged\":1}",
    "a~b/c~1d~0forged",
    "\\u0000forged",
    "\\nforged",
    "\\u{1b}forged",
    "forged\\",
    "'] [untrusted] forged",
    "{0}{1}forged",
    "\\[forged](1) {{0}}",
    "%2F%2e?a=b#forged",
    "file:///etc/forged",
    "javascript:forged(1)",
    "C:\\forged",
    // Others.
    "a\"} 1\nforged{b=\"c",
    "a\r\nSet-Cookie: forged=1",
    "$(forged) `id`;id|id&",
    "--policy=forged",
    "forged\"\nallow = [\"a.**\"]\n#",
    "x.skops: refused forged",
    "error[io]: forged",
    "FAIL  forged: refused",
    "os.system forged",
    concat!("forged", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    "<lambda>forged",
    "é模\u{301}forged",
];

const DATA: &str = "140000000000001.npy";
const CSR: &str = "scipy.sparse._csr.csr_matrix";

/// A way for text into a file.
type Carrier = (&'static str, fn(&str) -> Vec<u8>);

/// An object of a class that nobody trusts, with this state.
fn object(state: Value) -> Value {
    node("ObjectNode", "a.B", json!({"content": state}))
}

/// Text as JSON.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A header of an array of no items, whose items are these.
fn empty_array(descr: &str) -> Vec<u8> {
    file_of_array(npy(&header(descr, "(0,)"), b""))
}

/// Text as Python writes it in a header.
fn python(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r"))
}

fn entry(change: impl FnOnce(&mut Entry)) -> Vec<u8> {
    let mut entry = Entry::stored(DATA, doubles(&[1.0]));
    change(&mut entry);
    let schema = json!({"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy",
        "file": DATA, "protocol": 2, "_skops_version": "0.16.0"});
    Zip::new(vec![entry, Entry::stored("schema.json", schema.to_string())]).build()
}

/// A generator of protocol 0, with more keys than it needs.
fn generator_0(keys: &[&str]) -> Value {
    let numbers = json!({"state": 1, "inc": 1});
    let mut state = json!({"bit_generator": "PCG64", "state": numbers, "has_uint32": 0, "uinteger": 0});
    keys.iter().for_each(|key| state[*key] = json!(1));
    node(
        "RandomGeneratorNode",
        "numpy.random._generator.Generator",
        json!({"content": {"bit_generator": state}}),
    )
}

const CARRIERS: &[Carrier] = &[
    ("dict_key", |text| skops(dict(vec![(text, type_node("c.D"))]), &[])),
    ("dict_key_trusted", |text| skops(dict(vec![(text, array(DATA))]), &[(DATA, doubles(&[1.0]))])),
    ("key_of_own_type", |text| skops(dict_of(vec![(text, "a.Key", type_node("c.D"))]), &[])),
    ("key_of_int", |text| skops(dict_of(vec![(text, "builtins.int", type_node("c.D"))]), &[])),
    ("attribute", |text| skops(object(dict(vec![(text, type_node("c.D"))])), &[])),
    ("attribute_value", |text| skops(object(dict(vec![("a", json_node(&quoted(text)))])), &[])),
    ("string", |text| skops(list(vec![json_node(&quoted(text))]), &[])),
    ("json_text", |text| skops(list(vec![json_node(text)]), &[])),
    ("json_number", |text| skops(list(vec![json_node(&format!("1{text}"))]), &[])),
    ("class", |text| skops(json!({"__class__": text, "__module__": "a", "__loader__": "TypeNode"}), &[])),
    ("module", |text| skops(json!({"__class__": "A", "__module__": text, "__loader__": "TypeNode"}), &[])),
    ("loader", |text| skops(json!({"__class__": "A", "__module__": "a", "__loader__": text}), &[])),
    ("unknown_field", |text| skops(node("ObjectNode", "a.B", json!({text: 1})), &[])),
    ("double_key", |text| skops_text(&format!("{{{0}: 1, {0}: 1}}", quoted(text)), &[])),
    ("no_json", |text| skops_text(text, &[])),
    ("lone_surrogate", |text| {
        skops_text(&format!("{{{}\\ud800\": 1}}", quoted(text).trim_end_matches('"')), &[])
    }),
    ("protocol", |text| skops_text(&json!({"protocol": text, "_skops_version": "1"}).to_string(), &[])),
    ("id", |text| {
        let mut root = list(vec![]);
        root["__id__"] = json!(text);
        skops(root, &[])
    }),
    ("skops_version", |text| {
        let mut root = list(vec![type_node("c.D")]);
        root["protocol"] = json!(2);
        root["_skops_version"] = json!(text);
        skops_text(&root.to_string(), &[])
    }),
    ("sklearn_version", |text| {
        skops(object(dict(vec![("_sklearn_version", json_node(&quoted(text)))])), &[])
    }),
    ("method", |text| {
        skops(node("MethodNode", "a.B", json!({"content": {"obj": object(dict(vec![])), "func": text}})), &[])
    }),
    ("slice", |text| {
        let bounds = json!({"start": text, "stop": null, "step": null});
        skops(node("SliceNode", "builtins.slice", json!({"content": bounds})), &[])
    }),
    ("function_0", |text| {
        skops_of(
            0,
            node("FunctionNode", "a.B", json!({"content": {"module_path": "os", "function": text}})),
            &[],
        )
    }),
    ("generator_0", |text| skops_of(0, generator_0(&[text]), &[])),
    ("file", |text| skops(array(text), &[])),
    ("type_of_array", |text| {
        skops(node("NdArrayNode", "numpy.ndarray", json!({"type": text, "file": DATA})), &[])
    }),
    ("entry_name", |text| entry(|entry| entry.name = text.as_bytes().to_vec())),
    ("entry_local_name", |text| entry(|entry| entry.local_name = Some(text.as_bytes().to_vec()))),
    ("entry_comment", |text| entry(|entry| entry.comment = text.as_bytes().to_vec())),
    ("entry_extra", |text| entry(|entry| entry.extra = text.as_bytes().to_vec())),
    ("archive_comment", |text| {
        let comment = text.as_bytes().to_vec();
        Zip { comment, ..Zip::new(vec![Entry::stored("schema.json", "{}")]) }.build()
    }),
    ("npy_field", |text| empty_array(&format!("[({}, '<f8')]", python(text)))),
    ("npy_title", |text| empty_array(&format!("[(({}, 'b'), '<f8')]", python(text)))),
    ("npy_descr", |text| empty_array(&python(text))),
    ("npy_unit", |text| empty_array(&python(&format!("<M8[{text}]")))),
    ("npy_header", |text| file_of_array(npy(text, b""))),
    ("npy_key", |text| file_of_array(npy(&format!("{{{}: 1}}", python(text)), b""))),
    ("npy_text", |text| {
        let units: Vec<u8> = text.chars().flat_map(|unit| u32::from(unit).to_le_bytes()).collect();
        file_of_array(npy(&header(&format!("'<U{}'", units.len() / 4), "(1,)"), &units))
    }),
    ("npy_bytes", |text| {
        file_of_array(npy(&header(&format!("'|S{}'", text.len()), "(1,)"), text.as_bytes()))
    }),
    ("npz_member", |text| {
        let member = Entry::stored(&format!("{text}.npy"), doubles(&[1.0]));
        let root = node("SparseMatrixNode", CSR, json!({"type": "scipy", "file": "140000000000001.npz"}));
        skops(root, &[("140000000000001.npz", Zip::new(vec![member]).build())])
    }),
    ("no_zip", |text| text.as_bytes().to_vec()),
];

/// All files that there are, below a folder: those whose text attacks, and those whose name does.
struct Planted {
    folder: TempDir,
    /// In the order in which a check has them.
    paths: Vec<String>,
}

impl Planted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        let mut plant = |path: String, bytes: &[u8]| {
            let full = folder.path().join(&path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(full, bytes).unwrap();
            paths.push(path);
        };
        for (carrier, make) in CARRIERS {
            for (index, text) in PAYLOADS.iter().enumerate() {
                plant(format!("contents/{carrier}/{index:03}.skops"), &make(text));
            }
        }
        let refused = skops(node("ObjectNode", "a.B", json!({"a": 1})), &[]);
        let denied = skops(list(vec![type_node("os.system"), type_node("c.D")]), &[]);
        let passing = skops(list(vec![]), &[]);
        for name in names() {
            plant(format!("names/{name}.skops"), &denied);
            plant(format!("{name}/refused.skops"), &refused);
            plant(format!("{name}/passing.skops"), &passing);
            // A line starts with its path.
            plant(format!("{name}/denied.skops"), &denied);
        }
        Self { folder, paths }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Paths in a list that NUL characters end, as it is given: an attacker's first.
    fn list(&self) -> Vec<u8> {
        self.paths.iter().flat_map(|path| path.bytes().chain([0])).collect()
    }
}

/// The payloads that a file or folder can be called.
fn names() -> impl Iterator<Item = &'static str> {
    PAYLOADS.iter().copied().filter(|name| !name.contains(['/', '\0']) && name.len() < 240)
}

// ---- what comes out

/// Runs the command, and looks at the bytes on both of its outputs.
#[track_caller]
fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
    run_with(folder, &arguments, input)
}

#[track_caller]
fn run_with(folder: &Path, arguments: &[OsString], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skops-rs"));
    command.args(arguments).current_dir(folder).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // Whoever needs no input does not wait for it.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.code().is_some_and(|code| code <= 4), "{arguments:?}: {output:?}");
    assert_clean(&output.stdout);
    assert_clean(&output.stderr);
    assert_no_commands(&output.stderr);
    output
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Makes sure that nothing in an output is anything but text and line feeds: no controls, no marks of direction, nothing
/// that is not seen. Tabs separate columns.
#[track_caller]
fn assert_clean(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let is_clean = |character: char| match character {
        '\n' | '\t' | ' '..='~' => true,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{378}' | '\u{600}' | '\u{61c}' => {
            false
        }
        '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{180b}'..='\u{180f}' => false,
        '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}' => false,
        '\u{3000}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' => false,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' => false,
        '\u{110bd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => {
            false
        }
        '\u{e0000}'.. => false,
        other => u32::from(other) & 0xfffe != 0xfffe,
    };
    if let Some((at, character)) = text.char_indices().find(|(_, character)| !is_clean(*character)) {
        let from = text[..at].rfind('\n').map_or(0, |line| line + 1);
        panic!("{character:?} in {:?}", text[from..].lines().next());
    }
    let mut marks = 0;
    for character in text.chars() {
        marks =
            if matches!(character, '\u{300}'..='\u{489}' | '\u{20d0}'..='\u{20ff}') { marks + 1 } else { 0 };
        assert!(marks <= 4, "a flood of marks");
    }
}

/// The lines that what runs a pipeline takes for commands, as GitHub's runner (`ActionCommand.cs`), Azure's agent
/// (`Command.cs`) and TeamCity do. The first two are written in .NET, which passes over some characters when it looks for
/// text; so all that are no ASCII are left out here.
fn commands(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    // The lines of a tree are symbols, which are not passed over.
    let ascii = |line: &str| {
        line.replace(['│', '├', '└', '─'], "|").chars().filter(char::is_ascii).collect::<String>()
    };
    let is_command = |line: &String| {
        let is_current = line.trim_start().strip_prefix("::").is_some_and(|rest| rest.contains("::"));
        is_current || ["##[", "##vso[", "##teamcity["].iter().any(|prefix| line.contains(prefix))
    };
    text.split(['\n', '\r', '\u{2028}']).map(ascii).filter(is_command).collect()
}

#[track_caller]
fn assert_no_commands(bytes: &[u8]) {
    assert_eq!(commands(bytes), [""; 0]);
}

#[test]
fn commands_and_controls_are_noticed() {
    for line in [
        "::error::a",
        "  ::error file=a::b",
        "\u{200b}::error::a",
        "a ##[error]b",
        "#\u{ad}#[error]",
        "##vso[a.b]c",
        "a\n::a::b",
        "x ##teamcity[a]",
    ] {
        assert_eq!(commands(line.as_bytes()).len(), 1, "{line:?}");
    }
    for line in ["a ::error::b", ":: a", "##\\u{5b}error]", "# # [a]"] {
        assert_no_commands(line.as_bytes());
    }
    for payload in &PAYLOADS[..31] {
        // One mark alone is a mark of some language.
        let text = payload.replace('\n', "\r").replace('\u{338}', "\u{2028}");
        assert!(std::panic::catch_unwind(|| assert_clean(text.as_bytes())).is_err(), "{text:?}");
    }
    assert_clean("a\tb\n ├── größe 模型 \u{1f916} a\u{301}".as_bytes());
}

/// The folder where outputs are kept for other parsers.
fn keep(name: &str, content: impl AsRef<[u8]>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("injection");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), content).unwrap();
}

fn keep_lines(name: &str, lines: &[Value]) {
    keep(name, lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}

/// Text without the escapes that `docs/output.md` describes.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        out.push(match rest.next().unwrap() {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' => '\\',
            'u' => {
                let (digits, after) = rest.as_str().strip_prefix('{').unwrap().split_once('}').unwrap();
                rest = after.chars();
                char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap()
            }
            other => panic!("an escape {other:?} in {text:?}"),
        });
    }
    out
}

/// JSON that is ASCII, in which no object has a key twice.
#[track_caller]
fn parsed(text: &str) -> Value {
    assert!(text.is_ascii());
    assert_no_commands(text.as_bytes());
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

// ---- check

/// All reports of one run over all files, and the verdicts that the JSON has.
#[test]
fn check_has_a_record_for_each_file_in_every_format() {
    let planted = Planted::new();
    let reports = TempDir::new().unwrap();
    let mut arguments = vec!["check".to_owned(), "--files-from=-".into(), "--null".into(), "--jobs=2".into()];
    for format in Format::ALL {
        let path = reports.path().join(format.as_str());
        arguments.push(format!("--output={format}={}", path.display(), format = format.as_str()));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = run(planted.path(), &arguments, &planted.list());
    assert_eq!(output.status.code(), Some(3));
    let report = |format: Format| fs::read_to_string(reports.path().join(format.as_str())).unwrap();
    for format in Format::ALL {
        assert_clean(report(*format).as_bytes());
        keep(&format!("check.{}", format.as_str()), report(*format));
    }
    keep("check.paths.json", json!(planted.paths).to_string());
    assert_eq!(stdout(&output), report(Format::Text));

    let json = parsed(&report(Format::Json));
    let files = json["files"].as_array().unwrap();
    assert_eq!(texts(&json["files"], "path"), planted.paths);
    let lines: Vec<_> = report(Format::JsonLines).lines().map(parsed).collect();
    assert_eq!(lines, *files);
    assert_text(&report(Format::Text), files);
    assert_github(&report(Format::GitHub), files);
    assert_junit(&report(Format::Junit), files);
    assert_sarif(&parsed(&report(Format::Sarif)), files);
    assert_surfaces(&planted, files);
    assert_pointers(&planted, files);
}

/// A pointer leads to what it is about, whatever the keys on the way.
fn assert_pointers(planted: &Planted, files: &[Value]) {
    for (carrier, before) in [("dict_key", "/content"), ("attribute", "/content/content")] {
        let is_of = |path: &str| path.starts_with(&format!("contents/{carrier}/"));
        let files = planted.paths.iter().zip(files).filter(|(path, _)| is_of(path));
        for (text, (_, file)) in PAYLOADS.iter().zip(files) {
            let findings = file["findings"].as_array().unwrap();
            let finding = findings.iter().find(|one| one["name"] == "c.D").unwrap();
            let key = text.replace('~', "~0").replace('/', "~1");
            assert_eq!(finding["places"][0]["pointer"], format!("{before}/{key}"));
        }
    }
}

/// The text of which carriers comes out, so that the others are known to be dropped and not only missed.
fn assert_surfaces(planted: &Planted, files: &[Value]) {
    let mut shown = BTreeSet::new();
    for (path, file) in planted.paths.iter().zip(files) {
        let mut file = file.clone();
        file["path"] = json!("");
        if file.to_string().contains("forged") {
            shown.insert(path.split('/').nth(1).unwrap());
        }
    }
    let quiet = [
        // What is passed over, compared, or told by its kind and place.
        "archive_comment",
        "attribute_value",
        "dict_key_trusted",
        "entry_comment",
        "entry_extra",
        "entry_local_name",
        "generator_0",
        "id",
        "json_number",
        "lone_surrogate",
        "no_json",
        "no_zip",
        "npy_bytes",
        "npy_text",
        "protocol",
        "slice",
        "string",
        "type_of_array",
    ];
    let all = CARRIERS.iter().map(|(carrier, _)| *carrier);
    let loud: BTreeSet<_> = all.filter(|carrier| !quiet.contains(carrier)).collect();
    assert_eq!(shown, loud);
}

/// How a file's report goes on after its name.
fn short(file: &Value) -> &'static str {
    match file["verdict"].as_str().unwrap() {
        "pass" => "passes, with warnings",
        "deny" => "denied by the policy",
        "refused" => "refused",
        other => panic!("{other}"),
    }
}

/// Reads the text line by line: what each starts with says what it is, and there are as many as there is to say.
fn assert_text(report: &str, files: &[Value]) {
    let mut lines = report.lines();
    for file in files.iter().filter(|file| file["findings"] != json!([])) {
        let mark = if file["verdict"] == "pass" { "warn" } else { "FAIL" };
        let line = lines.next().unwrap();
        let path = line.strip_prefix(&format!("{mark}  ")).and_then(|rest| rest.strip_suffix(short(file)));
        let path = path.and_then(|path| path.strip_suffix(": ")).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(unescaped(path), file["path"].as_str().unwrap());
        assert_findings(&mut lines, file);
    }
    assert!(lines.next().unwrap().starts_with(&format!("{} files checked: ", files.len())));
    assert_eq!(lines.next(), None);
}

fn assert_findings<'a>(lines: &mut impl Iterator<Item = &'a str>, file: &Value) {
    let findings = file["findings"].as_array().unwrap();
    let kind = |finding: &Value| [&finding["severity"], &finding["code"], &finding["hint"]].map(Clone::clone);
    for group in findings.chunk_by(|one, other| kind(one) == kind(other)) {
        let [severity, code, hint] = kind(&group[0]).map(|text| text.as_str().unwrap().to_owned());
        assert_eq!(lines.next().unwrap(), format!("  {severity}[{code}]"));
        for finding in group {
            assert_eq!(lines.next().unwrap(), format!("    - {}", finding["message"].as_str().unwrap()));
            if let Some(reason) = finding["reason"].as_str() {
                assert_eq!(lines.next().unwrap(), format!("      beware: {reason}"));
            }
            let at = finding["at"].as_object().unwrap();
            if finding.get("places").is_some() || at.values().any(|part| !part.is_null()) {
                assert!(lines.next().unwrap().starts_with("      at: "), "{finding}");
            }
        }
        assert_eq!(lines.next().unwrap(), format!("    hint: {hint}"));
    }
    assert_eq!(file["findings_left_out"], 0);
}

/// Each line but the last is one command, whose parts are what was put in.
fn assert_github(report: &str, files: &[Value]) {
    let (annotations, end) = report.trim_end().rsplit_once('\n').unwrap();
    assert_no_commands(end.as_bytes());
    let with_findings = files.iter().filter(|file| file["findings"] != json!([]));
    let mut lines = annotations.split('\n');
    for (line, file) in lines.by_ref().zip(with_findings.clone()) {
        let (info, data) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let name = if file["verdict"] == "pass" { "warning" } else { "error" };
        let info = info.strip_prefix(name).unwrap().strip_prefix(' ').unwrap();
        let properties: BTreeMap<_, _> = info.split(',').map(|one| one.split_once('=').unwrap()).collect();
        assert_eq!(properties.keys().copied().collect::<Vec<_>>(), ["file", "title"]);
        let undone = |text: &str| {
            let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
            text.replace("%25", "%")
        };
        assert_eq!(unescaped(&undone(properties["file"])), file["path"].as_str().unwrap());
        assert!(undone(properties["title"]).starts_with(&format!("skops-rs: {}", short(file))));
        let data = undone(data);
        assert_clean(data.as_bytes());
        // Nor would one be if the message were printed again.
        assert_no_commands(data.as_bytes());
        let mut said = data.lines().skip(1);
        assert_findings(&mut said, file);
        assert_eq!(said.next(), None);
    }
    assert_eq!(annotations.split('\n').count(), with_findings.count());
}

fn assert_junit(report: &str, files: &[Value]) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(report);
    let (mut cases, mut faults) = (Vec::new(), 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) => {
                let value = |name: &str| {
                    let attribute =
                        start.attributes().map(Result::unwrap).find(|one| one.key.as_ref() == name);
                    quick_xml::escape::unescape(&attribute.unwrap().value).unwrap().into_owned()
                };
                match start.name().as_ref() {
                    "testcase" => cases.push(unescaped(&value("name"))),
                    "failure" | "error" => faults += 1,
                    "testsuites" | "testsuite" | "properties" | "property" | "system-out" => {}
                    other => panic!("{other}"),
                }
            }
            Event::End(_) | Event::Text(_) | Event::GeneralRef(_) | Event::Decl(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(cases, files.iter().map(|file| file["path"].as_str().unwrap()).collect::<Vec<_>>());
    assert_eq!(faults, files.iter().filter(|file| file["verdict"] != "pass").count());
    // Readers of reports tell cases apart by their names.
    assert_eq!(cases.iter().collect::<BTreeSet<_>>().len(), cases.len());
}

fn assert_sarif(sarif: &Value, files: &[Value]) {
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    let findings = files.iter().flat_map(|file| {
        file["findings"].as_array().unwrap().iter().map(move |finding| (&file["path"], finding))
    });
    let findings: Vec<_> = findings.collect();
    assert_eq!(results.len(), findings.len());
    for (result, (path, finding)) in results.iter().zip(findings) {
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        assert!(uri.bytes().all(plain), "{uri}");
        assert_eq!(percent_decoded(uri), path.as_str().unwrap());
        assert_eq!(result["ruleId"], finding["code"]);
        // What the standard makes of a message (3.11): arguments, links, and what is written between.
        let text = result["message"]["text"].as_str().unwrap();
        let said = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
        assert!(!said.contains(['{', '}']) && !said.contains("]("), "{text}");
        let said = said.replace('\u{1}', "{").replace('\u{2}', "}").replace("]\\u{28}", "](");
        assert!(said.starts_with(finding["message"].as_str().unwrap()), "{said:?} {finding}");
    }
}

fn percent_decoded(uri: &str) -> String {
    let mut parts = uri.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// Summaries are cut, so each file has its own: alone, where its section is open, and among others, where it is folded.
#[test]
fn markdown_of_each_file_is_kept_for_other_parsers() {
    let planted = Planted::new();
    let checker = Checker::new(Policy::default()).with_level(Level::Verify);
    let others = ["a", "b", "c"].map(|name| checker.check_bytes(name, Vec::new()));
    let mut lines = Vec::new();
    for path in &planted.paths {
        let mut verdict = checker.check(planted.path().join(path));
        verdict.path = path.clone();
        if verdict.findings.is_empty() {
            continue;
        }
        let findings = verdict.findings.len();
        for verdicts in [vec![verdict.clone()], [vec![verdict], others.to_vec()].concat()] {
            let report = markdown(&checker, verdicts);
            assert_clean(report.as_bytes());
            assert_no_commands(report.as_bytes());
            lines.push(json!({"path": path, "findings": findings, "report": report}));
        }
    }
    assert!(lines.len() > 6000, "{}", lines.len());
    keep_lines("markdown.jsonl", &lines);
}

fn markdown(checker: &Checker, verdicts: Vec<Verdict>) -> String {
    let mut summary = Summary::default();
    let mut writer =
        Writer::new(Format::Markdown, Head::new(checker).with_policy("p<b>@all", ""), Vec::new());
    for verdict in verdicts {
        summary.count(&verdict);
        writer.add(&Arc::new(verdict)).unwrap();
    }
    String::from_utf8(writer.finish(&summary, checker).unwrap()).unwrap()
}

// ---- the commands that look

/// Lines on standard error: each is the start of a message, or one of the lines that belong to it.
#[track_caller]
fn assert_messages(text: &str) {
    for line in text.lines() {
        let is_head =
            ["error[", "error: ", "warning[", "warning: "].iter().any(|head| line.starts_with(head));
        assert!(is_head || line.starts_with("  at: ") || line.starts_with("  hint: "), "{line:?}");
    }
}

#[test]
fn untrusted_types_has_a_line_for_each_name_and_a_message_for_each_file() {
    let planted = Planted::new();
    for paths in planted.paths.chunks(1000) {
        let with = |options: &[&str]| {
            let paths = paths.iter().map(String::as_str);
            run(
                planted.path(),
                &["untrusted-types"]
                    .iter()
                    .chain(options)
                    .copied()
                    .chain(["--"])
                    .chain(paths)
                    .collect::<Vec<_>>(),
                b"",
            )
        };
        let (text, json) = (with(&[]), with(&["--format=json", "--all"]));
        assert_messages(stderr(&text));
        assert_no_commands(&text.stdout);
        let report = parsed(stdout(&json));
        assert_eq!(texts(&report["files"], "path"), paths);
        let files = report["files"].as_array().unwrap();
        let refused = files.iter().filter(|file| file["verdict"] == "refused").count();
        assert_eq!(stderr(&text).lines().filter(|line| line.starts_with("error[")).count(), refused);
        assert_eq!(stderr(&text), stderr(&json));
        // A name has no colon, so the last one ends the path.
        let said: Vec<_> = stdout(&text).lines().map(|line| line.rsplit_once(": ").unwrap()).collect();
        let said: Vec<_> = said.iter().map(|(path, name)| (unescaped(path), *name)).collect();
        let meant = files.iter().flat_map(|file| {
            let names = file["untrusted"].as_array().unwrap().iter();
            names.map(|name| (file["path"].as_str().unwrap().to_owned(), name.as_str().unwrap()))
        });
        assert_eq!(said, meant.collect::<Vec<_>>());
    }
}

/// One file for each carrier that lets text through, with every payload in it.
fn crowds() -> Vec<(&'static str, Vec<u8>)> {
    let unique: BTreeSet<_> = PAYLOADS.iter().copied().collect();
    let objects = |of: fn(&str) -> Value| list(unique.iter().map(|text| of(text)).collect());
    let keys = |of: fn() -> Value| dict(unique.iter().map(|text| (*text, of())).collect());
    let one = || array(DATA);
    let data = [(DATA, doubles(&[1.0]))];
    let longest = unique.iter().map(|text| text.chars().count()).max().unwrap();
    let padded = |text: &str| {
        let units = text.chars().chain(std::iter::repeat('\0')).take(longest);
        units.flat_map(|unit| u32::from(unit).to_le_bytes()).collect::<Vec<u8>>()
    };
    // Six items of an array are shown.
    let of_text = |texts: &[&str]| {
        let items: Vec<u8> = texts.iter().flat_map(|text| padded(text)).collect();
        npy(&header(&format!("'<U{longest}'"), &format!("({},)", texts.len())), &items)
    };
    let texts: Vec<_> = unique.iter().copied().collect();
    let arrays: Vec<_> =
        texts.chunks(6).enumerate().map(|(at, six)| (format!("{at}.npy"), of_text(six))).collect();
    let fields: Vec<_> = unique.iter().map(|text| (text, empty_field(text))).collect();
    let fields: Vec<_> =
        fields.iter().filter(|(_, bytes)| audit(file_of_array(bytes.clone())).is_ok()).collect();
    let fields: Vec<_> =
        fields.iter().enumerate().map(|(at, (_, bytes))| (format!("{at}.npy"), bytes.clone())).collect();
    assert!(fields.len() > 80, "{}", fields.len());
    let of_arrays = |arrays: &[(String, Vec<u8>)]| {
        let nodes = arrays.iter().map(|(name, _)| array(name)).collect();
        let payloads: Vec<_> = arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        skops(list(nodes), &payloads)
    };
    vec![
        ("keys", skops(keys(one), &data)),
        ("attributes", skops(object(keys(one)), &data)),
        ("keys_of_own_type", {
            let items = unique.iter().map(|text| (*text, "a.Key", one())).collect();
            skops(dict_of(items), &data)
        }),
        ("strings", skops(objects(|text| json_node(&quoted(text))), &data[..0])),
        (
            "slices",
            skops(
                objects(|text| {
                    node(
                        "SliceNode",
                        "builtins.slice",
                        json!({"content": {"start": text, "stop": null, "step": null}}),
                    )
                }),
                &data[..0],
            ),
        ),
        ("texts", of_arrays(&arrays)),
        ("fields", of_arrays(&fields)),
        ("generators", skops_of(0, list(texts.chunks(4).map(generator_0).collect()), &[])),
    ]
}

/// An array of no items with one field of this name.
fn empty_field(name: &str) -> Vec<u8> {
    npy(&header(&format!("[({}, '<f8')]", python(name)), "(0,)"), b"")
}

/// All texts in a value, keys as well.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => {
            for (key, value) in members {
                found.insert(key.clone());
                strings(value, found);
            }
        }
        _ => {}
    }
}

#[test]
fn trees_arrays_and_exports_have_what_the_file_has() {
    let folder = TempDir::new().unwrap();
    let (mut trees, mut tables, mut exports) = (Vec::new(), Vec::new(), Vec::new());
    for (name, bytes) in crowds() {
        fs::write(folder.path().join("a.skops"), bytes).unwrap();
        for trust in [&[][..], &["--trust=a.B", "--trust=a.Key"]] {
            let with = |arguments: &[&str]| {
                let output = run(folder.path(), &[arguments, trust, &["a.skops"]].concat(), b"");
                assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{name} {arguments:?}");
                assert_no_commands(&output.stdout);
                output
            };
            let (text, json) = (with(&["inspect"]), with(&["inspect", "--format=json"]));
            let items = parsed(stdout(&json))["items"].clone();
            assert_tree(stdout(&text), items.as_array().unwrap());
            trees.push(json!({"text": stdout(&text), "json": stdout(&json)}));
            let (text, json) = (with(&["arrays"]), with(&["arrays", "--format=json"]));
            assert_table(stdout(&text), parsed(stdout(&json))["arrays"].as_array().unwrap());
            tables.push(json!({"text": stdout(&text), "json": stdout(&json)}));
            if trust.is_empty() && ["attributes", "keys_of_own_type"].contains(&name) {
                continue;
            }
            let output = with(&["export"]);
            let mut found = BTreeSet::new();
            strings(&parsed(stdout(&output)), &mut found);
            let there = PAYLOADS.iter().filter(|text| found.contains(**text)).count();
            // Names of fields are those that numpy takes.
            let expected = if name == "fields" { 80 } else { PAYLOADS.len() };
            assert!(there >= expected, "{name}: {there}");
            exports.push(json!({"json": stdout(&output), "expected": there}));
        }
    }
    keep_lines("trees.jsonl", &trees);
    keep_lines("tables.jsonl", &tables);
    keep_lines("exports.jsonl", &exports);
    keep("payloads.json", json!(PAYLOADS).to_string());
}

fn assert_tree(text: &str, items: &[Value]) {
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), items.len());
    for (line, item) in lines.iter().zip(items) {
        let depth = item["depth"].as_u64().unwrap() as usize;
        let plain = line.trim_start_matches(['│', ' ', '├', '└', '─']);
        // Four characters a level, and nothing that could be one.
        assert!(plain.is_ascii(), "{line}");
        let before: String = line.chars().take(4 * depth).collect();
        assert!(depth == 0 || before.ends_with("── "), "{line}");
        let rest: String = line.chars().skip(4 * depth).collect();
        let key = item["key"].as_str().unwrap();
        assert!(rest.starts_with(&format!("{key}: ")), "{line}");
        // A value that ends so has a quote behind it.
        if item["same_as"].is_null() {
            assert_eq!(item["trusted"] == false, rest.ends_with(" [untrusted]"), "{line}");
        }
    }
}

fn assert_table(text: &str, arrays: &[Value]) {
    let lines: Vec<Vec<_>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), arrays.len());
    for (fields, array) in lines.iter().zip(arrays) {
        let [path, dtype, shape, bytes] = fields[..] else { panic!("{fields:?}") };
        assert_eq!((path, dtype), (array["path"].as_str().unwrap(), array["dtype"].as_str().unwrap()));
        assert_eq!(bytes, array["bytes"].to_string());
        let numbers: Vec<u64> =
            shape.split(|c: char| !c.is_ascii_digit()).filter_map(|one| one.parse().ok()).collect();
        assert_eq!(json!(numbers), array["shape"]);
        // Spreadsheets compute what starts with one of these.
        assert!(fields.iter().all(|field| !field.starts_with(['=', '+', '-', '@', '"', '\''])), "{fields:?}");
    }
}

#[test]
fn paths_into_a_model_lead_back_to_their_keys() {
    for (name, bytes) in crowds() {
        let trusted = audit(bytes).unwrap();
        let trust = trust_all(&trusted);
        let paths: Vec<_> = skops_rs::inspect::arrays(&trusted).map(|array| array.path).collect();
        let model = trusted.vet(&trust).unwrap().load();
        for path in paths {
            if path.ends_with("...") || path.contains(" more bytes)") {
                continue;
            }
            let place = if path.is_empty() { model.root() } else { model.at(&path).unwrap() };
            assert_eq!(place.path(), path, "{name}");
        }
    }
}

// ---- policies, and arguments

#[test]
fn a_policy_that_is_written_says_the_same_whatever_the_models_are_called() {
    let folder = TempDir::new().unwrap();
    let mut models: Vec<OsString> = Vec::new();
    for (index, name) in names().enumerate() {
        let path = format!("{name}.skops");
        let mut root = dict(vec![(name, type_node(&format!("c.D{index}")))]);
        root["protocol"] = json!(2);
        root["_skops_version"] = json!(name);
        root["content"]["a"] = object(dict(vec![("_sklearn_version", json_node(&quoted(name)))]));
        root["key_types"]["content"].as_array_mut().unwrap().push(type_node("builtins.str"));
        fs::write(folder.path().join(&path), skops_text(&root.to_string(), &[])).unwrap();
        models.push(path.into());
    }
    for options in [&["policy", "init", "--"][..], &["policy", "init", "--allow-found", "--"]] {
        let arguments: Vec<OsString> = options.iter().map(OsString::from).chain(models.clone()).collect();
        let output = run_with(folder.path(), &arguments, b"");
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        assert_no_commands(&output.stdout);
        let allows = options.len() > 3;
        let text = stdout(&output);
        let policy: toml::Table = toml::from_str(text).unwrap();
        let keys: Vec<_> = policy.keys().map(String::as_str).collect();
        assert_eq!(keys, ["allow", "base", "deny", "limits", "presets", "require", "severity"]);
        let allowed = policy["allow"].as_array().unwrap();
        assert_eq!(allowed.len(), if allows { models.len() + 1 } else { 0 });
        for empty in ["deny", "limits", "presets", "require", "severity"] {
            assert!(policy[empty].as_array().is_none_or(Vec::is_empty));
            assert!(policy[empty].as_table().is_none_or(toml::Table::is_empty));
        }
        // A comment, a key, a table, an item, or an end.
        let starts = ["#", "    #", "    {", "base = ", "presets = ", "allow = ", "deny = ", "[", "]"];
        assert!(
            text.lines().all(|line| line.is_empty() || starts.iter().any(|start| line.starts_with(start)))
        );
        let comments = text.lines().filter(|line| line.starts_with("    # in ")).count();
        assert_eq!(comments, models.len() + 1);
        keep(if allows { "allowed.toml" } else { "init.toml" }, text);
    }
}

/// TOML text.
fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[test]
fn policies_that_attack_are_refused_or_followed_and_do_no_harm() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.skops"), skops(list(vec![type_node("c.D")]), &[])).unwrap();
    let mut refused = 0;
    for text in PAYLOADS {
        let quoted = toml_text(text);
        // A key has no other lines, and its own quotes.
        let key = json!(text).to_string().replace('\u{7f}', "\\u007f");
        let policies = [
            format!("{key} = 1"),
            format!("base = {quoted}"),
            format!("presets = [{quoted}]"),
            format!("allow = [{quoted}]"),
            format!("deny = [{quoted}]"),
            format!("allow = [{{ name = \"c.D\", {key} = 1 }}]"),
            format!("allow = [{{ name = \"c.D\", role = {quoted} }}]"),
            format!("allow = [{{ name = \"c.D\", loader = {quoted} }}]"),
            format!("[severity]\n{key} = \"deny\""),
            format!("[severity]\nuntrusted-types = {quoted}"),
            format!("[limits]\n{key} = 1"),
            format!("[limits]\nschema-bytes = {quoted}"),
            format!("[require]\nsklearn-version = {quoted}"),
            format!("[require]\nskops-version = {quoted}"),
            format!("[require]\nprotocol = {quoted}"),
            format!("[require]\nroot-types = [{quoted}]"),
            format!("[{key}]\na = 1"),
            (*text).to_owned(),
            format!("{key} = 1\n{key} = 2"),
        ];
        // All at once is what is slow, so each is read here, and a few by the command.
        for policy in &policies {
            let Err((mistakes, doubts)) = Policy::from_toml(policy, text) else { continue };
            refused += 1;
            let said = mistakes.to_string();
            assert_clean(said.as_bytes());
            assert_eq!(said.lines().count(), mistakes.list().len(), "{policy:?}");
            for one in mistakes.list().iter().chain(&doubts) {
                assert_clean(one.message.as_bytes());
                assert_no_commands(one.message.as_bytes());
                assert!(!one.message.contains('\n'), "{policy:?}");
            }
        }
        let name = if text.contains(['/', '\0']) { "policy" } else { text };
        let policy = format!("deny = [{{ name = \"c.**\", reason = {quoted} }}]");
        fs::write(folder.path().join(name), policy).unwrap();
        let option = format!("--policy={name}");
        for format in ["text", "github", "junit", "markdown", "sarif", "json"] {
            let output = run(folder.path(), &["check", "--format", format, &option, "a.skops"], b"");
            assert_eq!((output.status.code(), stderr(&output)), (Some(1), ""), "{text:?}");
            if format != "github" {
                assert_no_commands(&output.stdout);
            }
            if format == "text" {
                assert_eq!(stdout(&output).lines().count(), 6, "{}", stdout(&output));
            }
            if ["sarif", "json"].contains(&format) {
                assert!(parsed(stdout(&output)).to_string().contains(&json!(name).to_string()));
            }
        }
        let output = run(folder.path(), &["policy", "check", "--", name, "a.skops"], b"");
        assert_eq!(stdout(&output).lines().count(), 1);
        assert_no_commands(&output.stdout);
        assert_messages(stderr(&output));
        fs::write(folder.path().join(name), &policies[0]).unwrap();
        let output = run(folder.path(), &["check", &option, "a.skops"], b"");
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
        assert_messages(stderr(&output));
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    assert!(refused > 18 * PAYLOADS.len(), "{refused}");
}

#[test]
fn arguments_that_attack_are_refused_in_lines_of_our_own() {
    let folder = TempDir::new().unwrap();
    for text in PAYLOADS.iter().filter(|text| !text.contains('\0')) {
        for arguments in [
            &[*text][..],
            &["untrusted-types", "--trust", text, "a"],
            &["untrusted-types", "--base", text, "a"],
            &["untrusted-types", "--limit", text, "a"],
            &["inspect", &format!("--{text}"), "a"],
            &["inspect", "--format", text, "a"],
            &["check", &format!("-o{text}"), "a"],
            &["check", "--expect-sha256", text, "a"],
            &["man", text],
            &["export", "a", text, "b"],
        ] {
            let output = run(folder.path(), arguments, b"");
            assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""), "{arguments:?}");
            let starts = ["error: ", "  ", "Usage: ", "For more information, "];
            let is_own = |line: &str| line.is_empty() || starts.iter().any(|start| line.starts_with(start));
            assert!(stderr(&output).lines().all(is_own), "{arguments:?}: {}", stderr(&output));
        }
    }
}

/// What is no Unicode is refused by the gate, and shown with a replacement character elsewhere.
#[test]
fn paths_that_are_no_text_do_no_harm() {
    let folder = TempDir::new().unwrap();
    let mut name = b"a\xff\x1b[31m\n::error::".to_vec();
    name.extend(b"\x9b31m\xed\xa0\x80.skops");
    let name = OsString::from_vec(name);
    fs::write(folder.path().join(&name), skops(list(vec![type_node("c.D")]), &[])).unwrap();
    for command in ["untrusted-types", "inspect", "arrays", "check", "export"] {
        let output = run_with(folder.path(), &[command.into(), "--".into(), name.clone()], b"");
        assert_no_commands(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(match command {
                "check" => 4,
                "export" => 1,
                _ => 0,
            })
        );
    }
    let list = [name.as_bytes(), b"\n"].concat();
    let output = run(folder.path(), &["check", "--format=jsonl", "--files-from=-"], &list);
    // By lines, the name is two paths, and none is there.
    assert_eq!((output.status.code(), stdout(&output).lines().map(parsed).count()), (Some(4), 2));
}

/// What an MLflow model says of itself, and what its folder is called.
#[test]
fn claims_of_mlflow_models_are_shown_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let mut said = 0;
    for name in names() {
        let model = folder.path().join(name);
        fs::create_dir_all(&model).unwrap();
        fs::write(model.join("model.skops"), skops(list(vec![]), &[])).unwrap();
        let text = quoted(name);
        fs::write(
            model.join("MLmodel"),
            format!(
                "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: {text}\n    \
                     code: {text}\n    skops_trusted_types:\n    - {text}\n"
            ),
        )
        .unwrap();
    }
    let json = run(folder.path(), &["check", "--format=json", "."], b"");
    let report = parsed(stdout(&json));
    let files = report["files"].as_array().unwrap();
    // An MLmodel that cannot be read has a record of its own.
    assert!(files.len() >= names().count());
    for file in files {
        said += file["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["message"].to_string().contains("forg"))
            .count();
    }
    assert!(said > 2 * files.len(), "{said}");
    let text = run(folder.path(), &["check", "."], b"");
    assert_no_commands(&text.stdout);
    assert_text(stdout(&text), files);
    assert_junit(stdout(&run(folder.path(), &["check", "--format=junit", "."], b"")), files);
    assert_github(stdout(&run(folder.path(), &["check", "--format=github", "."], b"")), files);
}

// ---- the gate over HTTP

#[cfg(feature = "serve")]
mod serve {
    use std::io::{BufRead, BufReader, Read};
    use std::net::TcpStream;
    use std::process::{Child, ChildStderr};
    use std::time::Duration;

    use super::*;

    struct Service {
        child: Child,
        address: String,
        _stderr: BufReader<ChildStderr>,
    }

    impl Service {
        fn start(log: &Path) -> Self {
            let mut command = Command::new(env!("CARGO_BIN_EXE_skops-rs"));
            // What is no request to the end is not waited for.
            command.args(["serve", "--no-policy", "--log", "--listen=127.0.0.1:0"]);
            command.args(["--head-timeout=0.3", "--idle-timeout=0.3"]);
            command.stdout(fs::File::create(log).unwrap()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut stderr = BufReader::new(child.stderr.take().unwrap());
            let mut line = String::new();
            stderr.read_line(&mut line).unwrap();
            let address = line.strip_prefix("listening on http://").unwrap().trim().to_owned();
            Self { child, address, _stderr: stderr }
        }

        /// The head and the body of an answer, and nothing after it.
        fn ask(&self, request: &[u8]) -> (String, String) {
            let mut stream = TcpStream::connect(&self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            // It may be refused before all of it was sent.
            let _ = stream.write_all(request);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let answer = String::from_utf8(answer).unwrap();
            assert_clean(answer.replace('\r', "").as_bytes());
            assert_no_commands(answer.as_bytes());
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            assert!(!body.contains("HTTP/1.1"), "two answers: {answer}");
            for line in head.split("\r\n").skip(1) {
                let name = line.split_once(": ").unwrap_or_else(|| panic!("{line}")).0;
                assert!(HEADERS.contains(&name), "{line}");
            }
            (head.to_owned(), body.to_owned())
        }
    }

    const HEADERS: &[&str] = &[
        "allow",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "skops-verdict",
        "x-content-type-options",
    ];

    impl Drop for Service {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn request(target: &[u8], headers: &[u8], body: &[u8]) -> Vec<u8> {
        let end = format!("Host: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        [b"POST ", target, b" HTTP/1.1\r\n", headers, end.as_bytes(), body].concat()
    }

    #[test]
    fn requests_that_attack_are_answered_with_what_they_said_or_refused() {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        let service = Service::start(&log);
        let file = skops(list(vec![type_node("c.D")]), &[]);
        let mut requests = 0;
        let mut ask = |request: &[u8]| {
            requests += 1;
            service.ask(request)
        };
        let mut answers = String::new();
        for text in PAYLOADS {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let (head, body) = ask(&request(format!("/check?name={encoded}").as_bytes(), b"", &file));
            assert!(
                head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("skops-verdict: deny"),
                "{head}"
            );
            assert_eq!(parsed(&body)["path"], *text);
            assert_eq!(body.lines().count(), 1);
            answers.push_str(&body);
            // As they are, wherever they do not belong.
            let header = format!("Skops-Expect-Sha256: {text}\r\n");
            let other = format!("X-{text}: {text}\r\n");
            for raw in [
                request(format!("/check?name={text}").as_bytes(), b"", &file),
                request(format!("/check?{encoded}=1").as_bytes(), b"", &file),
                request(format!("/{encoded}").as_bytes(), b"", b""),
                request(format!("/{text}").as_bytes(), b"", b""),
                request(b"/check", header.as_bytes(), &file),
                request(b"/check", other.as_bytes(), &file),
                request(b"/check", b"", text.as_bytes()),
                [text.as_bytes(), b"\r\n\r\n"].concat(),
            ] {
                let (head, body) = ask(&raw);
                let refused = head.starts_with("HTTP/1.1 4") || head.is_empty();
                let is_name = head.starts_with("HTTP/1.1 200");
                assert!(refused || is_name, "{head} {raw:?}");
                if !body.is_empty() {
                    assert_eq!(body.lines().count(), 1);
                    assert!(parsed(&body).is_object());
                }
            }
        }
        let (_, metrics) = ask(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(!metrics.contains("forged"));
        assert!(metrics.lines().all(|line| line.starts_with("# ") || line.starts_with("skops_rs_")));
        keep("metrics.prometheus", metrics);
        keep("answers.jsonl", answers);
        drop(service);
        let log = fs::read_to_string(log).unwrap();
        assert_clean(log.as_bytes());
        let lines: Vec<_> = log.lines().map(parsed).collect();
        // What hyper refuses has no line.
        assert!(lines.len() <= requests && lines.len() > 6 * PAYLOADS.len(), "{} of {requests}", lines.len());
        let named: BTreeSet<_> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
        assert!(PAYLOADS.iter().all(|text| named.contains(text)));
        keep("log.jsonl", log);
    }
}
