//! `skops-rs export`: a model as plain JSON.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use skops_rs::export::{self, Arrays};
use skops_rs::{Error, Model, NdArray};

use super::Outcome;
use super::options::{Input, LimitArguments, TrustArguments, outcome};
use super::output;
use super::whole::Whole;

/// Write a model as plain JSON: parameters, fitted attributes, arrays
///
/// The whole model is built and its contents are checked first; every type in it must be trusted.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(crate) struct Arguments {
    /// What becomes of arrays: part of the JSON, files beside it (needs --output), or only their dtype and shape
    #[arg(long, value_enum, value_name = "HOW", default_value_t = How::Inline)]
    arrays: How,
    /// Write to this file, which appears once it is complete, instead of standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Input,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    Inline,
    Npy,
    None,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let name = arguments.file.name();
    if arguments.arrays == How::Npy && arguments.output.is_none() {
        return Ok(output::usage("--arrays npy writes files beside the JSON, so it needs --output OUT"));
    }
    let model = match arguments.model() {
        Ok(model) => model,
        Err(error) => {
            output::report(&name, &error);
            return Ok(outcome(&error));
        }
    };
    output::warn(&name, model.audit());
    let Err(error) = arguments.write(&model) else { return Ok(Outcome::Done) };
    if let Some(failed) = error.io_error() {
        // Reading is done: what fails here is the output.
        let Some(path) = &arguments.output else {
            return Err(io::Error::new(failed.kind(), failed.to_string()));
        };
        output::report(&path.to_string_lossy(), &error);
        return Ok(Outcome::Io);
    }
    output::report(&name, &error);
    Ok(outcome(&error))
}

impl Arguments {
    /// The model, read and checked.
    fn model(&self) -> Result<Model, Error> {
        let model = self.file.audit(self.limits.limits())?.vet(&self.trust.list())?.load();
        model.read_all()?;
        model.verify()?;
        Ok(model)
    }

    fn write(&self, model: &Model) -> Result<(), Error> {
        let Some(path) = &self.output else {
            let mut out = output::stdout();
            export::write(model, &self.inline_or_left(), &mut out)?;
            return out.flush().map_err(|error| Error::cannot("write the export", error));
        };
        let mut whole = Whole::create(path).map_err(|error| Error::cannot("write the export", error))?;
        let files = Files { of: path, count: Cell::new(0) };
        let save = |array: &NdArray, _path: &str| files.save(array);
        match self.arrays {
            How::Npy => export::write(model, &Arrays::Saved(&save), &mut whole)?,
            How::Inline | How::None => export::write(model, &self.inline_or_left(), &mut whole)?,
        }
        whole.finish().map_err(|error| Error::cannot("write the export", error))
    }

    fn inline_or_left(&self) -> Arrays<'static> {
        if self.arrays == How::Inline { Arrays::Inline } else { Arrays::Left }
    }
}

/// The arrays beside the JSON: `model.json` has `model.1.npy`, `model.2.npy` and so on.
struct Files<'a> {
    of: &'a Path,
    count: Cell<usize>,
}

impl Files<'_> {
    fn save(&self, array: &NdArray) -> io::Result<String> {
        self.count.set(self.count.get().saturating_add(1));
        let stem = self.of.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{stem}.{}.npy", self.count.get());
        let path = self.of.with_file_name(&name);
        let mut whole = Whole::create(&path)?;
        array.write_npy(&mut whole)?;
        whole.finish()?;
        Ok(name)
    }
}
