//! Writing JSON so that it can be shown anywhere.

use std::cell::Cell;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::text::opens_command;

/// Writes JSON in ASCII, indented by two spaces, with a line break at the end.
///
/// Everything else is escaped, so that text from a file cannot move a terminal's cursor or reorder its letters.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_json(out: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    write_json_with(out, value, &Cell::new(false))
}

/// As [`write_json`], in one line.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_json_line(out: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    write_json_with(out, value, &Cell::new(true))
}

/// As [`write_json`]; what is written while the cell holds `true` is on one line.
pub(crate) fn write_json_with(
    out: impl io::Write,
    value: &impl Serialize,
    on_one_line: &Cell<bool>,
) -> io::Result<()> {
    let formatter = Ascii { pretty: PrettyFormatter::new(), on_one_line, depth: 0 };
    let mut serializer = serde_json::Serializer::with_formatter(out, formatter);
    value.serialize(&mut serializer)?;
    serializer.into_inner().write_all(b"\n")
}

/// Escapes what is not ASCII.
struct Ascii<'a> {
    pretty: PrettyFormatter<'a>,
    on_one_line: &'a Cell<bool>,
    /// How many objects and arrays are open.
    depth: usize,
}

/// What is nested deeper is on one line: a file of deep and wide lists would make its export hundreds of times as large
/// as itself, of nothing but spaces.
const MOST_INDENTED: usize = 32;

impl Ascii<'_> {
    fn is_on_one_line(&self) -> bool {
        self.on_one_line.get() || self.depth > MOST_INDENTED
    }

    fn open(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) $($before:ident)? $(, $after:ident)?;)*) => {
        $(
            fn $name<W: ?Sized + io::Write>(&mut self, out: &mut W $(, $argument: $type)*) -> io::Result<()> {
                $(self.$before();)?
                let written = if self.is_on_one_line() {
                    CompactFormatter.$name(out $(, $argument)*)
                } else {
                    self.pretty.$name(out $(, $argument)*)
                };
                $(self.$after();)?
                written
            }
        )*
    };
}

impl Formatter for Ascii<'_> {
    forward! {
        begin_array() open;
        end_array(), close;
        begin_array_value(first: bool);
        end_array_value();
        begin_object() open;
        end_object(), close;
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    /// JSON that is written as the file has it. What is no ASCII can only be within strings there, and other white space
    /// than spaces only between values.
    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut lines = fragment.split(['\n', '\r', '\t']);
        lines.try_for_each(|line| self.write_string_fragment(out, line))
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        let is_special = |character: char| !matches!(character, ' '..='~');
        while let Some((plain, special)) = rest.find(is_special).and_then(|at| rest.split_at_checked(at)) {
            write_plain(out, plain)?;
            let mut characters = special.chars();
            let mut units = [0; 2];
            for unit in characters.next().unwrap_or_default().encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        write_plain(out, rest)
    }
}

/// Writes ASCII that needs no escapes in JSON. What runs a pipeline may take a bracket behind two hashes for the start of
/// a command.
fn write_plain(out: &mut (impl ?Sized + io::Write), text: &str) -> io::Result<()> {
    if !text.contains("##") {
        return out.write_all(text.as_bytes());
    }
    let mut parts = text.split(opens_command());
    out.write_all(parts.next().unwrap_or_default().as_bytes())?;
    parts.try_for_each(|part| write!(out, "\\u005b{part}"))
}
