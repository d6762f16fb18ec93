//! Loads a model, and says how long it took. `benches/load.py` runs it beside joblib and skops.
//!
//! ```sh
//! cargo run --release --features parallel --example load -- \
//!     --mode eager --threads 2 --trust sklearn.tree._tree.Tree forest.skops
//! ```
//!
//! `load [--mode MODE] [--threads N] [--runs N] [--sum] [--trust NAME]... FILE` does one of these, N times:
//!
//! | mode | what is done | `check` |
//! |---|---|---|
//! | `audit` | the file is audited, as it is before anything is loaded | names that it refers to |
//! | `lazy` | it is loaded, and one array asked for: the thresholds of a forest's first tree | the sum of its bytes |
//! | `eager` | it is loaded, and all arrays are read | arrays, or with `--sum` the sum of all their bytes |
//! | `verify` | as `eager`; then the contents of all objects are checked | the same |
//! | `inflate` | for scale: all entries are read and decompressed, with no check of anything | bytes |
//!
//! A run starts with opening the file and ends when what was asked for is in memory. It does not include freeing that,
//! which is done before the next run starts. `array_bytes` is how much memory the items of all arrays take that a run
//! read; in mode `inflate`, all decompressed bytes.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use flate2::{Decompress, FlushDecompress, Status};
use serde_json::json;
use skops_rs::{Archive, Audit, LoadOptions, Method, Model, NdArray, TrustList, Value, load, load_with};

const USAGE: &str = "usage: load [--mode audit|lazy|eager|verify|inflate] [--threads N] [--runs N] [--sum] \
                     [--trust NAME]... FILE";
/// The array that mode `lazy` asks for, and the field of it.
const ARRAY: &str = "estimators_[0].tree_.nodes";
const FIELD: &str = "threshold";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("--version") {
        println!("skops-rs {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    match Arguments::parse(env::args().skip(1)).and_then(|arguments| arguments.measure()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    mode: String,
    threads: usize,
    runs: usize,
    sum: bool,
    trust: TrustList,
    file: PathBuf,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut mode, mut threads, mut runs, mut sum) = ("eager".to_owned(), 1, 1, false);
        // What skops trusts by default, and what the caller adds by name.
        let mut trust = TrustList::default();
        let mut file = None;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(USAGE);
            match &*word {
                "--mode" => mode = value()?,
                "--threads" => threads = value()?.parse()?,
                "--runs" => runs = value()?.parse()?,
                "--sum" => sum = true,
                "--trust" => trust = trust.allow(&value()?)?,
                _ if word.starts_with('-') || file.is_some() => return Err(USAGE.into()),
                _ => file = Some(PathBuf::from(word)),
            }
        }
        if threads > 1 && mode != "inflate" && !cfg!(feature = "parallel") {
            return Err("several threads need the feature `parallel`".into());
        }
        Ok(Self { mode, threads, runs, sum, trust, file: file.ok_or(USAGE)? })
    }

    /// Does what was asked for as often as was asked, and returns the line of JSON.
    fn measure(&self) -> Result<serde_json::Value> {
        let parts = if self.mode == "inflate" { locate(&self.file)? } else { Vec::new() };
        let mut times = Vec::new();
        let mut result = None;
        for _ in 0..self.runs {
            drop(result.take());
            let start = Instant::now();
            let done = self.run(&parts)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            result = Some(done);
        }
        let (array_bytes, check) = result.ok_or(USAGE)?.tally(self.sum)?;
        Ok(json!({
            "mode": self.mode,
            "threads": self.threads,
            "runs_ms": times,
            "array_bytes": array_bytes,
            "check": check,
        }))
    }

    /// One run.
    fn run(&self, parts: &[Part]) -> Result<Done> {
        Ok(match &*self.mode {
            "audit" => Done::Audit(Archive::open(&self.file)?.schema()?.audit()?),
            "lazy" => {
                let model = load(&self.file, &self.trust)?;
                let array = model.at(ARRAY)?.ndarray()?;
                let field = array.field(FIELD)?;
                field.view::<f64>()?;
                Done::Array { array, field, _model: model }
            }
            "eager" => Done::Model(self.load_eagerly()?),
            "verify" => {
                let model = self.load_eagerly()?;
                model.verify()?;
                Done::Model(model)
            }
            "inflate" => Done::Bytes(inflate_all(&self.file, parts, self.threads)?),
            _ => return Err(USAGE.into()),
        })
    }

    fn load_eagerly(&self) -> Result<Model> {
        let mut options = LoadOptions::default();
        options.eager = true;
        options.threads = self.threads;
        Ok(load_with(&self.file, &self.trust, &options)?)
    }
}

/// What a run made.
enum Done {
    Audit(Audit),
    Array { array: NdArray, field: NdArray, _model: Model },
    Model(Model),
    Bytes(Vec<Vec<u8>>),
}

impl Done {
    /// The bytes of the arrays, and a number that shows that they are there.
    fn tally(&self, sum: bool) -> Result<(usize, u64)> {
        match self {
            Self::Audit(audit) => Ok((0, audit.references().len() as u64)),
            Self::Array { array, field, .. } => {
                let thresholds = field.view::<f64>()?;
                Ok((array.nbytes(), thresholds.iter().map(|item| byte_sum(&item.to_le_bytes())).sum()))
            }
            Self::Model(model) => {
                let arrays = arrays(model)?;
                let bytes = arrays.iter().map(NdArray::nbytes).sum();
                let sums = arrays.iter().filter_map(NdArray::bytes).map(byte_sum);
                Ok((bytes, if sum { sums.sum() } else { arrays.len() as u64 }))
            }
            Self::Bytes(entries) => {
                let bytes = entries.iter().map(Vec::len).sum();
                Ok((bytes, bytes as u64))
            }
        }
    }
}

/// All arrays of a model, those of its sparse matrices included.
fn arrays(model: &Model) -> Result<Vec<NdArray>> {
    let mut arrays = Vec::new();
    for object in model.objects().filter(|object| object.array_info().is_some()) {
        match object.value()? {
            Value::Array(array) | Value::Scalar(array) => arrays.push(array),
            Value::Sparse(matrix) => {
                arrays.push(matrix.data().clone());
                arrays.extend(matrix.index_arrays().map(|(_, array)| array.clone()));
            }
            _ => {}
        }
    }
    Ok(arrays)
}

fn byte_sum(bytes: &[u8]) -> u64 {
    bytes.iter().copied().map(u64::from).sum()
}

// ---- mode `inflate`: what reading and decompressing take at the least

/// The compressed bytes of an entry.
struct Part {
    method: Method,
    offset: u64,
    compressed: usize,
    size: usize,
}

/// Finds where the compressed bytes of all entries are. [`Archive`] has made sure that entries lie one after the other
/// from the first byte of the file.
fn locate(path: &Path) -> Result<Vec<Part>> {
    let archive = Archive::open(path)?;
    let mut file = File::open(path)?;
    let mut parts = Vec::new();
    for entry in archive.entries() {
        let mut header = [0; 30];
        file.read_exact(&mut header)?;
        let [_, _, _, _, _, _, flags, .., name_low, name_high, extra_low, extra_high] = header;
        if flags & 8 != 0 {
            return Err("entries that have a data descriptor are not looked for here".into());
        }
        file.seek_relative(u16::from_le_bytes([name_low, name_high]).into())?;
        file.seek_relative(u16::from_le_bytes([extra_low, extra_high]).into())?;
        parts.push(Part {
            method: entry.method,
            offset: file.stream_position()?,
            compressed: entry.compressed.try_into()?,
            size: entry.size.try_into()?,
        });
        file.seek_relative(entry.compressed.try_into()?)?;
    }
    Ok(parts)
}

/// Decompresses all entries, each into memory of its own, by several threads.
fn inflate_all(path: &Path, parts: &[Part], threads: usize) -> Result<Vec<Vec<u8>>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<Vec<u8>>> {
        let mut inflater = Inflater::open(path)?;
        let mut entries = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            entries.push(inflater.read(part)?);
        }
        Ok(entries)
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut entries = work()?;
        for other in others {
            entries.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?);
        }
        Ok(entries)
    })
}

/// Decompresses entries in one call each, with buffers that are used again: the fastest that `flate2` has.
struct Inflater {
    file: File,
    compressed: Vec<u8>,
    decoder: Decompress,
}

impl Inflater {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, compressed: Vec::new(), decoder: Decompress::new(false) })
    }

    fn read(&mut self, part: &Part) -> Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(part.offset))?;
        if part.method == Method::Stored {
            let mut data = vec![0; part.size];
            self.file.read_exact(&mut data)?;
            return Ok(data);
        }
        if part.method != Method::Deflated {
            return Err(format!("{:?} is not deflate", part.method).into());
        }
        self.compressed.resize(part.compressed, 0);
        self.file.read_exact(&mut self.compressed)?;
        let mut data = Vec::with_capacity(part.size);
        self.decoder.reset(false);
        let status = self.decoder.decompress_vec(&self.compressed, &mut data, FlushDecompress::Finish)?;
        if status == Status::StreamEnd && data.len() == part.size {
            Ok(data)
        } else {
            Err(format!("{} bytes where there should be {}", data.len(), part.size).into())
        }
    }
}
