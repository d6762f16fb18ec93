//! The loaders: the classes of skops that read a node, which decide what its fields are.

use std::fmt;

macro_rules! loaders {
    ($( $variant:ident = $name:literal, $doc:literal; )*) => {
        /// Which class of skops reads a node (`__loader__`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Loader {
            $(
                #[doc = $doc]
                $variant,
            )*
        }

        impl Loader {
            /// Every loader.
            pub const ALL: &'static [Loader] = &[$(Loader::$variant),*];

            /// The name as `__loader__` has it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Loader::$variant => $name),* }
            }

            #[inline]
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Loader::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

loaders! {
    Object = "ObjectNode", "An instance, made with `__new__` and given its state.";
    ConstructorFromReduce = "ConstructorFromReduceNode", "A class that is called with stored arguments.";
    Dict = "DictNode", "A dict, or a subclass of it.";
    DefaultDict = "DefaultDictNode", "A `collections.defaultdict`.";
    List = "ListNode", "A list, or a subclass of it.";
    Tuple = "TupleNode", "A tuple, or a named tuple.";
    Set = "SetNode", "A set, or a subclass of it.";
    Json = "JsonNode", "A str, int, float, bool or None.";
    Type = "TypeNode", "A class or builtin function, by name.";
    Function = "FunctionNode", "A function or ufunc, by name.";
    Partial = "PartialNode", "A `functools.partial`.";
    Method = "MethodNode", "A bound method: an attribute that is read from an object.";
    OperatorFunc = "OperatorFuncNode", "An `operator.attrgetter`, `itemgetter` or `methodcaller`.";
    Slice = "SliceNode", "A slice.";
    Bytes = "BytesNode", "Bytes.";
    Bytearray = "BytearrayNode", "A bytearray.";
    NdArray = "NdArrayNode", "A numpy array or scalar.";
    MaskedArray = "MaskedArrayNode", "A numpy masked array.";
    DType = "DTypeNode", "A numpy dtype.";
    RandomState = "RandomStateNode", "A numpy `RandomState`.";
    RandomGenerator = "RandomGeneratorNode", "A numpy `Generator`, with the bit generator that it names.";
    SparseMatrix = "SparseMatrixNode", "A scipy sparse matrix or array.";
    Tree = "TreeNode", "A scikit-learn `Tree`.";
    Loss = "LossNode", "A Cython loss of scikit-learn, whose class is called.";
    Sgd = "SGDNode", "The name of `LossNode` up to skops 0.10.";
    QuantileForest = "QuantileForestNode", "A forest of the package quantile-forest.";
    DictWithDeprecatedKeys = "_DictWithDeprecatedKeysNode", "A dict of scikit-learn before 1.2.";
    Cached = "CachedNode", "The object of an earlier node.";
}

impl fmt::Display for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
