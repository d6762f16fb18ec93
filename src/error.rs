//! What can go wrong, by who is to blame.
//!
//! Every error carries a [`Code`]: a stable kebab-case name that programs may match on, whose table is this
//! file (and, rendered, `docs/error-codes.md`). The text of an error says what was found; the code says what is
//! allowed and what to do about it; [`Location`] says where. Text that comes from a file is escaped and cut
//! before it enters an error (see [`crate::text`]).

use std::fmt;
use std::io;

use serde::{Serialize, Serializer};

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Who is to blame for an [`Error`], so that a caller can decide what to do without knowing every code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The file is damaged, or is not what no skops release writes.
    Malformed,
    /// The file could be read differently by two readers, or is made to mislead one.
    Hostile,
    /// The file asks for more than the [`Limits`](crate::Limits) allow.
    Limit,
    /// The file may be sound, but this build or release cannot read it.
    Unsupported,
    /// The caller passed something that cannot be used.
    Caller,
    /// The file names types that the caller does not trust.
    Untrusted,
    /// The contents of a type are not what code that follows them takes for granted.
    Invariant,
    /// The file is not what the caller's policy asks for.
    Policy,
    /// The operating system could not read the bytes.
    Io,
}

macro_rules! codes {
    ($( $variant:ident, $code:literal, $blame:ident, $allowed:literal, $hint:literal; )*) => {
        /// The stable name of a kind of error.
        ///
        /// The kebab-case name ([`Code::as_str`]) does not change between releases; new ones are added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = concat!("`", $code, "`: ", $allowed)]
                $variant,
            )*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The kebab-case name, such as `zip-comment`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code),* }
            }

            /// Who is to blame.
            #[must_use]
            pub fn blame(self) -> Blame {
                match self { $(Code::$variant => Blame::$blame),* }
            }

            /// What is allowed instead of what was found.
            #[must_use]
            pub fn allowed(self) -> &'static str {
                match self { $(Code::$variant => $allowed),* }
            }

            /// What to do about it.
            #[must_use]
            pub fn hint(self) -> &'static str {
                match self { $(Code::$variant => $hint),* }
            }
        }
    };
}

codes! {
    Io, "io", Io,
        "the bytes can be read",
        "check that the path names a readable file and that nothing changes it meanwhile";
    BadTypeName, "bad-type-name", Caller,
        "a type name is dotted ASCII identifiers, such as `sklearn.tree._tree.Tree`",
        "pass the name as `skops-rs untrusted-types` prints it";
    BadLimit, "bad-limit", Caller,
        "a limit is given as NAME=NUMBER with a name from docs/limits.md",
        "see docs/limits.md for the names and their defaults";
    ValueType, "value-type", Caller,
        "a value is asked for as what it is, or as what it can become without loss",
        "ask for it as what was found, or see the documentation of `npy::Element`";
    NoAttribute, "no-attribute", Caller,
        "an attribute is asked for that the object has",
        "see `Object::attrs`, or `skops-rs inspect`, for those that there are";
    NoItem, "no-item", Caller,
        "an item is asked for that the container has",
        "see `Object::items` for those that there are";
    PathSyntax, "path-syntax", Caller,
        "a path is written like `steps[1][1].coef_`, with keys as `['key']`",
        "write it as `skops-rs arrays` and error messages do";
    ValueShape, "value-shape", Caller,
        "an array is asked for with as many dimensions as it has",
        "ask for `array` and look at its shape";
    ValueRange, "value-range", Caller,
        "every value fits the type that was asked for, exactly",
        "ask for a larger type";
    OutOfMemory, "out-of-memory", Limit,
        "there is memory for what is read",
        "lower the limit `array-bytes`, or read on a machine with more memory";

    FileChanged, "file-changed", Io,
        "the file stays as it is while it is checked",
        "check it again once nothing writes to it, or publish what was checked with `--copy-to`";
    NotAFile, "not-a-file", Io,
        "an input is a regular file or a folder",
        "pipe it into standard input, and pass `-`";
    FolderLink, "folder-link", Io,
        "a folder that is checked holds no links to folders, which could lead anywhere",
        "remove the link, or pass `--follow-links` if what it leads to is to be checked, too";
    FolderLoop, "folder-loop", Io,
        "no folder links to a folder that it is in",
        "remove the link";
    PathEncoding, "path-encoding", Io,
        "a path is Unicode, so that a report can name it",
        "rename the file";
    PublishConflict, "publish-conflict", Io,
        "no other file has the name under which a checked file is to be published",
        "choose another folder, or pass `--replace` if the file there is to be replaced";
    PolicySyntax, "policy-syntax", Caller,
        "a policy is TOML with the keys that docs/policy.md lists",
        "see docs/policy.md, or start from what `skops-rs policy init` writes";

    NotZip, "not-zip", Malformed,
        "a .skops file is a zip archive with its end record in the last 22 bytes",
        "check that the file is complete and was written by `skops.io.dump`";
    ZipEndRecord, "zip-end-record", Malformed,
        "the end record describes one central directory that ends where the end record starts",
        "the file was cut, edited or made by something other than skops: get it again from its source";
    ZipComment, "zip-comment", Hostile,
        "a .skops file has no comment, neither for the archive nor for an entry",
        "a comment can hide a second archive: dump the model again with skops";
    ZipTrailingData, "zip-trailing-data", Hostile,
        "nothing follows the end record",
        "appended data can hide a second archive: dump the model again with skops";
    ZipGap, "zip-gap", Hostile,
        "entries follow each other without gaps from the first byte of the file to the central directory",
        "bytes that no entry accounts for can hide another archive: dump the model again with skops";
    ZipOverlap, "zip-overlap", Hostile,
        "each entry starts where the one before it ends",
        "overlapping entries are a known attack: do not use the file";
    ZipDirectory, "zip-directory", Malformed,
        "the central directory holds as many well-formed records as the end record says",
        "the file was cut or edited: get it again from its source";
    ZipHeaderMismatch, "zip-header-mismatch", Hostile,
        "the header before an entry's data says the same as the central directory",
        "readers that trust one or the other would see different files: do not use the file";
    ZipSizeMismatch, "zip-size-mismatch", Hostile,
        "an entry's stated sizes agree with each other and with its data",
        "the sizes were edited: do not use the file";
    ZipExtraField, "zip-extra-field", Hostile,
        "an entry has no extra field but a zip64 one that is needed",
        "extra fields can give an entry a second name or size: dump the model again with skops";
    ZipFlags, "zip-flags", Unsupported,
        "an entry is not encrypted, patched or split over disks, and needs no later version of zip than 6.3",
        "dump the model again with skops, which never encrypts";
    ZipCrc, "zip-crc", Malformed,
        "the data of an entry has the CRC-32 that its header states",
        "the data is damaged: get the file again from its source";
    ZipData, "zip-data", Malformed,
        "the compressed data of an entry is one complete stream",
        "the data is damaged: get the file again from its source";
    CompressionUnsupported, "compression-unsupported", Unsupported,
        "entries are STORED, DEFLATED, BZIP2 or LZMA, as Python's zipfile writes them",
        "dump the model again with one of these methods";
    CompressionFeature, "compression-feature", Unsupported,
        "this build reads STORED and DEFLATED entries",
        "install with `--features bzip2,lzma`, or dump the model again without `compression=`";

    EntryName, "entry-name", Hostile,
        "an entry is named by 1 to 255 ASCII letters, digits, `.`, `_` and `-`, not starting with a dot",
        "paths and odd characters are read differently by different tools: dump the model again with skops";
    EntryType, "entry-type", Hostile,
        "an entry is a regular file",
        "links and folders have no place in a .skops file: do not use it";
    EntryDuplicate, "entry-duplicate", Hostile,
        "no two entries have the same name, ignoring case",
        "two readers could pick different entries: do not use the file";
    EntryMissing, "entry-missing", Malformed,
        "every entry that schema.json names is in the archive",
        "the file is incomplete: get it again from its source";
    EntryUnreferenced, "entry-unreferenced", Hostile,
        "every entry besides schema.json is named by schema.json",
        "skops writes no other entries: dump the model again";
    SchemaMissing, "schema-missing", Malformed,
        "the archive has an entry named exactly `schema.json`",
        "check that this is a .skops file and not some other zip archive";

    LimitEntries, "limit-entries", Limit,
        "the archive has no more entries than the limit `entries`",
        "raise it with `--limit entries=N` if you expect so large a model";
    LimitDirectoryBytes, "limit-directory-bytes", Limit,
        "the central directory is no larger than the limit `directory-bytes`",
        "raise it with `--limit directory-bytes=N` if you expect so large a model";
    LimitSchemaBytes, "limit-schema-bytes", Limit,
        "schema.json is no larger than the limit `schema-bytes`",
        "raise it with `--limit schema-bytes=N` if you expect so large a model";
    LimitJsonDepth, "limit-json-depth", Limit,
        "JSON is nested no deeper than the limit `json-depth`",
        "genuine files stay below 50 levels; raise it with `--limit json-depth=N` if yours does not";
    LimitNodes, "limit-nodes", Limit,
        "schema.json has no more nodes than the limit `nodes`",
        "raise it with `--limit nodes=N` if you expect so large a model";
    LimitNameLength, "limit-name-length", Limit,
        "a type name is no longer than the limit `name-length`",
        "raise it with `--limit name-length=N` if your names really are that long";
    LimitArrayRank, "limit-array-rank", Limit,
        "an array has no more dimensions than the limit `array-rank`",
        "numpy itself stops at 64 dimensions";
    LimitArrayBytes, "limit-array-bytes", Limit,
        "an entry is no larger, once decompressed, than the limit `array-bytes`",
        "raise it with `--limit array-bytes=N` if you expect so large an array";
    LimitModelBytes, "limit-model-bytes", Limit,
        "all payloads together, counted once for each object, stay below the limit `model-bytes`",
        "raise it with `--limit model-bytes=N` if you expect so large a model";
    LimitCompressionRatio, "limit-compression-ratio", Limit,
        "past the limit `ratio-floor`, data expands no further than the limit `compression-ratio`",
        "this looks like a decompression bomb; raise it with `--limit compression-ratio=N` if it is not";
    LimitArchiveDepth, "limit-archive-depth", Limit,
        "archives are nested no deeper than the limit `archive-depth`",
        "a sparse matrix is an archive within the file, so 1 is needed to read one";
    LimitNestedBytes, "limit-nested-bytes", Limit,
        "a compressed archive within the archive is no larger, once decompressed, than the limit `nested-bytes`",
        "raise it with `--limit nested-bytes=N`, or dump the model again without `compression=`";
    LimitStreamBytes, "limit-stream-bytes", Limit,
        "what comes from a stream is no larger than the limit `stream-bytes`, as it is kept in memory",
        "save it to a file and pass the path, or raise it with `--limit stream-bytes=N`";

    LimitFileBytes, "limit-file-bytes", Limit,
        "a file is no larger than the limit `file-bytes`",
        "raise it with `--limit file-bytes=N`, or in the policy, if you expect so large a file";
    LimitChecks, "limit-checks", Limit,
        "checking contents takes time in proportion to the file",
        "very many objects of this file share large ones, which real models do not: do not use it";
    LimitExtraction, "limit-extraction", Limit,
        "what is extracted is in proportion to the file",
        "very many objects of this file share large ones, which real models do not: do not use it";

    JsonEncoding, "json-encoding", Hostile,
        "schema.json is UTF-8 without a byte order mark",
        "skops writes plain ASCII: dump the model again";
    JsonSyntax, "json-syntax", Malformed,
        "the text is one JSON value as RFC 8259 defines it",
        "the file was cut or edited by hand: get it again from its source";
    JsonNumber, "json-number", Malformed,
        "a number is finite, as JSON has it, and no longer than Python's limit of 4300 digits",
        "skops writes no such number in this place: dump the model again";
    JsonSurrogate, "json-surrogate", Hostile,
        "text has no lone surrogates",
        "half a character cannot be read the same way by all readers: rename what holds it";
    JsonDuplicateKey, "json-duplicate-key", Hostile,
        "no object has the same key twice",
        "readers keep the first or the last; Python's {1: 'a', '1': 'b'} also ends up so: use distinct keys";
    JsonTrailingData, "json-trailing-data", Hostile,
        "nothing but white space follows the JSON value",
        "the file was edited: get it again from its source";

    Protocol, "protocol", Unsupported,
        "`protocol` is the integer 0, 1 or 2",
        "a newer skops may have written the file: look for a newer skops-rs";
    UnknownLoader, "unknown-loader", Unsupported,
        "`__loader__` is one that skops 0.3 to 0.16 write",
        "a newer skops may have written the file: look for a newer skops-rs";
    UnknownField, "unknown-field", Hostile,
        "a node has only the fields that its loader and protocol define",
        "a field that readers ignore can mislead a person: dump the model again with skops";
    MissingField, "missing-field", Malformed,
        "a node has all the fields that its loader and protocol define",
        "the file was edited or damaged: get it again from its source";
    MalformedNode, "malformed-node", Malformed,
        "a node has the shape that skops gives it",
        "the file was edited or damaged: get it again from its source";
    NameSyntax, "name-syntax", Hostile,
        "`__module__` is dotted ASCII identifiers and `__class__` is one ASCII identifier",
        "other text can pass for a name that it is not; rename the class if it is yours";

    TypeMismatch, "type-mismatch", Hostile,
        "a node declares the type that its loader builds",
        "the declared name would hide what skops really does: do not use the file";
    IdConflict, "id-conflict", Hostile,
        "nodes with the same `__id__` have the same body",
        "skops reads only one of them, and a person may see the other: do not use the file";
    IdCycle, "id-cycle", Hostile,
        "no object holds itself",
        "skops cannot write such a file and does not end when it reads one: do not use it";
    IdDangling, "id-dangling", Malformed,
        "a reference names the `__id__` of a node before it",
        "the file was edited or damaged: get it again from its source";
    KeyType, "key-type", Hostile,
        "a dict key is of type str, int, float, bool, None or a numpy scalar of these, or of a reported type",
        "skops calls the key's type with its text, which makes no sense for this type";
    KeyValue, "key-value", Malformed,
        "a dict key is written as Python writes a value of its type",
        "the file was edited: get it again from its source";
    KeyCollision, "key-collision", Hostile,
        "no two keys of a dict are equal once converted to their types",
        "skops would silently drop one of the items: do not use the file";
    AttributeName, "attribute-name", Hostile,
        "an object's attributes are not named like `__this__`, but for a few that only describe it (`__doc__`), nor like methods of scikit-learn's own classes",
        "such attributes can replace what Python itself looks up, and are called while the file is loaded: do not use the file";
    ScalarValue, "scalar-value", Malformed,
        "the text of a JsonNode is one JSON text, number, boolean or null (NaN and infinities included)",
        "skops writes nothing else there: dump the model again";
    ShapeMismatch, "shape-mismatch", Malformed,
        "an array has as many items as its shape says",
        "the file was edited or damaged: get it again from its source";

    NpyMagic, "npy-magic", Hostile,
        "an array's entry starts with numpy's magic bytes",
        "it may be a pickle, which runs its author's code when opened: do not use the file";
    NpyVersion, "npy-version", Unsupported,
        "an array is in numpy format version 1.0, 2.0 or 3.0",
        "a newer numpy may have written the file: look for a newer skops-rs";
    NpyHeader, "npy-header", Malformed,
        "an array's header is written as numpy writes it, in at most 10000 bytes",
        "the file was edited or damaged: get it again from its source";
    NpyDtype, "npy-dtype", Malformed,
        "an array's dtype is a bool, number, text, bytes, datetime or structured type that numpy can save",
        "see docs/format.md for the dtypes that are read";
    NpyObject, "npy-object", Hostile,
        "an array's entry holds no Python objects",
        "objects are stored as a pickle, which runs its author's code when opened: do not use the file";
    NpySize, "npy-size", Malformed,
        "an array's entry is exactly as long as its header says",
        "the file was edited or damaged: get it again from its source";
    NpyValue, "npy-value", Malformed,
        "a bool in an array is 0 or 1, and text is Unicode code points",
        "the file was edited or damaged: get it again from its source";
    NpzMembers, "npz-members", Malformed,
        "a sparse matrix has exactly the members that scipy writes for its format",
        "the file was edited or damaged: get it again from its source";
    NpzFormat, "npz-format", Hostile,
        "a sparse matrix is in the format csr, csc, coo, bsr or dia",
        "scipy looks this name up in its own module: do not use the file";

    UntrustedTypes, "untrusted-types", Untrusted,
        "every type that the file names is trusted by the caller",
        "look at what the types are for, and trust those that you do: `TrustList::allow`, or `--trust NAME`";

    DeniedType, "denied-type", Policy,
        "the file names no type that the policy denies",
        "no allowance overrides a denial: use another model, or ask whoever keeps the policy";
    SklearnVersion, "sklearn-version", Policy,
        "the file says that it comes from a release of scikit-learn that the policy requires",
        "train and dump the model again with such a release, or change `require.sklearn-version`";
    SkopsVersion, "skops-version", Policy,
        "the file says that it comes from a release of skops that the policy requires",
        "dump the model again with such a release, or change `require.skops-version`";
    ProtocolVersion, "protocol-version", Policy,
        "the file is in a protocol that the policy requires",
        "dump the model again with another release of skops, or change `require.protocol`";
    RootType, "root-type", Policy,
        "the object that was saved is of a type that the policy requires",
        "save a model of such a type, or change `require.root-types`";
    UnusedArray, "unused-array", Policy,
        "every array in the archive is named by schema.json",
        "skops neither writes nor reads such arrays, so the file was edited: dump the model again";
    MlflowClaim, "mlflow-claim", Policy,
        "an MLflow model claims trust only for types that the policy trusts",
        "the claim counts for nothing here, but MLflow would follow it: allow the type, or remove it from MLmodel";
    MlflowCode, "mlflow-code", Policy,
        "an MLflow model brings no Python code of its own, and is loaded by `mlflow.sklearn` or `mlflow.lightgbm`",
        "MLflow runs that code, and looks there first for every name in the file: install the code instead, or let `mlflow-code` be a warning";
    MlflowModel, "mlflow-model", Policy,
        "an MLflow model's MLmodel says in one way only which file of its folder is loaded, in the format skops",
        "save the model again with MLflow and `serialization_format=\"skops\"`, or remove MLmodel";
    Sha256Mismatch, "sha256-mismatch", Policy,
        "the file has the SHA-256 that was expected",
        "it is not the file that was meant: get it again from its source";
    NoModels, "no-models", Policy,
        "a folder that is checked holds at least one model",
        "check the path: what is not there was not checked";

    InvariantTree, "invariant-tree", Invariant,
        "a Tree is a tree: children after their parents, each node reached once, features that exist, leaves marked",
        "scikit-learn follows these numbers without looking and may crash: do not use the file";
    InvariantPredictor, "invariant-predictor", Invariant,
        "a TreePredictor is a tree: children after their parents, each node reached once, features that exist",
        "scikit-learn follows these numbers without looking and may crash: do not use the file";
    InvariantQuantileForest, "invariant-quantile-forest", Invariant,
        "a QuantileForest's leaves hold numbers of its samples",
        "quantile-forest follows these numbers without looking and may crash: do not use the file";
    InvariantEnsemble, "invariant-ensemble", Invariant,
        "the parts of an ensemble take as many features, and give as many outputs, as the ensemble",
        "scikit-learn does not check this again and may crash: do not use the file";
    InvariantSparse, "invariant-sparse", Invariant,
        "the indices of a sparse matrix are in range and in order",
        "scipy follows these numbers without looking and may crash: do not use the file";
    InvariantRandom, "invariant-random", Invariant,
        "the state of a random generator has the sizes and positions of its kind",
        "numpy follows these numbers without looking and may crash: do not use the file";
    InvariantNeighbors, "invariant-neighbors", Invariant,
        "the indices of a KDTree or BallTree are a permutation, and its nodes cover them",
        "scikit-learn follows these numbers without looking and may crash: do not use the file";
    InvariantSvm, "invariant-svm", Invariant,
        "the arrays of a support vector machine agree on classes, features and the number of support vectors",
        "libsvm does not check them and may crash (CVE-2020-28975): do not use the file";
    InvariantVocabulary, "invariant-vocabulary", Invariant,
        "a vocabulary gives each of n words one of the numbers 0 to n-1",
        "scikit-learn makes columns of a matrix of them without looking: do not use the file";
    InvariantLinear, "invariant-linear", Invariant,
        "coefficients, intercepts, classes and features of a linear model agree in number",
        "the model was edited or damaged: get it again from its source";
    InvariantEncoder, "invariant-encoder", Invariant,
        "an encoder's categories, and the columns that it makes of them, agree in number",
        "scikit-learn makes columns of a matrix of them without looking: do not use the file";
    InvariantArrays, "invariant-arrays", Invariant,
        "arrays that scikit-learn and scipy take to be as large as a sample are",
        "they follow these arrays without looking and may crash: do not use the file";
    InvariantMethod, "invariant-method", Invariant,
        "where scikit-learn calls a method that the model names, it is one that scikit-learn puts there",
        "the name could be that of any method of any object: do not use the file";
    InvariantSteps, "invariant-steps", Invariant,
        "the steps of a pipeline, and the parts of ensembles, are estimators, or the words that stand for none",
        "the model was edited or damaged: get it again from its source";
    InvariantAttribute, "invariant-attribute", Invariant,
        "the attributes of an instance of scikit-learn come from a plain dict",
        "attributes that nobody has looked at would be called instead of methods: do not use the file";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Where in a file an [`Error`] was found. Parts that do not apply are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Location {
    /// The entry of the archive, escaped; a member of a nested archive as `outer.npz/member.npy`.
    pub entry: Option<String>,
    /// The JSON pointer (RFC 6901) into `schema.json`, not escaped beyond what a pointer needs, cut after 8 KiB.
    pub pointer: Option<String>,
    /// The offset in bytes: into the entry's data when `entry` is given, else into the file.
    pub offset: Option<u64>,
}

impl Location {
    /// The same, with a pointer that is cut when it is very long.
    pub(crate) fn cut(&self) -> Self {
        let cut = |pointer: &String| pointer.chars().take(crate::text::PLACE_LENGTH).collect();
        Self { pointer: self.pointer.as_ref().map(cut), ..self.clone() }
    }

    /// Whether nothing is known about the place.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(entry) = &self.entry {
            write!(f, "{entry}")?;
            separator = ", ";
        }
        if let Some(pointer) = &self.pointer {
            let shown = if pointer.is_empty() { "the root" } else { pointer };
            write!(f, "{separator}{}", crate::text::shown_in(shown, crate::text::PLACE_LENGTH))?;
            separator = ", ";
        }
        if let Some(offset) = self.offset {
            write!(f, "{separator}byte {offset}")?;
        }
        Ok(())
    }
}

/// Where in a file a name is referred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The path from the root object, as one would write it in Python: `steps[1][1].tree_`. Empty for the root.
    /// Keys are escaped and cut.
    pub path: String,
    /// The JSON pointer (RFC 6901) into `schema.json`, cut after 8 KiB, which no genuine one has. Show it escaped.
    pub pointer: String,
}

/// A name that a file refers to and that is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Untrusted {
    /// The name, as [`TrustList::allow`](crate::TrustList::allow) takes it.
    pub name: String,
    /// What skops would do with it: see [`Role`](crate::Role).
    pub role: &'static str,
    /// The class of skops that would do it.
    pub loader: &'static str,
    /// What to know before trusting it, where that is not obvious.
    pub reason: Option<&'static str>,
    /// Where it is referred to, in the order of the file. Those past the limit `report-bytes`, for the whole file, are
    /// left out.
    pub places: Vec<Place>,
    /// How many places there are in all.
    pub place_count: usize,
}

/// Why a file was refused or an input could not be used.
///
/// `Display` says what was found and what is allowed; [`Code::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", .0.found, self.rule())]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    found: String,
    at: Location,
    source: Option<io::Error>,
    untrusted: Vec<Untrusted>,
}

impl Error {
    pub(crate) fn new(code: Code, found: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            found: found.into(),
            at: Location::default(),
            source: None,
            untrusted: Vec::new(),
        }))
    }

    pub(crate) fn io(doing: &str, source: io::Error) -> Self {
        let mut error = Self::new(Code::Io, format!("{doing}: {source}"));
        error.0.source = Some(source);
        error
    }

    /// An error of the operating system; `doing` goes on after "cannot".
    #[must_use]
    pub fn cannot(doing: &str, source: io::Error) -> Self {
        Self::io(&format!("cannot {doing}"), source)
    }

    pub(crate) fn with_untrusted(mut self, untrusted: Vec<Untrusted>) -> Self {
        self.0.untrusted = untrusted;
        self
    }

    /// What is allowed, for what breaks a rule.
    fn rule(&self) -> String {
        match self.0.code.blame() {
            Blame::Io | Blame::Caller => String::new(),
            _ => format!("; but {}", self.0.code.allowed()),
        }
    }

    /// Puts what it is about before what was found.
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.0.found = format!("{what}: {}", self.0.found);
        self
    }

    /// Names the entry, unless one is named already. A name is escaped here.
    pub(crate) fn in_entry(mut self, entry: &str) -> Self {
        if self.0.at.entry.is_none() {
            self.0.at.entry = Some(crate::text::shown(entry).to_string());
        }
        self
    }

    /// Puts an outer archive's entry before the entry that is named already.
    pub(crate) fn within_entry(mut self, outer: &str) -> Self {
        let outer = crate::text::shown(outer);
        self.0.at.entry = Some(match self.0.at.entry.take() {
            Some(inner) => format!("{outer}/{inner}"),
            None => outer.to_string(),
        });
        self
    }

    /// Names the node, unless one is named already.
    pub(crate) fn at_pointer(mut self, pointer: impl FnOnce() -> String) -> Self {
        if self.0.at.pointer.is_none() {
            self.0.at.pointer = Some(pointer());
        }
        self
    }

    pub(crate) fn at_offset(mut self, offset: u64) -> Self {
        self.0.at.offset = Some(offset);
        self
    }

    /// The stable name of this kind of error.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What was found, escaped and cut where it quotes the file.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// Where it was found.
    #[must_use]
    pub fn at(&self) -> &Location {
        &self.0.at
    }

    /// The names that are not trusted, sorted, each with its places and what to know about it, for
    /// [`Code::UntrustedTypes`].
    #[must_use]
    pub fn untrusted(&self) -> &[Untrusted] {
        &self.0.untrusted
    }

    /// The operating system's error, for [`Code::Io`].
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        self.0.source.as_ref()
    }
}
