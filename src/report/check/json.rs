//! Verdicts as JSON Lines.

use std::io::{self, Write};

use crate::check::Verdict;

/// Writes a verdict in a line of its own.
pub(super) fn write_line(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    crate::report::write_json_line(&mut *out, verdict)
}
