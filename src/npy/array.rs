//! Arrays: a dtype, a shape, and bytes.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, IxDyn, ShapeBuilder};

use super::block::Block;
use super::dtype::{Dtype, ScalarDtype};
use super::element::{Element, Number};
use super::index::{Offsets, column_strides, count, row_strides};
use super::item::{self, Item};
use super::{ArrayHeader, show_dtype, show_shape};
use crate::archive::{Archive, Entry};
use crate::error::{Code, Error, Result};
use crate::text::shown;

/// An array of numpy's, as its file has it.
///
/// Cloning is cheap, and so are the columns of a structured array ([`NdArray::field`]): they share the bytes.
#[derive(Clone)]
pub struct NdArray {
    block: Arc<Block>,
    dtype: Arc<Dtype>,
    /// Items along each dimension.
    shape: Vec<usize>,
    /// Bytes from one item to the next along each dimension.
    strides: Vec<usize>,
    /// Where in the block the first item starts.
    start: usize,
    fortran_order: bool,
}

impl NdArray {
    /// Reads an array whose header is known. Its CRC-32, bools and code points are checked.
    pub(crate) fn read(archive: &Archive, entry: &Entry, header: &ArrayHeader) -> Result<Self> {
        let block = Block::read(archive, entry, header.data_offset)?;
        if let Some(found) = item::find_invalid(&header.dtype, block.bytes()) {
            return Err(Error::new(Code::NpyValue, found).in_entry(&entry.name));
        }
        let too_large = || Error::new(Code::NpySize, "an array with more items than memory has addresses");
        let sizes = header.shape.iter().map(|size| usize::try_from(*size).ok());
        let shape: Vec<_> = sizes.collect::<Option<_>>().ok_or_else(too_large)?;
        let size = usize::try_from(header.dtype.size()).map_err(|_| too_large())?;
        let strides =
            if header.fortran_order { column_strides(shape.iter(), size) } else { row_strides(&shape, size) };
        let dtype = Arc::new(header.dtype.clone());
        Ok(Self {
            block: Arc::new(block),
            dtype,
            shape,
            strides,
            start: 0,
            fortran_order: header.fortran_order,
        })
    }

    /// The dtype of the items.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Items along each dimension; empty for an array without dimensions, which has one item.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many dimensions there are.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        count(&self.shape)
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the items take.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.len().saturating_mul(self.item_size())
    }

    /// Whether the file has the array in Fortran order: the first index varies fastest.
    #[must_use]
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// The bytes of the items, in the order of the file. `None` for a column of a structured array, whose items do
    /// not lie one after the other.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        let bytes = self.block.bytes();
        let strides = if self.fortran_order {
            column_strides(self.shape.iter(), self.item_size())
        } else {
            row_strides(&self.shape, self.item_size())
        };
        let is_whole = self.nbytes() == bytes.len() && (self.strides == strides || bytes.is_empty());
        (is_whole && self.start == 0).then_some(bytes)
    }

    fn item_size(&self) -> usize {
        usize::try_from(self.dtype.size()).unwrap_or(usize::MAX)
    }

    /// The items in row order: the last index varies fastest.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let bytes = self.block.bytes();
        self.offsets().filter_map(move |at| item::read(&self.dtype, bytes.get(at..)?))
    }

    /// The bytes of each item, in row order.
    pub(super) fn raw_items(&self) -> impl Iterator<Item = &[u8]> {
        let (bytes, size) = (self.block.bytes(), self.item_size());
        self.offsets().filter_map(move |at| bytes.get(at..at.checked_add(size)?))
    }

    /// The items of an array of integers in row order. What does not fit an `i64` is the largest one, which is no index
    /// of anything; an array of anything else has none.
    pub(crate) fn integers(&self) -> Box<dyn Iterator<Item = i64> + '_> {
        if let Ok(view) = self.view::<i64>() {
            return Box::new(view.into_iter().copied());
        }
        if let Ok(view) = self.view::<i32>() {
            return Box::new(view.into_iter().copied().map(i64::from));
        }
        Box::new(self.items().filter_map(|item| match item {
            Item::Int(value) => Some(value),
            Item::Uint(value) => Some(i64::try_from(value).unwrap_or(i64::MAX)),
            Item::Bool(value) => Some(i64::from(value)),
            _ => None,
        }))
    }

    /// The item of an array that has exactly one.
    #[must_use]
    pub fn item(&self) -> Option<Item<'_>> {
        if self.len() == 1 { self.items().next() } else { None }
    }

    fn offsets(&self) -> Offsets {
        Offsets::new(&self.shape, &self.strides, self.start)
    }

    /// The field of a structured array as an array of its own, which shares the bytes. A field with a shape adds its
    /// dimensions after the array's.
    ///
    /// # Errors
    /// [`Code::ValueType`] for an array that has no such field.
    pub fn field(&self, name: &str) -> Result<Self> {
        let found = match &*self.dtype {
            Dtype::Struct(structure) => structure.fields.iter().find(|field| field.name == name),
            Dtype::Scalar(_) => None,
        };
        let Some(field) = found else {
            let text = format!("{self:?}, which has no field '{}'", shown(name));
            return Err(Error::new(Code::ValueType, text));
        };
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let inner: Vec<_> = field.shape.iter().map(|along| size(*along)).collect();
        let mut strides = self.strides.clone();
        strides.extend(row_strides(&inner, size(field.dtype.size())));
        Ok(Self {
            block: Arc::clone(&self.block),
            dtype: Arc::new(field.dtype.clone()),
            shape: self.shape.iter().copied().chain(inner).collect(),
            strides,
            start: self.start.saturating_add(size(field.offset)),
            // The dimensions of a field vary faster than those before them.
            fortran_order: self.fortran_order && field.shape.is_empty(),
        })
    }

    /// The items as an array of this type, in the memory order of the file.
    ///
    /// # Errors
    /// [`Code::ValueType`] when the dtype cannot become the type (see [`Element`]), [`Code::ValueRange`] when it can
    /// but one of the values does not fit.
    pub fn to_array<T: Element>(&self) -> Result<ArrayD<T>> {
        let dtype = self.scalar_dtype::<T>()?;
        // Of items that lie apart `to_owned` makes rows, of any others what they are: a field with dimensions of its own, in
        // an array of columns, has neither rows nor columns.
        let is_in_rows = self.strides.is_sorted_by(|stride, next| stride >= next);
        let keeps_order = if self.fortran_order { self.bytes().is_some() } else { is_in_rows };
        if let Some(view) = self.cast::<T>(dtype).filter(|_| keeps_order) {
            return Ok(view.to_owned());
        }
        if self.fortran_order {
            let reversed = Self {
                shape: self.shape.iter().rev().copied().collect(),
                strides: self.strides.iter().rev().copied().collect(),
                ..self.clone()
            };
            let items = reversed.collect(dtype)?;
            return ArrayD::from_shape_vec(IxDyn(&self.shape).f(), items)
                .map_err(|error| self.no_shape(&error));
        }
        let items = self.collect(dtype)?;
        ArrayD::from_shape_vec(IxDyn(&self.shape), items).map_err(|error| self.no_shape(&error))
    }

    /// As [`NdArray::to_array`], of an array of one dimension.
    ///
    /// # Errors
    /// As [`NdArray::to_array`], and [`Code::ValueShape`] for another number of dimensions.
    pub fn to_array1<T: Element>(&self) -> Result<Array1<T>> {
        self.to_array()?.into_dimensionality().map_err(|_| self.wrong_rank(1))
    }

    /// As [`NdArray::to_array`], of an array of two dimensions: rows and columns.
    ///
    /// # Errors
    /// As [`NdArray::to_array`], and [`Code::ValueShape`] for another number of dimensions.
    pub fn to_array2<T: Element>(&self) -> Result<Array2<T>> {
        self.to_array()?.into_dimensionality().map_err(|_| self.wrong_rank(2))
    }

    /// The items in row order.
    ///
    /// # Errors
    /// As [`NdArray::to_array`].
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.collect(self.scalar_dtype::<T>()?)
    }

    /// The items where they lie, without a copy. This can be done when the dtype is exactly the type's, in the byte
    /// order of this machine, and each item lies where such a number may; for whole arrays that is always so.
    ///
    /// # Errors
    /// [`Code::ValueType`] when it cannot be done; [`NdArray::to_array`] may do instead.
    pub fn view<T: Number>(&self) -> Result<ArrayViewD<'_, T>> {
        let dtype = self.scalar_dtype::<T>()?;
        self.cast(dtype).ok_or_else(|| {
            Error::new(
                Code::ValueType,
                format!("{self:?}, whose items do not lie in memory as {} does", T::NAME),
            )
        })
    }

    fn cast<T: Element>(&self, dtype: &ScalarDtype) -> Option<ArrayViewD<'_, T>> {
        let size = size_of::<T>();
        let in_items = |bytes: &usize| (bytes.checked_rem(size)? == 0).then_some(bytes.checked_div(size)?);
        let strides: Vec<_> = self.strides.iter().map(in_items).collect::<Option<_>>()?;
        let bytes = self.block.bytes().get(self.start..)?;
        // Behind the last item of a column there may be a part of one.
        let whole = bytes.len().checked_div(size)?.checked_mul(size)?;
        let items = T::cast(dtype, bytes.get(..whole)?)?;
        ArrayViewD::from_shape(IxDyn(&self.shape).strides(IxDyn(&strides)), items).ok()
    }

    fn collect<T: Element>(&self, dtype: &ScalarDtype) -> Result<Vec<T>> {
        let size = self.item_size();
        let bytes = self.block.bytes();
        #[expect(clippy::disallowed_methods, reason = "as many as the array has, whose bytes are in memory")]
        let mut items = Vec::with_capacity(self.len());
        for (index, at) in self.offsets().enumerate() {
            let bytes = at.checked_add(size).and_then(|end| bytes.get(at..end)).unwrap_or_default();
            let Some(value) = T::read(dtype, bytes) else {
                let item = item::read_scalar(dtype, bytes);
                let shown = item.map_or("?".to_owned(), |item| item.to_string());
                let found = format!("item {index} of {self:?} is {shown}, which {} cannot hold", T::NAME);
                return Err(Error::new(Code::ValueRange, found));
            };
            items.push(value);
        }
        Ok(items)
    }

    fn scalar_dtype<T: Element>(&self) -> Result<&ScalarDtype> {
        match &*self.dtype {
            Dtype::Scalar(dtype) if T::accepts(dtype) => Ok(dtype),
            _ => Err(Error::new(Code::ValueType, format!("{self:?}, where {} was asked for", T::NAME))),
        }
    }

    fn wrong_rank(&self, asked: usize) -> Error {
        Error::new(Code::ValueShape, format!("{self:?}, where {asked} dimensions were asked for"))
    }

    fn no_shape(&self, error: &ndarray::ShapeError) -> Error {
        Error::new(Code::ValueShape, format!("{self:?}, which has no shape in memory: {error}"))
    }
}

impl fmt::Debug for NdArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape: Vec<_> = self.shape.iter().map(|size| *size as u64).collect();
        write!(f, "an array of shape {} and dtype {}", show_shape(&shape), show_dtype(&self.dtype))
    }
}
