//! Payloads, read to their ends.

use std::collections::HashSet;

use super::{Audit, PayloadContent};
use crate::archive::SCHEMA_NAME;
use crate::error::Result;
use crate::npy::{NdArray, SparseMatrix};

impl Audit {
    /// Reads every payload, each entry once: its checksum, and the values of arrays whose dtype does not allow all. It
    /// keeps nothing. What contents promise beyond that, [`Audit::verify`] says.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_payloads(&self) -> Result<()> {
        let archive = self.schema.archive();
        let mut done = HashSet::new();
        for (node, content) in self.payloads.iter() {
            let node = self.schema.node(node);
            let Some(position) = archive.position(node.text()) else { continue };
            let Some(entry) = archive.entry_at(position).filter(|_| done.insert(position)) else { continue };
            let read = match content {
                PayloadContent::Array(header) if header.dtype.is_restricted() => {
                    NdArray::read(archive, entry, header).map(drop)
                }
                PayloadContent::Array(_) => archive.check(entry),
                PayloadContent::Sparse(header) => SparseMatrix::read(archive, entry, header).map(drop),
            };
            read.map_err(|error| error.at_pointer(|| node.pointer()).in_entry(&entry.name))?;
        }
        for (position, entry) in (0..).zip(archive.entries()) {
            if &*entry.name != SCHEMA_NAME && !done.contains(&position) {
                archive.check(entry)?;
            }
        }
        Ok(())
    }
}
