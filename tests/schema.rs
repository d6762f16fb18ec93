//! `schema.json`: strict JSON, and the nodes that skops writes.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::*;
use serde_json::{Value, json};
use skops_rs::{Archive, Limits};

fn code(text: &str) -> &'static str {
    code_of(skops_text(text, &[]))
}

/// A file whose root is a `JsonNode` with this as one more field, so that only the JSON itself is at fault.
fn with_value(value: &str) -> &'static str {
    let node = r#"{"__class__":"str","__module__":"builtins","__loader__":"JsonNode","content":"1","protocol":2,"x":"#;
    code(&format!("{node}{value}}}"))
}

#[test]
fn json_is_strict() {
    for (text, expected) in [
        ("", "json-syntax"),
        (" ", "json-syntax"),
        ("{", "json-syntax"),
        ("{}}", "json-trailing-data"),
        ("[1,]", "json-syntax"),
        ("{\"a\":1,}", "json-syntax"),
        ("{a:1}", "json-syntax"),
        ("{'a':1}", "json-syntax"),
        ("[1 2]", "json-syntax"),
        ("// comment\n{}", "json-syntax"),
        ("{} {}", "json-trailing-data"),
        ("\u{feff}{}", "json-encoding"),
        ("null", "malformed-node"),
        ("[]", "malformed-node"),
        ("{}", "malformed-node"),
        ("\"a\"", "malformed-node"),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
    for bytes in
        [&b"\xff\xfe{\x00}\x00"[..], b"\x00{\x00}", b"{\x00}\x00", b"{\"\xff\":1}", b"{\"\xed\xa0\x80\":1}"]
    {
        let file = Zip::new(vec![Entry::stored("schema.json", bytes)]).build();
        assert_eq!(code_of(file), "json-encoding", "{bytes:?}");
    }
}

/// The text is read through a window. White space before a token may end anywhere in it.
#[test]
fn white_space_cuts_no_token() {
    let text = skops_text(&json_node("true").to_string().replacen('{', "{\"protocol\": 2, ", 1), &[]);
    assert_eq!(code_of(text), "accepted");
    for value in ["true", "null", "-12.5e3", "\"text\"", "\"\\ud83d\\ude00\""] {
        for before in (128 << 10) - 125..(128 << 10) - 95 {
            let spaces = " ".repeat(before);
            // Each of them is one field too many, and none is a mistake in the JSON.
            assert_eq!(
                with_value(&format!("{spaces}{value}")),
                "unknown-field",
                "{value} after {before} spaces"
            );
        }
    }
}

#[test]
fn values_are_those_of_json() {
    for value in [
        "0",
        "-0",
        "1.5",
        "1e5",
        "1E+5",
        "-1.5e-10",
        "true",
        "false",
        "null",
        "\"\"",
        "\"\\u00e9\\n\\\"\\/\"",
        "\"\\ud83d\\ude00\"",
        "{}",
        "\"\u{e9}\u{1F600}\"",
    ] {
        assert_eq!(with_value(value), "unknown-field", "{value}");
    }
    for value in [
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x1",
        "--1",
        "-",
        "NaN",
        "Infinity",
        "-Infinity",
        "True",
        "None",
        "nul",
        "tru",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\u{1}\"",
        "\"\n\"",
        "\"",
        "\"\\\"",
        "'a'",
        "1_0",
    ] {
        assert_eq!(with_value(value), "json-syntax", "{value}");
    }
    for value in
        ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\""]
    {
        assert_eq!(with_value(value), "json-surrogate", "{value}");
    }
    assert_eq!(with_value(&"1".repeat(4300)), "unknown-field");
    assert_eq!(with_value(&"1".repeat(4301)), "json-number");
}

/// Keys that are written differently but mean the same are the same.
#[test]
fn keys_are_unique_in_every_object() {
    for text in [
        r#"{"protocol":2,"protocol":2,"__loader__":"JsonNode"}"#,
        r#"{"__loader__":"JsonNode","__load\u0065r__":"JsonNode"}"#,
        r#"{"x":{"a":1,"a":2}}"#,
        r#"{"x":{"\u0061":1,"a":2}}"#,
    ] {
        assert_eq!(code(text), "json-duplicate-key", "{text}");
    }
    let item = json_node("1").to_string();
    let many: Vec<_> = (0..1000).map(|number| format!("\"{}\":{item}", number % 999)).collect();
    assert_eq!(code(&format!("{{\"x\":{{{}}}}}", many.join(","))), "json-duplicate-key");
    // The same key in an object and in one within it is not twice in either.
    let nested = dict(vec![("a", dict(vec![("a", json_node("1"))])), ("b", json_node("1"))]);
    assert_eq!(code_of(skops(nested, &[])), "accepted");
}

/// Strings of every length around a word, with what is special at every place in it.
#[test]
fn strings_are_read_to_their_end() {
    for length in 0..40 {
        for special in ["", "\\n", "\\u0041", "\u{e9}", "\\\\"] {
            for at in 0..=length {
                let text = format!("{}{special}{}", "x".repeat(at), "y".repeat(length - at));
                let expected: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
                let root = format!(
                    r#"{{"__class__":"dict","__module__":"builtins","__loader__":"DictNode","content":{{"{text}":{}}},"key_types":{},"protocol":2}}"#,
                    json_node("1"),
                    list(vec![type_node("builtins.str")])
                );
                let audit = audit(skops_text(&root, &[])).unwrap();
                let items = skops_rs::inspect::items(
                    &audit,
                    &skops_rs::TrustList::default(),
                    skops_rs::inspect::Options::default(),
                );
                assert_eq!({ items }.nth(1).unwrap().key, skops_rs::text::shown(&expected).to_string());
            }
        }
    }
}

#[test]
fn white_space_is_that_of_json() {
    let text = json_node("1").to_string().replace('}', ",\"protocol\":2}");
    for space in [" ", "\t", "\r", "\n", "        ", "\n                  ", "\r\n\t "] {
        let wide =
            text.replace(',', &format!("{space},{space}")).replace("\":", &format!("\"{space}:{space}"));
        let spaced = format!("{space}{wide}{space}");
        assert_eq!(code(&spaced), "accepted", "{space:?}");
    }
    assert_eq!(code(&format!("\u{a0}{text}")), "json-syntax");
    assert_eq!(code(&format!("{text}\u{c}")), "json-trailing-data");
}

/// A list within a list, so many times.
fn nested(levels: usize) -> String {
    let open = r#"{"__class__":"list","__module__":"builtins","__loader__":"ListNode","content":["#;
    let inner = format!("{}{}", open.repeat(levels), "]}".repeat(levels));
    format!("{},\"protocol\":2}}", inner.strip_suffix('}').unwrap())
}

#[test]
fn depth_is_limited_and_never_overflows_the_stack() {
    // Each list is an object and an array.
    assert_eq!(code(&nested(256)), "accepted");
    assert_eq!(code(&nested(257)), "limit-json-depth");
    let mut limits = Limits::default();
    limits.json_depth = usize::MAX;
    let deep = skops_text(&nested(100_000), &[]);
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || {
            let audit = audit_with(deep, limits.clone()).unwrap();
            assert_eq!(audit.schema().node_count(), 100_000);
            assert_eq!(audit.untrusted(&skops_rs::TrustList::default()).len(), 0);
            let arrays = skops_text(&format!("{{\"x\":{}", "[".repeat(1_000_000)), &[]);
            assert_eq!(audit_with(arrays, limits).unwrap_err().code().as_str(), "json-syntax");
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn protocols_are_0_1_and_2() {
    let of = |protocol: &str| {
        let text = json_node("1").to_string();
        code(&format!("{},\"protocol\":{protocol}}}", text.strip_suffix('}').unwrap()))
    };
    for (protocol, expected) in [
        ("0", "accepted"),
        ("1", "accepted"),
        ("2", "accepted"),
        ("3", "protocol"),
        ("-1", "protocol"),
        ("2.0", "protocol"),
        ("2e0", "protocol"),
        ("\"2\"", "protocol"),
        ("true", "protocol"),
        ("null", "protocol"),
        ("99999999999999999999", "protocol"),
    ] {
        assert_eq!(of(protocol), expected, "{protocol}");
    }
    assert_eq!(code(&json_node("1").to_string()), "protocol");
}

#[test]
fn root_fields_are_for_the_root() {
    for field in ["protocol", "_skops_version"] {
        let mut inner = json_node("1");
        inner[field] = json!(2);
        assert_eq!(code_of(skops(list(vec![inner]), &[])), "unknown-field", "{field}");
    }
}

#[test]
fn every_loader_has_its_fields_and_no_other() {
    for loader in skops_rs::Loader::ALL {
        let mut node = node(loader.as_str(), "a.B", json!({}));
        node["other"] = json!(1);
        let text = node.to_string();
        let expected = ["unknown-field", "missing-field", "malformed-node"];
        assert!(expected.contains(&code(&text)), "{loader}: {}", code(&text));
    }
}

#[test]
fn names_are_checked_where_they_are_written() {
    let of = |module: Value, class: Value| {
        let node = json!({"__class__": class, "__module__": module, "__loader__": "TypeNode"});
        code_of(skops(node, &[]))
    };
    assert_eq!(of(json!("a.b"), json!("C")), "accepted");
    assert_eq!(of(json!("__main__"), json!("<lambda>")), "accepted");
    for (module, class) in [
        ("a", "b.C"),
        ("a.", "C"),
        (".a", "C"),
        ("a..b", "C"),
        ("", "C"),
        ("a", ""),
        ("a b", "C"),
        ("a", "C "),
        ("a", "<locals>"),
        ("a\n", "C"),
        ("\u{430}", "C"),
        ("a", "\u{421}"),
        ("a", "C\u{200b}"),
        ("a/b", "C"),
        ("a", "1C"),
        ("1a", "C"),
        ("a-b", "C"),
    ] {
        assert_eq!(of(json!(module), json!(class)), "name-syntax", "{module:?} {class:?}");
    }
    for value in [json!(1), json!(null), json!(true)] {
        assert_eq!(of(value.clone(), json!("C")), "name-syntax");
        assert_eq!(of(json!("a"), value), "name-syntax");
    }
    assert_eq!(of(json!("a"), json!("b".repeat(510))), "accepted");
    assert_eq!(of(json!("a"), json!("b".repeat(511))), "limit-name-length");
}

#[test]
fn scalars_are_what_python_dumps() {
    for text in
        ["1", "-1", "1.5", "1e22", "NaN", "Infinity", "-Infinity", "true", "null", "\"a\"", "\"\"", "\"\\n\""]
    {
        assert_eq!(code_of(skops(json_node(text), &[])), "accepted", "{text}");
    }
    for (text, expected) in [
        ("[1]", "scalar-value"),
        ("{}", "scalar-value"),
        ("[[[", "scalar-value"),
        ("", "json-syntax"),
        ("nan", "json-syntax"),
        ("+Infinity", "json-syntax"),
        ("True", "json-syntax"),
        ("1 2", "json-trailing-data"),
        ("1e999", "json-number"),
        ("\"\\ud800\"", "json-surrogate"),
    ] {
        assert_eq!(code_of(skops(json_node(text), &[])), expected, "{text}");
    }
    assert_eq!(code_of(skops(json_node(&"[".repeat(5000)), &[])), "limit-json-depth");
    assert_eq!(code_of(skops(json_node(&"1".repeat(4301)), &[])), "json-number");
}

/// The fields of a node come in any order; a `TreeNode` names its loader after its content.
#[test]
fn the_order_of_fields_does_not_matter() {
    let content = format!("\"content\":[{}]", json_node("1"));
    let fields = [
        "\"__class__\":\"list\"",
        "\"__module__\":\"builtins\"",
        "\"__loader__\":\"ListNode\"",
        &content,
        "\"protocol\":2",
    ];
    for first in 0..fields.len() {
        let mut turned = fields.to_vec();
        turned.rotate_left(first);
        assert_eq!(code(&format!("{{{}}}", turned.join(","))), "accepted", "{turned:?}");
    }
}

#[test]
fn versions_are_found() {
    let state = |version: &str| dict(vec![("_sklearn_version", json_node(version))]);
    let inner = node("ObjectNode", "a.B", json!({"content": state("\"1.2.2\"")}));
    let outer = node(
        "ObjectNode",
        "a.B",
        json!({"content": dict(vec![("inner", inner.clone()), ("_sklearn_version", json_node("\"1.9.1\""))])}),
    );
    let version = |root: Value| {
        let archive = Archive::from_bytes(skops(root, &[]), Limits::default()).unwrap();
        archive.schema().unwrap().sklearn_version()
    };
    assert_eq!(version(outer).as_deref(), Some("1.9.1"));
    assert_eq!(version(list(vec![inner])).as_deref(), Some("1.2.2"));
    assert_eq!(version(list(vec![])), None);
}
