//! Where the items of an array lie.

/// Byte offsets of an array's items in row order: the last index varies fastest.
#[derive(Clone)]
pub(super) struct Offsets {
    /// Size and stride of each dimension.
    dimensions: Vec<(usize, usize)>,
    index: Vec<usize>,
    next: usize,
    left: usize,
}

impl Offsets {
    /// The caller has checked that shape and strides lie within some slice, so nothing here overflows.
    #[expect(clippy::disallowed_methods, reason = "a shape has at most 64 dimensions")]
    pub(super) fn new(shape: &[usize], strides: &[usize], start: usize) -> Self {
        Self {
            dimensions: shape.iter().copied().zip(strides.iter().copied()).collect(),
            index: vec![0; shape.len()],
            next: start,
            left: count(shape),
        }
    }

    pub(super) fn contiguous(shape: &[usize], item: usize) -> Self {
        Self::new(shape, &row_strides(shape, item), 0)
    }
}

impl Iterator for Offsets {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let offset = self.next;
        for (index, (size, stride)) in self.index.iter_mut().zip(&self.dimensions).rev() {
            *index = index.saturating_add(1);
            if *index < *size {
                self.next = self.next.saturating_add(*stride);
                break;
            }
            *index = 0;
            self.next = self.next.saturating_sub(size.saturating_sub(1).saturating_mul(*stride));
        }
        Some(offset)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Offsets {}

/// How many items an array of this shape has.
pub(super) fn count(shape: &[usize]) -> usize {
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |count, size| count.saturating_mul(*size)) }
}

/// Strides in bytes of an array in row order.
pub(super) fn row_strides(shape: &[usize], item: usize) -> Vec<usize> {
    let mut strides = column_strides(shape.iter().rev(), item);
    strides.reverse();
    strides
}

/// Strides in bytes of an array whose first dimension, of those given, varies fastest.
pub(super) fn column_strides<'a>(shape: impl Iterator<Item = &'a usize>, item: usize) -> Vec<usize> {
    let mut next = item;
    let stride = |size: &usize| {
        let stride = next;
        next = next.saturating_mul(*size);
        stride
    };
    shape.map(stride).collect()
}
