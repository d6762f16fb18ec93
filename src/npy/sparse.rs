//! Sparse matrices, whose indices are checked when they are read: scipy follows them without looking.

use std::fmt;

use super::array::NdArray;
use super::npz::{SparseHeader, member, shapes_fit};
use super::{ArrayHeader, SparseFormat, show_shape};
use crate::archive::{Archive, Entry};
use crate::error::{Code, Error, Result};

/// A sparse matrix or array of scipy's.
///
/// Its indices are in range, so that what is at a stored position can be looked up without checking again.
#[derive(Clone)]
pub struct SparseMatrix {
    format: SparseFormat,
    is_array: Option<bool>,
    shape: Vec<usize>,
    data: NdArray,
    indices: Vec<(&'static str, NdArray)>,
}

impl SparseMatrix {
    /// Reads a matrix whose headers are known, and checks its indices.
    pub(crate) fn read(archive: &Archive, entry: &Entry, header: &SparseHeader) -> Result<Self> {
        // The members have checksums of their own, but so has the archive that they are in.
        archive.check(entry)?;
        let nested = archive.open_nested(entry, 1)?;
        Self::read_members(&nested, header).map_err(|error| error.within_entry(&entry.name))
    }

    fn read_members(archive: &Archive, header: &SparseHeader) -> Result<Self> {
        let read = |name: &str| {
            let entry = member(archive, name)?;
            NdArray::read(archive, entry, &ArrayHeader::read(archive, entry)?)
        };
        let names = header.format.index_members(archive).iter();
        let size = |size: &u64| {
            let found = "a matrix with more rows or columns than memory has addresses";
            usize::try_from(*size).map_err(|_| Error::new(Code::NpySize, found))
        };
        let matrix = Self {
            format: header.format,
            is_array: header.is_array,
            shape: header.shape.iter().map(size).collect::<Result<_>>()?,
            data: read("data")?,
            indices: names.map(|name| Ok((*name, read(name)?))).collect::<Result<_>>()?,
        };
        match matrix.fault() {
            None => Ok(matrix),
            Some(fault) => {
                let found = format!("{matrix:?} {fault}");
                Err(Error::new(Code::InvariantSparse, found))
            }
        }
    }

    /// How the matrix is stored.
    #[must_use]
    pub fn format(&self) -> SparseFormat {
        self.format
    }

    /// Whether scipy makes an array of it (`csr_array`) rather than a matrix (`csr_matrix`). `None` where the file
    /// does not say; scipy then makes a matrix.
    #[must_use]
    pub fn is_array(&self) -> Option<bool> {
        self.is_array
    }

    /// Rows and columns; arrays may have another number of dimensions.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values that are stored.
    #[must_use]
    pub fn data(&self) -> &NdArray {
        &self.data
    }

    /// The arrays of indices, by the names that scipy gives them: `indices` and `indptr` (csr, csc, bsr), `row` and
    /// `col`, or `coords` (coo), `offsets` (dia).
    #[must_use]
    pub fn index_arrays(&self) -> impl ExactSizeIterator<Item = (&'static str, &NdArray)> {
        self.indices.iter().map(|(name, array)| (*name, array))
    }

    /// An array of indices by name. `None` for one that this format does not have.
    #[must_use]
    pub fn index_array(&self, name: &str) -> Option<&NdArray> {
        self.indices.iter().find(|(other, _)| *other == name).map(|(_, array)| array)
    }

    /// What is wrong with a matrix of these parts, in words, that are not from an archive: nothing is known of their
    /// lengths.
    pub(crate) fn fault_of(
        format: SparseFormat,
        shape: Vec<usize>,
        data: NdArray,
        indices: Vec<(&'static str, NdArray)>,
    ) -> Option<String> {
        let wide = |shape: &[usize]| shape.iter().map(|size| *size as u64).collect::<Vec<_>>();
        let shapes: Vec<_> = indices.iter().map(|(_, array)| wide(array.shape())).collect();
        let shapes: Vec<_> = shapes.iter().map(Vec::as_slice).collect();
        let fits = shape.len() <= 2 && shapes_fit(format, &wide(&shape), &wide(data.shape()), &shapes);
        if !fits {
            return Some(format!("has arrays whose lengths do not fit its shape, {shape:?}"));
        }
        Self { format, is_array: None, shape, data, indices }.fault()
    }

    /// What is wrong with the indices, in words.
    fn fault(&self) -> Option<String> {
        let (rows, columns) = match *self.shape.as_slice() {
            [columns] => (1, columns),
            [rows, columns] => (rows, columns),
            _ => (0, 0),
        };
        match self.format {
            SparseFormat::Csr => self.compressed_fault(columns),
            SparseFormat::Csc => self.compressed_fault(rows),
            SparseFormat::Bsr => {
                let [_, height, width] = *self.data.shape() else { return None };
                let whole = |size: usize, block: usize| size.checked_rem(block) == Some(0);
                if !whole(rows, height) || !whole(columns, width) {
                    return Some(format!("has blocks of {height} by {width}, which do not fill it"));
                }
                self.compressed_fault(columns.checked_div(width)?)
            }
            SparseFormat::Coo => self.coordinates_fault(),
            SparseFormat::Dia => self.offsets_fault(rows, columns),
        }
    }

    /// Row pointers must rise from zero to the count of indices, and indices be in range.
    fn compressed_fault(&self, range: usize) -> Option<String> {
        let (indices, pointers) = (self.index_array("indices")?, self.index_array("indptr")?);
        let mut last = 0;
        for (at, pointer) in pointers.integers().enumerate() {
            if at == 0 && pointer != 0 {
                return Some(format!("has indptr[0] = {pointer}, which is not 0"));
            }
            if pointer < last {
                return Some(format!(
                    "has indptr[{at}] = {pointer}, which is less than the one before it, {last}"
                ));
            }
            last = pointer;
        }
        // scipy drops what lies past the last pointer, so nothing may.
        if usize::try_from(last).ok() != Some(indices.len()) {
            return Some(format!("has {} indices, and its indptr ends with {last}", indices.len()));
        }
        out_of_range("indices", indices, range)
    }

    fn coordinates_fault(&self) -> Option<String> {
        if let Some(coordinates) = self.index_array("coords") {
            let stored = coordinates.shape().get(1).copied().filter(|stored| *stored > 0)?;
            let fits = |(at, index): (usize, i64)| {
                let axis = at.checked_div(stored)?;
                let size = *self.shape.get(axis)?;
                let fits = usize::try_from(index).is_ok_and(|index| index < size);
                (!fits)
                    .then(|| format!("has a coordinate {index} along axis {axis}, which is not below {size}"))
            };
            return coordinates.integers().enumerate().find_map(fits);
        }
        let mut ranges = ["row", "col"].into_iter().zip(&self.shape);
        ranges.find_map(|(name, range)| out_of_range(name, self.index_array(name)?, *range))
    }

    /// Diagonals must differ, and lie where adding them to a row's number does not overflow.
    fn offsets_fault(&self, rows: usize, columns: usize) -> Option<String> {
        let offsets: Vec<_> = self.index_array("offsets")?.integers().collect();
        let most = i64::try_from(rows.max(columns)).unwrap_or(i64::MAX).saturating_add(i64::from(u16::MAX));
        if let Some(far) = offsets.iter().find(|offset| offset.saturating_abs() > most) {
            return Some(format!("has a diagonal {far}, which lies far outside of it"));
        }
        let mut sorted = offsets;
        sorted.sort_unstable();
        #[expect(clippy::disallowed_methods, reason = "2 is not 0")]
        let twice = sorted.windows(2).find(|pair| pair.first() == pair.last())?;
        Some(format!("has the diagonal {} twice", twice.first()?))
    }
}

fn out_of_range(name: &str, indices: &NdArray, range: usize) -> Option<String> {
    let is_outside = |index: i64| usize::try_from(index).map_or(true, |index| index >= range);
    let (at, index) = indices.integers().enumerate().find(|(_, index)| is_outside(*index))?;
    Some(format!("has {name}[{at}] = {index}, where there are {range}"))
}

impl fmt::Debug for SparseMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape: Vec<_> = self.shape.iter().map(|size| *size as u64).collect();
        let kind = if self.is_array == Some(true) { "array" } else { "matrix" };
        write!(f, "a {} {kind} of shape {}", self.format.as_str(), show_shape(&shape))
    }
}
