//! Sparse matrices, as `scipy.sparse.save_npz` writes them: an archive of arrays.
//!
//! `load_npz` looks up the format's name in scipy itself, so the name is read here, and the members must be those
//! of the format. Source: `scipy/sparse/_matrix_io.py`, scipy 1.9 to 1.17.

use super::{ArrayHeader, Dtype, Kind};
use crate::archive::{Archive, Entry, check_payload_size};
use crate::error::{Code, Error, Result};
use crate::text::shown;

/// How a sparse matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SparseFormat {
    /// Compressed rows.
    Csr,
    /// Compressed columns.
    Csc,
    /// Coordinates.
    Coo,
    /// Compressed rows of blocks.
    Bsr,
    /// Diagonals.
    Dia,
}

impl SparseFormat {
    const ALL: [Self; 5] = [Self::Csr, Self::Csc, Self::Coo, Self::Bsr, Self::Dia];

    /// The name that scipy gives it, such as `csr`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csr => "csr",
            Self::Csc => "csc",
            Self::Coo => "coo",
            Self::Bsr => "bsr",
            Self::Dia => "dia",
        }
    }

    /// The members besides `format`, `shape` and `data`; for coo there are two ways.
    fn members(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Csr | Self::Csc | Self::Bsr => &[&["indices", "indptr"]],
            Self::Coo => &[&["row", "col"], &["coords"]],
            Self::Dia => &[&["offsets"]],
        }
    }

    /// The members with indices that an archive has, or ought to have.
    pub(super) fn index_members(self, archive: &Archive) -> &'static [&'static str] {
        let has = |name: &str| archive.entry(&format!("{name}.npy")).is_some();
        let ways = self.members();
        let way = ways.iter().find(|names| names.iter().any(|name| has(name))).or(ways.first());
        way.copied().unwrap_or_default()
    }
}

/// What the headers and the small members of a sparse matrix say.
#[derive(Debug)]
pub(crate) struct SparseHeader {
    pub(crate) format: SparseFormat,
    /// Whether scipy makes an array of it (`csr_array`) rather than a matrix. `None` where the file does not say.
    pub(crate) is_array: Option<bool>,
    pub(crate) shape: Vec<u64>,
    pub(crate) data: ArrayHeader,
    /// Bytes of all members once decompressed.
    pub(crate) bytes: u64,
}

impl SparseHeader {
    pub(crate) fn read(archive: &Archive, entry: &Entry) -> Result<Self> {
        let nested = archive.open_nested(entry, 1)?;
        let header = Self::read_members(&nested).map_err(|error| error.within_entry(&entry.name))?;
        // Data that is compressed twice may expand no further than any other.
        let limits = archive.limits();
        check_payload_size(header.bytes, entry.compressed, limits)
            .map_err(|error| error.in_entry(&entry.name))?;
        Ok(header)
    }

    fn read_members(archive: &Archive) -> Result<Self> {
        let format = read_format(archive)?;
        let is_array = match archive.entry("_is_array.npy") {
            None => None,
            Some(entry) => Some(read_bool(archive, entry)?),
        };
        let shape = read_shape(archive, member(archive, "shape")?)?;
        let data = ArrayHeader::read(archive, member(archive, "data")?)?;
        let sizes = archive.entries().iter().map(|entry| entry.size);
        let bytes = sizes.fold(0, u64::saturating_add);
        let header = Self { format, is_array, shape, data, bytes };
        header.check_members(archive)?;
        Ok(header)
    }

    /// The members must be those of the format, and their lengths must fit each other.
    fn check_members(&self, archive: &Archive) -> Result<()> {
        let rank = |name: &str| -> Result<ArrayHeader> {
            let entry = member(archive, name)?;
            let header = ArrayHeader::read(archive, entry)?;
            let integers = matches!(&header.dtype, Dtype::Scalar(scalar) if matches!(scalar.kind, Kind::Int | Kind::Uint));
            if integers {
                Ok(header)
            } else {
                Err(Error::new(Code::NpzMembers, format!("indices of dtype {}", header.dtype))
                    .in_entry(&entry.name))
            }
        };
        let names = self.format.index_members(archive);
        let indices = names.iter().map(|name| rank(name)).collect::<Result<Vec<_>>>()?;
        let expected =
            3_usize.saturating_add(names.len()).saturating_add(usize::from(self.is_array.is_some()));
        if archive.entries().len() != expected {
            let known = |name: &str| {
                let stem = name.strip_suffix(".npy").unwrap_or(name);
                ["format", "shape", "data", "_is_array"].contains(&stem) || names.contains(&stem)
            };
            let unknown = archive.entries().iter().find(|entry| !known(&entry.name));
            let name = unknown.map_or("?", |entry| &*entry.name);
            let found = format!("the member {name} in a {} matrix", self.format.as_str());
            return Err(Error::new(Code::NpzMembers, found).in_entry(name));
        }
        let shapes: Vec<_> = indices.iter().map(|header| header.shape.as_slice()).collect();
        // Arrays have any number of dimensions that their format allows, matrices two.
        let has_dimensions =
            if self.is_array == Some(true) { !self.shape.is_empty() } else { self.shape.len() == 2 };
        if has_dimensions && shapes_fit(self.format, &self.shape, &self.data.shape, &shapes) {
            return Ok(());
        }
        let shown: Vec<_> = shapes.iter().map(|shape| super::show_shape(shape)).collect();
        let found = format!(
            "a {} matrix of shape {} with data of shape {} and {} of shapes {}",
            self.format.as_str(),
            super::show_shape(&self.shape),
            super::show_shape(&self.data.shape),
            names.join(" and "),
            shown.join(" and ")
        );
        Err(Error::new(Code::ShapeMismatch, found))
    }
}

/// Whether the shapes of data and indices fit each other and the matrix.
pub(super) fn shapes_fit(format: SparseFormat, shape: &[u64], data: &[u64], indices: &[&[u64]]) -> bool {
    let pointers =
        |along: Option<&u64>, pointers: u64| along.and_then(|size| size.checked_add(1)) == Some(pointers);
    match (format, data, indices) {
        // `csr_array` may have one dimension: one row.
        (SparseFormat::Csr, [stored], [[indices], [indptr]]) => {
            let rows = match shape {
                [_] => Some(&1),
                [rows, _] => Some(rows),
                _ => None,
            };
            stored == indices && pointers(rows, *indptr)
        }
        (SparseFormat::Csc, [stored], [[indices], [indptr]]) => {
            stored == indices && shape.len() == 2 && pointers(shape.get(1), *indptr)
        }
        (SparseFormat::Bsr, [blocks, rows, _], [[indices], [indptr]]) => {
            let block_rows = shape.first().and_then(|size| size.checked_div(*rows));
            blocks == indices && shape.len() == 2 && pointers(block_rows.as_ref(), *indptr)
        }
        (SparseFormat::Coo, [stored], [[row], [column]]) => {
            stored == row && stored == column && shape.len() == 2
        }
        (SparseFormat::Coo, [stored], [[axes, coordinates]]) => {
            stored == coordinates && *axes == shape.len() as u64
        }
        (SparseFormat::Dia, [diagonals, _], [[offsets]]) => diagonals == offsets && shape.len() == 2,
        _ => false,
    }
}

pub(super) fn member<'a>(archive: &'a Archive, name: &str) -> Result<&'a Entry> {
    archive
        .entry(&format!("{name}.npy"))
        .ok_or_else(|| Error::new(Code::NpzMembers, format!("a sparse matrix without the member {name}.npy")))
}

/// A member that is small enough to be read whole, with its header.
#[expect(clippy::disallowed_methods, reason = "the offset is at most the length")]
fn read_small(archive: &Archive, entry: &Entry) -> Result<(ArrayHeader, Vec<u8>)> {
    const MOST: u64 = 64 << 10;
    let header = ArrayHeader::read(archive, entry)?;
    if entry.size > MOST {
        let found = format!("a member of {} bytes that ought to be small", entry.size);
        return Err(Error::new(Code::NpzMembers, found).in_entry(&entry.name));
    }
    let mut bytes = archive.read(entry)?;
    let data_offset = usize::try_from(header.data_offset).unwrap_or(usize::MAX);
    Ok((header, bytes.split_off(data_offset.min(bytes.len()))))
}

/// The format's name: bytes, or text in files of scipy before 1.0.
fn read_format(archive: &Archive) -> Result<SparseFormat> {
    let entry = member(archive, "format")?;
    let (header, bytes) = read_small(archive, entry)?;
    let name: Vec<u8> = match &header.dtype {
        Dtype::Scalar(scalar) if scalar.kind == Kind::Bytes && header.shape.is_empty() => bytes,
        Dtype::Scalar(scalar)
            if scalar.kind == Kind::Unicode && header.shape.is_empty() && !scalar.big_endian =>
        {
            let (units, _) = bytes.as_chunks::<4>();
            units.iter().map(|unit| u8::try_from(u32::from_le_bytes(*unit)).unwrap_or(b'?')).collect()
        }
        dtype => {
            let found = format!("a format of dtype {dtype} and shape {}", super::show_shape(&header.shape));
            return Err(Error::new(Code::NpzFormat, found).in_entry(&entry.name));
        }
    };
    let name = String::from_utf8_lossy(&name);
    SparseFormat::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
        Error::new(Code::NpzFormat, format!("the sparse format '{}'", shown(&name))).in_entry(&entry.name)
    })
}

fn read_bool(archive: &Archive, entry: &Entry) -> Result<bool> {
    let (header, bytes) = read_small(archive, entry)?;
    let is_bool = matches!(&header.dtype, Dtype::Scalar(scalar) if scalar.kind == Kind::Bool);
    match bytes.as_slice() {
        [value @ (0 | 1)] if is_bool && header.shape.is_empty() => Ok(*value == 1),
        _ => Err(Error::new(Code::NpzMembers, "an `_is_array` that is no single bool").in_entry(&entry.name)),
    }
}

/// The matrix's shape: one or two sizes as integers of 8 bytes, or of 4 in files from some platforms.
fn read_shape(archive: &Archive, entry: &Entry) -> Result<Vec<u64>> {
    let (header, bytes) = read_small(archive, entry)?;
    let refused = || Error::new(Code::NpzMembers, "a `shape` that is no list of sizes").in_entry(&entry.name);
    let sizes: Vec<Option<u64>> = match &header.dtype {
        Dtype::Scalar(scalar) if scalar.kind == Kind::Int && scalar.size == 8 && !scalar.big_endian => {
            let (sizes, _) = bytes.as_chunks::<8>();
            sizes.iter().map(|size| u64::try_from(i64::from_le_bytes(*size)).ok()).collect()
        }
        Dtype::Scalar(scalar) if scalar.kind == Kind::Int && scalar.size == 4 && !scalar.big_endian => {
            let (sizes, _) = bytes.as_chunks::<4>();
            sizes.iter().map(|size| u64::try_from(i32::from_le_bytes(*size)).ok()).collect()
        }
        _ => return Err(refused()),
    };
    if header.shape.len() != 1 || sizes.len() > archive.limits().array_rank {
        return Err(refused());
    }
    sizes.into_iter().collect::<Option<_>>().ok_or_else(refused)
}
