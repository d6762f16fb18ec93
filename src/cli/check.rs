//! `skops-rs check`: the gate.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use skops_rs::Error;
use skops_rs::check::{
    Checker, Finder, Found, Input, Level, Pace, Publisher, Sha256, Summary, Verdict, read_list,
};
use skops_rs::policy::{FILE_NAME, Policy};
use skops_rs::report::check::{Format, Head, Writer};
use skops_rs::text::shown_path;

use super::Outcome;
use super::output;
use super::policy::PolicyArguments;
use super::whole::Whole;

/// Judge files by a policy: the gate between an upload and everyone else
///
/// A folder stands for the models in it: files named `.skops`, and files that hold a .skops archive whatever their name.
/// Every file is judged, whatever the others are, unless --fail-fast is given. Nothing is loaded, imported or executed.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// How deep to look: `audit` for container, schema, names and headers of arrays; `verify` also for the contents of
    /// types that promise something, and the checksum of every payload
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LevelName::Audit)]
    level: LevelName,
    /// How to print the report
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = parse_format)]
    format: Format,
    /// Write a report to this file, too, which appears once it is complete; its format is given before it, as in
    /// `junit=report.xml`, or by its ending (.json, .jsonl, .sarif, .xml, .md, .txt). May be given several times
    #[arg(short, long = "output", value_name = "[FORMAT=]FILE", value_parser = parse_output)]
    outputs: Vec<(Format, PathBuf)>,
    /// Read paths from this file, one a line; `-` is standard input
    #[arg(long, value_name = "LIST")]
    files_from: Option<PathBuf>,
    /// Paths in --files-from end with NUL characters, as `find -print0` writes them
    #[arg(short = '0', long, requires = "files_from")]
    null: bool,
    /// Deny the file unless it has this SHA-256; for one file
    #[arg(long, value_name = "HEX")]
    expect_sha256: Option<Sha256>,
    /// Do not compute SHA-256, which takes as long as reading the whole file
    #[arg(long, conflicts_with_all = ["expect_sha256", "copy_to"])]
    no_sha256: bool,
    /// Publish each file that passes to this folder: exactly the bytes that were checked
    #[arg(long, value_name = "DIR")]
    copy_to: Option<PathBuf>,
    /// Let --copy-to replace files that have another content
    #[arg(long, requires = "copy_to")]
    replace: bool,
    /// Stop at the first file, in order, that does not pass; those after it are counted as not checked
    #[arg(long, overrides_with = "keep_going")]
    fail_fast: bool,
    /// Judge all files, whatever the others are; this is what happens unless --fail-fast is given
    #[arg(long, overrides_with = "fail_fast")]
    keep_going: bool,
    /// In folders, follow links to folders, which are errors otherwise
    #[arg(long)]
    follow_links: bool,
    /// How many files to judge at once; as many as there are cores, unless given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Files or folders; `-` is standard input
    #[arg(value_name = "PATH", required_unless_present = "files_from")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelName {
    Audit,
    Verify,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Audit => Self::Audit,
            LevelName::Verify => Self::Verify,
        }
    }
}

fn parse_format(text: &str) -> Result<Format, String> {
    let names = || Format::ALL.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", ");
    Format::from_name(text).ok_or_else(|| format!("there is no such format; use one of {}", names()))
}

fn parse_output(text: &str) -> Result<(Format, PathBuf), String> {
    if let Some((format, path)) = text.split_once('=')
        && let Some(format) = Format::from_name(format)
    {
        return Ok((format, path.into()));
    }
    let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
    match extension.and_then(Format::from_extension) {
        Some(format) => Ok((format, text.into())),
        None => Err(
            "its ending does not say which format is meant; write it before the file, as in `json=report`"
                .to_owned(),
        ),
    }
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let paths = match arguments.paths() {
        Ok(paths) => paths,
        Err(outcome) => return Ok(outcome),
    };
    if let Some(text) = arguments.misuse(&paths) {
        return Ok(output::usage(&text));
    }
    let policy = match arguments.policy.read() {
        Ok(policy) => policy,
        Err(outcome) => return Ok(outcome),
    };
    arguments.warn_of_policy(&paths);
    let checker = arguments.checker(policy.policy.clone());
    let head = policy.head(&checker);
    let mut reports = Reports::start(arguments, &head);
    let Found { inputs, skipped, .. } = arguments.finder().find(paths);
    let progress = Progress::new(&inputs);
    let summary = checker.run(&inputs, &arguments.pace(), |verdict| {
        progress.aside(|| reports.add(&Arc::new(verdict)));
        progress.step();
        Ok(())
    });
    progress.end();
    let mut summary = summary?;
    summary.skipped = skipped;
    let outcome = super::outcome_of(summary.outcome());
    reports.finish(&summary, &checker);
    Ok(if reports.failed { outcome.max(Outcome::Io) } else { outcome })
}

impl Arguments {
    /// The paths of the arguments and of the list.
    fn paths(&self) -> Result<Vec<PathBuf>, Outcome> {
        let mut paths = self.paths.clone();
        if let Some(list) = &self.files_from {
            let read = if list.as_os_str() == "-" {
                read_list(io::stdin().lock(), self.null)
            } else {
                File::open(list).and_then(|file| read_list(BufReader::new(file), self.null))
            };
            paths.extend(read.map_err(|error| {
                output::report(&list.to_string_lossy(), &Error::cannot("read the list of files", error));
                Outcome::Io
            })?);
        }
        Ok(paths)
    }

    /// What does not go together.
    fn misuse(&self, paths: &[PathBuf]) -> Option<String> {
        let stdin = |path: &&PathBuf| path.as_os_str() == "-";
        let list = self.files_from.iter().filter(stdin).count();
        if paths.iter().filter(stdin).count().saturating_add(list) > 1 {
            return Some("standard input can be read once; `-` stands there more than once".to_owned());
        }
        if self.expect_sha256.is_some() && (paths.len() != 1 || paths.iter().any(|path| path.is_dir())) {
            return Some("--expect-sha256 is for one file".to_owned());
        }
        let mut outputs: Vec<_> = self.outputs.iter().map(|(_, path)| path).collect();
        outputs.sort_unstable();
        #[expect(clippy::disallowed_methods, reason = "2 is not 0")]
        let is_twice = outputs.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
        if is_twice {
            return Some("two reports are to be written to one file".to_owned());
        }
        if paths.is_empty() {
            return Some("the list of files is empty, so nothing would be checked".to_owned());
        }
        if let Some(folder) = self.copy_to.as_deref().and_then(|to| paths.iter().find(|path| holds(path, to)))
        {
            return Some(format!(
                "--copy-to leads into {}, which is to be checked: what is published would be found again",
                shown_path(&folder.to_string_lossy())
            ));
        }
        let folder = paths.iter().find(|path| self.policy.is_implied() && holds_working_directory(path))?;
        Some(format!(
            "{FILE_NAME} of the working directory lies in {}, which is to be checked: whoever wrote the models may have \
             written it. If it is yours, say so: --policy {FILE_NAME}",
            shown_path(&folder.to_string_lossy())
        ))
    }

    /// Says so when the policy of the working directory lies beside a file that it judges.
    fn warn_of_policy(&self, paths: &[PathBuf]) {
        let here = Path::new(".").canonicalize().ok().filter(|_| self.policy.is_implied());
        let folder = |path: &PathBuf| path.canonicalize().ok()?.parent().map(Path::to_owned);
        if let Some(path) = paths.iter().find(|path| here.is_some() && folder(path) == here) {
            let path = shown_path(&path.to_string_lossy());
            output::say(&format!(
                "warning: {FILE_NAME} of the working directory lies beside {path}, which it judges; if whoever wrote the \
                 model could have written it, too, pass your own: --policy FILE\n"
            ));
        }
    }

    fn checker(&self, policy: Policy) -> Checker {
        let mut checker = Checker::new(policy).with_level(self.level.into());
        if self.no_sha256 {
            checker = checker.without_hash();
        }
        if self.format == Format::Sarif || self.outputs.iter().any(|(format, _)| *format == Format::Sarif) {
            checker = checker.with_regions();
        }
        if let Some(sha256) = self.expect_sha256 {
            checker = checker.expecting(sha256);
        }
        if let Some(folder) = &self.copy_to {
            let publisher = Publisher::new(folder);
            checker = checker.publishing(if self.replace { publisher.replacing() } else { publisher });
        }
        checker
    }

    fn finder(&self) -> Finder {
        let mut finder = Finder::default();
        finder.follow_links = self.follow_links;
        finder
    }

    fn pace(&self) -> Pace {
        let mut pace = Pace::default();
        pace.fail_fast = self.fail_fast;
        if let Some(jobs) = self.jobs {
            pace.threads = jobs.into();
        }
        pace
    }
}

/// Whether a folder is another, or one that it is, or will be, in.
fn holds(folder: &Path, other: &Path) -> bool {
    let there = other
        .ancestors()
        .filter(|part| !part.as_os_str().is_empty())
        .find_map(|part| part.canonicalize().ok());
    let there = there.or_else(|| Path::new(".").canonicalize().ok());
    folder.is_dir()
        && folder.canonicalize().is_ok_and(|folder| there.is_some_and(|there| there.starts_with(folder)))
}

/// Whether a folder is the working directory, or one that it is in.
fn holds_working_directory(path: &Path) -> bool {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let folder = path.canonicalize();
    path.is_dir() && here.is_ok_and(|here| folder.is_ok_and(|folder| here.starts_with(folder)))
}

/// The reports that are written. One that cannot be does not keep the others from it.
struct Reports {
    reports: Vec<Report>,
    failed: bool,
}

/// A report: its file, or standard output, and the way to write it, until that fails.
struct Report {
    path: Option<PathBuf>,
    writer: Option<Writer<Target>>,
}

/// What is written to.
enum Target {
    Stdout(io::BufWriter<io::StdoutLock<'static>>),
    File(Whole),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(whole) => whole.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(whole) => whole.flush(),
        }
    }
}

impl Target {
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::File(whole) => whole.finish(),
        }
    }
}

impl Reports {
    /// Starts the reports that the arguments ask for.
    fn start(arguments: &Arguments, head: &Head) -> Self {
        let stdout = Writer::new(arguments.format, head.clone(), Target::Stdout(output::stdout()));
        let mut reports = Self { reports: vec![Report { path: None, writer: Some(stdout) }], failed: false };
        for (format, path) in &arguments.outputs {
            match Whole::create(path) {
                Ok(whole) => {
                    let writer = Some(Writer::new(*format, head.clone(), Target::File(whole)));
                    reports.reports.push(Report { path: Some(path.clone()), writer });
                }
                Err(error) => reports.fail(Some(path), error),
            }
        }
        reports
    }

    fn add(&mut self, verdict: &Arc<Verdict>) {
        let mut reports = std::mem::take(&mut self.reports);
        for Report { path, writer } in &mut reports {
            if let Some(Err(error)) = writer.as_mut().map(|writer| writer.add(verdict)) {
                *writer = None;
                self.fail(path.as_deref(), error);
            }
        }
        self.reports = reports;
    }

    fn finish(&mut self, summary: &Summary, checker: &Checker) {
        for Report { path, writer } in std::mem::take(&mut self.reports) {
            let written = writer.map(|writer| writer.finish(summary, checker).and_then(Target::finish));
            if let Some(Err(error)) = written {
                self.fail(path.as_deref(), error);
            }
        }
    }

    fn fail(&mut self, path: Option<&Path>, error: io::Error) {
        // Whoever closed the pipe has seen enough, and the verdict stands.
        if path.is_none() && error.kind() == io::ErrorKind::BrokenPipe {
            return;
        }
        let name = path.map_or_else(|| "standard output".into(), Path::to_string_lossy);
        output::report(&name, &Error::cannot("write the report", error));
        self.failed = true;
    }
}

/// A bar on a terminal, when it takes long.
struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
}

/// What takes less is over before anyone looks.
const LONG: Duration = Duration::from_millis(700);

impl Progress {
    fn new(inputs: &[Input]) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {pos}/{len} files, {elapsed} of about {duration}");
            let bar = ProgressBar::hidden();
            bar.set_length(inputs.len() as u64);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, start: Instant::now() }
    }

    fn step(&self) {
        let Some(bar) = &self.bar else { return };
        if bar.is_hidden() && self.start.elapsed() > LONG {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.inc(1);
    }

    /// Lets something else be printed.
    fn aside(&self, print: impl FnOnce()) {
        match &self.bar {
            // Where the report goes elsewhere, it does not get into the way of the bar.
            Some(bar) if io::stdout().is_terminal() => bar.suspend(print),
            _ => print(),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
