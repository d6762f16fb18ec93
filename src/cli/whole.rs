//! Files that appear under their name once they are complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that appears under its name once it is complete.
pub(crate) struct Whole {
    path: PathBuf,
    /// What is written to; `None` once it has its name, and for what is no file, such as a pipe or `/dev/null`, which is
    /// written to as it is.
    temporary: Option<PathBuf>,
    out: BufWriter<File>,
}

impl Whole {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let is_special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        let (file, temporary) = if is_special {
            (File::options().write(true).open(path)?, None)
        } else {
            let mut name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
            name.push(format!(".{}.part", std::process::id()));
            let temporary = path.with_file_name(name);
            (File::create_new(&temporary)?, Some(temporary))
        };
        Ok(Self { path: path.to_owned(), temporary, out: BufWriter::with_capacity(64 << 10, file) })
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.path)?;
        }
        self.temporary = None;
        Ok(())
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // It is of no use, and if it cannot be removed there is nothing else to do.
            let _ = fs::remove_file(temporary);
        }
    }
}
