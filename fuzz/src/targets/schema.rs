//! The text of `schema.json`, in a file that holds nothing else.

use serde::de::IgnoredAny;
use skops_rs::{Archive, Code, Error};

use super::common::{Entry, Zip};
use super::files::{self, Answer};

/// How much of the text is read at once. Not the reader's own number: near it is enough.
const WINDOW: usize = 128 << 10;

/// Whatever the text is, reading it is bounded and gives the same twice. It is also the same when white space comes
/// before it, so that tokens lie across the edges of what is read at once; and what is accepted is JSON in UTF-8.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        let refused = read(data);
        assert!(!refused.is_accepted(), "text that is no UTF-8");
        return;
    };
    let first = read(text.as_bytes());
    assert_eq!(first, read(text.as_bytes()), "the second time");
    if first.is_accepted() {
        serde_json::from_str::<IgnoredAny>(text).expect("what is accepted is JSON");
    }
    check_shifted(text, &first);
}

/// The text's own length says by how much it is shifted.
fn check_shifted(text: &str, first: &Answer) {
    let reads_encoding = matches!(first, Answer::Refused { code: Code::JsonEncoding, .. });
    if reads_encoding || first.is_over_limit() {
        return;
    }
    let hash = crc32fast::hash(text.as_bytes()) as usize;
    let into_text = hash % (text.len() + 1);
    let shifted = [" ".repeat(WINDOW - into_text).as_str(), text].concat();
    let other = read(shifted.as_bytes());
    if !other.is_over_limit() {
        assert_eq!(first.in_short(), other.in_short(), "shifted so that {into_text} bytes come first");
    }
}

fn read(text: &[u8]) -> Answer {
    let file = Zip::new(vec![Entry::stored("schema.json", text)]).build();
    let schema = |archive: &Archive| -> Result<String, Error> {
        let schema = archive.schema()?;
        let claims = (schema.protocol(), schema.skops_version(), schema.sklearn_versions());
        Ok(format!("{claims:?} {} {} nodes", schema.root_type(), schema.node_count()))
    };
    let archive = files::open(&file, files::small()).expect("a sound archive");
    match schema(&archive) {
        Ok(described) => {
            if let Err(error) = files::audit(&archive) {
                return Answer::Accepted(format!("{described}, {}", error.code()));
            }
            Answer::Accepted(described)
        }
        Err(error) => Answer::refused(&error),
    }
}
