//! The part of an `MLmodel` that matters, read event by event.
//!
//! MLflow reads it with `PyYAML`, which follows YAML 1.1; the parser here follows 1.2. What the two, or two keys, could say
//! differently of a flavor is refused: aliases, tags, merged mappings, keys that stand twice, a second document, line ends that
//! only one of them knows. What stands elsewhere may have all that but the last two.

use std::collections::{BTreeMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::refuse;
use crate::error::Result;
use crate::text::shown;

/// What the flavors say at the keys that are read.
pub(super) type Flavors = BTreeMap<String, BTreeMap<String, Value>>;

/// The value of a key.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Option<String>>),
    Other,
}

/// The keys of a flavor that are read.
const KEYS: [&str; 10] = [
    "code",
    "data",
    "loader_module",
    "model_class",
    "model_code_path",
    "model_path",
    "pickled_model",
    "python_model",
    "serialization_format",
    "skops_trusted_types",
];

/// How deep values may be nested.
const MOST_LEVELS: usize = 64;

/// How many items the lists may have that are read, all together; models name a few dozen types at most.
const MOST_ITEMS: usize = 256;

/// How long keys and values may be that are read.
const MOST_LENGTH: usize = 1024;

/// Reads what stands below the key `flavors`.
pub(super) fn read(text: &str) -> Result<Flavors> {
    let ends_a_line = |character: &char| matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    if let Some(odd) = text.chars().find(ends_a_line) {
        return Err(refuse(format!("MLmodel has the character {}", odd.escape_unicode())));
    }
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| refuse(format!("MLmodel is no YAML: {}", shown(error.info()))))?;
        // What starts with a brace or bracket starts with something; what is indented does not.
        let is_flow = !span.is_empty();
        let line = span.start.line();
        walk.take(event, is_flow).map_err(|what| refuse(format!("MLmodel has {what} in line {line}")))?;
    }
    Ok(walk.flavors)
}

/// Where in the document the parser is.
#[derive(Default)]
struct Walk {
    documents: usize,
    levels: Vec<Level>,
    /// Items of lists that were read.
    items: usize,
    flavors: Flavors,
}

/// A mapping or list that is open.
#[derive(Default)]
struct Level {
    is_mapping: bool,
    /// Whether it is in braces or brackets.
    is_flow: bool,
    /// The key whose value comes next; what it is matters only where it is read.
    key: Option<String>,
    /// The keys that have been, where they are read.
    seen: HashSet<String>,
}

/// Keys that lead to a value are read this deep: `flavors`, a flavor, its key.
const READ_LEVELS: usize = 3;

type Step = std::result::Result<(), String>;

impl Walk {
    fn take(&mut self, event: Event<'_>, is_flow: bool) -> Step {
        let is_tagged = matches!(
            event,
            Event::Scalar(.., Some(_)) | Event::MappingStart(_, Some(_)) | Event::SequenceStart(_, Some(_))
        );
        if is_tagged && self.matters() {
            return Err("a tag".to_owned());
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 { Err("a second document".to_owned()) } else { Ok(()) }
            }
            Event::Alias(_) if self.matters() => Err("an alias".to_owned()),
            Event::Alias(_) if self.expects_key() => self.key("", false),
            Event::Alias(_) => self.value(Some("")),
            // In braces and brackets, PyYAML takes any question mark for the mark of a key.
            Event::Scalar(text, ScalarStyle::Plain, ..) if self.is_in_flow() && text.contains('?') => {
                Err("a question mark without quotes, in braces or brackets,".to_owned())
            }
            Event::Scalar(text, style, ..) if self.expects_key() => {
                self.key(&text, style == ScalarStyle::Plain)
            }
            Event::Scalar(text, style, ..) => {
                let words = ["", "~", "null", "Null", "NULL"];
                let is_null = style == ScalarStyle::Plain && words.contains(&&*text);
                self.value((!is_null).then_some(&*text))
            }
            Event::MappingStart(..) => self.open(true, is_flow),
            Event::SequenceStart(..) => self.open(false, is_flow),
            Event::MappingEnd | Event::SequenceEnd => {
                self.levels.pop();
                self.value_ends();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether what comes next is a key.
    fn expects_key(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_mapping && level.key.is_none())
    }

    fn is_in_flow(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_flow)
    }

    fn is_in_flavors(&self) -> bool {
        self.levels.first().is_some_and(|level| level.key.as_deref() == Some("flavors"))
    }

    /// Whether what comes next can say something of flavors: the document, its keys, and all that is in flavors.
    fn matters(&self) -> bool {
        self.levels.is_empty() || (self.levels.len() == 1 && self.expects_key()) || self.is_in_flavors()
    }

    /// Whether the keys of the innermost mapping are read.
    fn is_read(&self) -> bool {
        self.levels.len() <= 1 || (self.levels.len() <= READ_LEVELS && self.is_in_flavors())
    }

    /// The value of a flavor's key that is open or comes next, if it is one that is read.
    fn read_value(&mut self) -> Option<&mut Value> {
        let [_, flavors, flavor, ..] = self.levels.as_slice() else { return None };
        let key = flavor.key.as_deref().filter(|key| flavor.is_mapping && KEYS.contains(key))?;
        let (flavors, key) = (flavors.key.clone()?, key.to_owned());
        if !self.is_in_flavors() {
            return None;
        }
        Some(self.flavors.entry(flavors).or_default().entry(key).or_insert(Value::Null))
    }

    fn open(&mut self, is_mapping: bool, is_flow: bool) -> Step {
        if self.expects_key() {
            if self.matters() {
                return Err("a key that is no text".to_owned());
            }
            // Its key and its value are told apart no further: nothing of it is read.
            self.key("", false)?;
        }
        if self.levels.len() == MOST_LEVELS {
            return Err(format!("more than {MOST_LEVELS} levels"));
        }
        let depth = self.levels.len();
        if !is_mapping && (depth == 0 || (depth <= 2 && self.is_in_flavors())) {
            return Err("a list, where a mapping is expected,".to_owned());
        }
        if let [_, flavors] = self.levels.as_slice()
            && self.is_in_flavors()
        {
            // A flavor without keys is one all the same.
            let name = flavors.key.clone().unwrap_or_default();
            self.flavors.entry(name).or_default();
        }
        if let Some(value) = self.read_value() {
            let is_list = depth == READ_LEVELS && !is_mapping;
            *value = if is_list { Value::List(Vec::new()) } else { Value::Other };
        }
        let is_flow = is_flow || self.is_in_flow();
        self.levels.push(Level { is_mapping, is_flow, ..Level::default() });
        Ok(())
    }

    fn value_ends(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.key = None;
        }
    }

    fn value(&mut self, text: Option<&str>) -> Step {
        let depth = self.levels.len();
        if let [_, flavors] = self.levels.as_slice()
            && self.is_in_flavors()
        {
            // Nothing, where keys are expected.
            let name = flavors.key.clone().unwrap_or_default();
            self.flavors.entry(name).or_default();
        }
        if let Some(value) = self.read_value() {
            if text.is_some_and(|text| text.len() > MOST_LENGTH) {
                return Err(format!("a value of more than {MOST_LENGTH} bytes"));
            }
            match value {
                Value::List(items) if depth > READ_LEVELS => {
                    items.push(text.map(str::to_owned));
                    self.items = self.items.saturating_add(1);
                    if self.items > MOST_ITEMS {
                        return Err(format!("more than {MOST_ITEMS} items in lists that matter"));
                    }
                }
                Value::Other if depth > READ_LEVELS => {}
                value => *value = text.map_or(Value::Null, |text| Value::Text(text.to_owned())),
            }
        }
        self.value_ends();
        Ok(())
    }

    fn key(&mut self, key: &str, is_plain: bool) -> Step {
        let is_read = self.is_read();
        if is_read && is_plain && key == "<<" {
            return Err("a merged mapping".to_owned());
        }
        if is_read && key.len() > MOST_LENGTH {
            return Err(format!("a key of more than {MOST_LENGTH} bytes"));
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        if is_read && !level.seen.insert(key.to_owned()) {
            return Err(format!("the key '{}' twice", shown(key)));
        }
        level.key = Some(if is_read { key.to_owned() } else { String::new() });
        Ok(())
    }
}
