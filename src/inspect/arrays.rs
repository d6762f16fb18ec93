//! The arrays of a file, known from their headers.

use serde::Serialize;

use crate::audit::{Audit, PayloadContent};
use crate::npy::show_shape;
use crate::text::{PLACE_LENGTH, cut};

/// An array, numpy scalar or sparse matrix. Text of the file is escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArrayItem {
    /// The path from the root, as one would write it in Python; of several places with the same array, the first.
    pub path: String,
    /// The declared type, such as `numpy.ndarray` or `scipy.sparse._csr.csr_matrix`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The dtype of the items, as numpy writes it; of a sparse matrix that of the values that are stored.
    pub dtype: String,
    /// Items along each dimension.
    pub shape: Vec<u64>,
    /// Bytes of the items; of a sparse matrix those of the archive that holds it, once decompressed.
    pub bytes: u64,
    /// The entry that holds it.
    pub entry: String,
}

impl ArrayItem {
    /// The shape as Python writes it: `(3,)`.
    #[must_use]
    pub fn shown_shape(&self) -> String {
        show_shape(&self.shape)
    }
}

/// Lists the arrays of a file, each object once, in the order of the file. Nothing is read but what the audit has read.
///
/// ```
/// let audit = skops_rs::Archive::open("fixtures/example.skops")?.schema()?.audit()?;
/// let mean = skops_rs::inspect::arrays(&audit).find(|array| array.path == "steps[0][1].mean_").unwrap();
/// assert_eq!((mean.dtype.as_str(), mean.shape, mean.bytes), ("<f8", vec![4], 32));
/// # Ok::<(), skops_rs::Error>(())
/// ```
pub fn arrays(audit: &Audit) -> impl Iterator<Item = ArrayItem> {
    let schema = audit.schema();
    let nodes = schema.nodes().filter(|node| audit.first(node.id()) == node.id());
    nodes.filter_map(move |node| {
        let header = audit.header(node.id())?;
        let entry = schema.archive().entry(node.text())?;
        let (dtype, shape) = audit.dtype_and_shape(node.id())?;
        let bytes = match header {
            PayloadContent::Array(header) => entry.size.saturating_sub(header.data_offset),
            PayloadContent::Sparse(_) => entry.size,
        };
        Some(ArrayItem {
            path: node.path(PLACE_LENGTH),
            type_name: cut(node.declared(), PLACE_LENGTH),
            dtype: cut(dtype, PLACE_LENGTH),
            shape: shape.to_vec(),
            bytes,
            entry: entry.name.to_string(),
        })
    })
}
