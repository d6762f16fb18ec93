//! Data goes to standard output, everything else to standard error.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use skops_rs::text::shown_path;
use skops_rs::{Audit, Error};

use super::Outcome;

/// Standard output, buffered.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Whether colour may be used on standard output.
pub(crate) fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !refused && !is_dumb && io::stdout().is_terminal()
}

/// Says on standard error why a file could not be used.
pub(crate) fn report(path: &str, error: &Error) {
    let mut place = shown_path(path);
    if !error.at().is_unknown() {
        place.extend([", ", &error.at().to_string()]);
    }
    say(&format!("error[{}]: {error}\n  at: {place}\n  hint: {}\n", error.code(), error.code().hint()));
}

/// Says on standard error what is odd about a file that was accepted.
pub(crate) fn warn(path: &str, audit: &Audit) {
    let mut unreferenced = audit.unreferenced();
    let Some(first) = unreferenced.next() else { return };
    let count = unreferenced.count().saturating_add(1);
    say(&format!(
        "warning[entry-unreferenced]: {count} arrays in the archive that no node names, {} among them\n  at: {}\n  \
         hint: skops neither writes nor reads such arrays; the file was edited\n",
        first.name,
        shown_path(path)
    ));
}

/// Says on standard error that a list is not whole, if it is not.
pub(crate) fn warn_left_out(path: &str, count: usize, what: &str) {
    if count > 0 {
        say(&format!(
            "warning: {count} more {what} are left out of the list\n  at: {}\n  hint: `--limit report-bytes=N` lists more\n",
            shown_path(path)
        ));
    }
}

/// Says on standard error why the arguments cannot be used.
pub(crate) fn usage(text: &str) -> Outcome {
    say(&format!("error: {text}\n\nFor more information, try '--help'.\n"));
    Outcome::Usage
}

/// Writes to standard error. If even that fails, there is nobody left to tell.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// How the command ended. Whoever closed the pipe has seen enough.
pub(crate) fn end(result: io::Result<Outcome>) -> Outcome {
    match result {
        Ok(outcome) => outcome,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Done,
        Err(error) => {
            say(&format!("error[io]: cannot write the output: {error}\n"));
            Outcome::Io
        }
    }
}
