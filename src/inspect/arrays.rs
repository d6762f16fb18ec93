//! The arrays of a file, known from their headers.

use std::ops::Range;

use serde::Serialize;

use crate::audit::{Audit, PayloadContent};
use crate::npy::show_shape;
use crate::report::{Listed, Row, Rows};
use crate::schema::NodeId;
use crate::text::{PLACE_LENGTH, cut, json_length};

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

impl Row for ArrayItem {
    fn bytes(&self) -> u64 {
        let texts = [&self.path, &self.type_name, &self.dtype, &self.entry].map(|text| json_length(text));
        texts.into_iter().fold(A_ROW, u64::saturating_add).saturating_add(super::shape_bytes(&self.shape))
    }
}

/// About how many bytes a row takes as JSON, besides its texts and its shape.
const A_ROW: u64 = 160;

/// Lists the arrays of a file, each object once, in the order of the file. Nothing is read but what the audit has read.
///
/// ```
/// let audit = skops_rs::Archive::open("fixtures/example.skops")?.schema()?.audit()?;
/// let mean = skops_rs::inspect::arrays(&audit).find(|array| array.path == "steps[0][1].mean_").unwrap();
/// assert_eq!((mean.dtype.as_str(), mean.shape, mean.bytes), ("<f8", vec![4], 32));
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[must_use]
pub fn arrays(audit: &Audit) -> Arrays<'_> {
    let count = u32::try_from(audit.schema().node_count()).unwrap_or(u32::MAX);
    Arrays { audit, nodes: 0..count }
}

/// The arrays of a file. Made by [`arrays`].
#[derive(Debug)]
pub struct Arrays<'a> {
    audit: &'a Audit,
    /// The nodes that have not been looked at.
    nodes: Range<u32>,
}

impl Arrays<'_> {
    /// The first arrays, as many as the limit `report-bytes` lets through.
    #[must_use]
    pub fn listed(self) -> Listed<Self> {
        let most = self.audit.report_bytes();
        Listed::new(self, most)
    }

    /// The next node that holds an array, of those that are one object the first.
    fn next_node(&mut self) -> Option<NodeId> {
        let audit = self.audit;
        let mut nodes = self.nodes.by_ref().map(NodeId);
        nodes.find(|node| audit.first(*node) == *node && audit.header(*node).is_some())
    }

    fn item(&self, node: NodeId) -> Option<ArrayItem> {
        let (audit, schema) = (self.audit, self.audit.schema());
        let (header, node) = (audit.header(node)?, schema.node(node));
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
    }
}

impl Iterator for Arrays<'_> {
    type Item = ArrayItem;

    fn next(&mut self) -> Option<ArrayItem> {
        let node = self.next_node()?;
        self.item(node)
    }
}

impl Rows for Arrays<'_> {
    fn pass(&mut self) -> usize {
        std::iter::from_fn(|| self.next_node()).count()
    }
}
