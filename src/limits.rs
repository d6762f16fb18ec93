//! How much a file may ask for.

use crate::error::{Code, Error, Result};

macro_rules! limits {
    ($( $field:ident, $name:literal, $type:ty, $default:expr, $doc:literal; )*) => {
        /// How much a file may ask for, before it is refused.
        ///
        /// The defaults let every model through that was met in practice and keep a reader with a few GiB of
        /// memory safe. Each limit has a name that the command line (`--limit NAME=NUMBER`) and
        /// [`Limits::set`] take.
        ///
        /// ```
        /// let mut limits = skops_rs::Limits::default();
        /// limits.schema_bytes = 64 << 20;
        /// limits.set("json-depth", 64)?;
        /// # Ok::<(), skops_rs::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(
                #[doc = $doc]
                pub $field: $type,
            )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }

        impl Limits {
            /// Name, value and description of every limit.
            #[must_use]
            pub fn list(&self) -> Vec<(&'static str, u64, &'static str)> {
                vec![$(($name, u64::try_from(self.$field).unwrap_or(u64::MAX), $doc)),*]
            }

            /// Sets the limit with this name.
            ///
            /// # Errors
            /// [`Code::BadLimit`] for a name that no limit has, or a number that its type does not hold.
            pub fn set(&mut self, name: &str, value: u64) -> Result<()> {
                match name {
                    $(
                        $name => {
                            self.$field = <$type>::try_from(value).map_err(|_| {
                                Error::new(Code::BadLimit, format!("{value} is too large for {name}"))
                            })?;
                        }
                    )*
                    _ => {
                        let found = format!("there is no limit named {}", crate::text::shown(name));
                        return Err(Error::new(Code::BadLimit, found));
                    }
                }
                Ok(())
            }
        }
    };
}

limits! {
    entries, "entries", u64, 262_144,
        "Entries in the archive. A forest has about five for each tree.";
    directory_bytes, "directory-bytes", u64, 64 << 20,
        "Bytes of the central directory, which is kept in memory while it is read.";
    schema_bytes, "schema-bytes", u32, 512 << 20,
        "Bytes of `schema.json` once decompressed. Genuine ones take a quarter of that in memory, made-up ones eight times, or thirteen with lists of their names.";
    json_depth, "json-depth", usize, 512,
        "Levels of nested JSON, in `schema.json` and in the text of a `JsonNode`. Genuine files stay below 50.";
    nodes, "nodes", u32, 16_777_216,
        "Nodes in `schema.json`. Each takes about 50 bytes of memory.";
    name_length, "name-length", usize, 512,
        "Characters of a type's name, module and class together.";
    array_rank, "array-rank", usize, 64,
        "Dimensions of an array. numpy 2 allows 64, numpy 1 allows 32.";
    array_bytes, "array-bytes", u64, 64 << 30,
        "Bytes of one payload (an array, a sparse matrix, bytes) once decompressed.";
    model_bytes, "model-bytes", u64, 256 << 30,
        "Bytes of all payloads once decompressed, counted once for each object that skops would make of them.";
    compression_ratio, "compression-ratio", u64, 200,
        "How many times larger than its compressed form data may be, once it is larger than `ratio-floor`.";
    ratio_floor, "ratio-floor", u64, 48 << 20,
        "Bytes up to which data may expand whatever the ratio.";
    archive_depth, "archive-depth", usize, 1,
        "Archives within the archive: a sparse matrix is one.";
    nested_bytes, "nested-bytes", u64, 512 << 20,
        "Bytes of a compressed archive within the archive, which is decompressed in memory to be looked at.";
    file_bytes, "file-bytes", u64, 64 << 30,
        "Bytes of a file. A gate reads all of them, for their SHA-256.";
    stream_bytes, "stream-bytes", u64, 2 << 30,
        "Bytes taken from standard input or a pipe, which are kept in memory.";
    report_bytes, "report-bytes", u64, 32 << 20,
        "Bytes, as JSON, of the places, objects or arrays that a report on one file lists. The others are counted, and refuse nothing.";
}

impl Limits {
    /// Refuses a file that is larger than the limit `file-bytes`.
    pub(crate) fn check_file_bytes(&self, size: u64) -> Result<()> {
        if size <= self.file_bytes {
            return Ok(());
        }
        let found = format!("the file has {size} bytes, the limit is {}", self.file_bytes);
        Err(Error::new(Code::LimitFileBytes, found))
    }
}
