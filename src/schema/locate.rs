//! Where in the text of `schema.json` nodes stand, for reports that point into it. The text is read twice more: to find
//! values by their JSON pointers, and to count lines up to them.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;

use serde::Serialize;

use super::json::{Reader, Token};
use super::place::POINTER_LENGTH;
use crate::archive::{Archive, SCHEMA_NAME};
use crate::error::Result;

/// A part of the text of `schema.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Region {
    /// The line that it starts in, from 1.
    pub line: u64,
    /// The character of that line that it starts with, from 1.
    pub column: u64,
    /// The line that it ends in, from 1.
    pub end_line: u64,
    /// The character after its last one, from 1.
    pub end_column: u64,
    /// Bytes before it.
    pub byte_offset: u64,
    /// Bytes of it.
    pub byte_length: u64,
}

/// Finds the values that JSON pointers lead to. What is not found is left out.
pub(crate) fn locate(archive: &Archive, pointers: &BTreeSet<String>) -> Result<BTreeMap<String, Region>> {
    let Some(entry) = archive.entry(SCHEMA_NAME).filter(|_| !pointers.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let reader = Reader::new(Box::new(archive.reader(entry)?), entry.size)?;
    let steps = Steps(RandomState::new());
    // A pointer that was cut leads to something else, if anywhere.
    let whole = pointers.iter().filter(|pointer| pointer.len() < POINTER_LENGTH);
    let wanted = whole.map(|pointer| (steps.of_pointer(pointer), pointer.as_str())).collect();
    let mut walk = Walk { reader, steps, wanted, at: ROOT, frames: Vec::new(), found: BTreeMap::new() };
    // A text that ends too early, or goes too deep, has been refused for that; what stands before it can be pointed at.
    let _ = walk.run(archive.limits().json_depth);
    let mut found = walk.found;
    count_lines(archive, &mut found)?;
    Ok(found)
}

/// Where a value is, as a number: that of its parent and its own key or position, hashed. Comparing pointers instead would take,
/// for each value, as long as its pointer is. Nobody who writes a file knows the hash.
struct Steps(RandomState);

/// Where the root is.
const ROOT: u64 = 0;

impl Steps {
    /// Where the value with this key or position is.
    fn below(&self, parent: u64, step: &str) -> u64 {
        self.0.hash_one((parent, step))
    }

    /// Where a JSON pointer leads.
    fn of_pointer(&self, pointer: &str) -> u64 {
        let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
        steps.fold(ROOT, |parent, step| self.below(parent, &step))
    }
}

struct Walk<'a> {
    reader: Reader<'a>,
    steps: Steps,
    /// The pointers that are looked for, by where they lead.
    wanted: HashMap<u64, &'a str>,
    /// Where what is being read is.
    at: u64,
    frames: Vec<Frame>,
    found: BTreeMap<String, Region>,
}

/// An object or array that has not ended.
struct Frame {
    is_object: bool,
    start: u64,
    /// How many items have been.
    items: usize,
    /// Where it is.
    at: u64,
}

impl Walk<'_> {
    fn run(&mut self, most_depth: usize) -> Result<()> {
        let mut is_new = self.value()?;
        loop {
            let Some(frame) = self.frames.last_mut() else { return Ok(()) };
            let (is_object, items, at) = (frame.is_object, frame.items, frame.at);
            let close = if is_object { b'}' } else { b']' };
            self.at = at;
            let goes_on = if is_new { !self.reader.take(close)? } else { self.reader.take(b',')? };
            if !goes_on {
                if !is_new {
                    self.reader.expect(close, "the end of an object or array")?;
                }
                if let Some(frame) = self.frames.pop() {
                    self.note(frame.start);
                }
                is_new = false;
                continue;
            }
            frame.items = items.saturating_add(1);
            if is_object {
                self.reader.key_start()?;
                let key = self.reader.string()?;
                self.at = self.steps.below(at, &self.reader.text(key));
                self.reader.colon()?;
            } else {
                self.at = self.steps.below(at, &items.to_string());
            }
            is_new = self.value()?;
            if self.frames.len() > most_depth {
                return Ok(());
            }
        }
    }

    /// Takes a value. Returns whether it has only started.
    fn value(&mut self) -> Result<bool> {
        self.reader.peek()?;
        let start = self.reader.offset();
        let is_object = match self.reader.value()? {
            Token::ObjectStart => true,
            Token::ArrayStart => false,
            _ => {
                self.note(start);
                return Ok(false);
            }
        };
        self.frames.push(Frame { is_object, start, items: 0, at: self.at });
        Ok(true)
    }

    /// Notes where a value that has ended stands, if anyone asked.
    fn note(&mut self, start: u64) {
        if let Some(pointer) = self.wanted.get(&self.at) {
            let byte_length = self.reader.offset().saturating_sub(start);
            let region = Region { byte_offset: start, byte_length, ..Region::default() };
            self.found.insert((*pointer).to_owned(), region);
        }
    }
}

/// Finds line and column of where regions start and end.
fn count_lines(archive: &Archive, regions: &mut BTreeMap<String, Region>) -> Result<()> {
    let Some(entry) = archive.entry(SCHEMA_NAME) else { return Ok(()) };
    let ends = |region: &Region| [region.byte_offset, region.byte_offset.saturating_add(region.byte_length)];
    let offsets: BTreeSet<u64> = regions.values().flat_map(ends).collect();
    let mut positions = BTreeMap::new();
    let mut wanted = offsets.iter().copied().peekable();
    let (mut offset, mut line, mut column) = (0_u64, 1_u64, 1_u64);
    let mut fill = archive.reader(entry)?;
    #[expect(clippy::disallowed_methods, reason = "a buffer")]
    let mut buffer = vec![0; 64 << 10];
    while wanted.peek().is_some() {
        let count = fill(&mut buffer)?;
        let text = buffer.get(..count).unwrap_or_default();
        for byte in text {
            if wanted.next_if_eq(&offset).is_some() {
                positions.insert(offset, (line, column));
            }
            match byte {
                b'\n' => (line, column) = (line.saturating_add(1), 1),
                // The later bytes of a character.
                0x80..=0xBF => {}
                _ => column = column.saturating_add(1),
            }
            offset = offset.saturating_add(1);
        }
        if count < buffer.len() {
            break;
        }
    }
    positions.extend(wanted.map(|end| (end, (line, column))));
    for region in regions.values_mut() {
        let [start, end] = ends(region).map(|offset| positions.get(&offset).copied().unwrap_or((1, 1)));
        (region.line, region.column) = start;
        (region.end_line, region.end_column) = end;
    }
    Ok(())
}
