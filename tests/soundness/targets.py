"""Names that mutants put into files. None of them does harm in the recorder: see `DANGEROUS` and `FORBIDDEN` there."""

import os

# What an attacker wants, as module and class.
DANGEROUS = [
    ("os", "system"), ("posix", "system"), ("os", "popen"), ("os", "remove"), ("os", "_exit"), ("os", "environ"),
    ("subprocess", "Popen"), ("subprocess", "check_output"), ("subprocess", "run"), ("builtins", "eval"),
    ("builtins", "exec"), ("builtins", "compile"), ("builtins", "getattr"), ("builtins", "setattr"),
    ("builtins", "__import__"), ("builtins", "open"), ("builtins", "globals"), ("builtins", "vars"), ("builtins", "map"),
    ("builtins", "type"), ("builtins", "object"), ("builtins", "super"), ("builtins", "print"), ("builtins", "exit"),
    ("importlib", "import_module"), ("functools", "partial"), ("functools", "reduce"), ("operator", "call"),
    ("operator", "attrgetter"), ("operator", "methodcaller"), ("operator", "itemgetter"), ("types", "FunctionType"),
    ("types", "CodeType"), ("ctypes", "CDLL"), ("pickle", "loads"), ("pickle", "Unpickler"), ("joblib", "load"),
    ("numpy", "load"), ("numpy", "fromfile"), ("numpy", "frompyfunc"), ("sys", "modules"), ("sys", "exit"),
    ("shutil", "rmtree"), ("runpy", "run_path"), ("pydoc", "locate"), ("timeit", "timeit"), ("socket", "socket"),
    ("logging.config", "dictConfig"), ("code", "interact"), ("numpy.testing._private.utils", "runstring"),
    ("sklearn.utils._testing", "os"), ("skops.io._utils", "importlib"), ("skops.io", "load"),
]

HARMLESS = [
    ("builtins", "dict"), ("builtins", "list"), ("builtins", "tuple"), ("builtins", "set"), ("builtins", "frozenset"),
    ("builtins", "int"), ("builtins", "float"), ("builtins", "str"), ("builtins", "bool"), ("builtins", "bytes"),
    ("builtins", "bytearray"), ("builtins", "complex"), ("builtins", "slice"), ("builtins", "range"), ("builtins", "len"),
    ("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter"), ("collections", "deque"),
    ("decimal", "Decimal"), ("fractions", "Fraction"), ("datetime", "datetime"), ("datetime", "timedelta"),
    ("uuid", "UUID"), ("pathlib", "PurePosixPath"), ("types", "SimpleNamespace"), ("types", "MappingProxyType"),
    ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy", "matrix"), ("numpy", "float64"), ("numpy", "int8"),
    ("numpy", "bytes_"), ("numpy", "str_"), ("numpy", "void"), ("numpy", "bool_"), ("numpy", "generic"), ("numpy", "log1p"),
    ("numpy.ma", "MaskedArray"), ("numpy.ma.core", "MaskedArray"), ("numpy.ma.core", "MaskedConstant"),
    ("numpy.ma", "masked_array"), ("numpy.ma.mrecords", "MaskedRecords"), ("numpy", "recarray"), ("numpy", "memmap"),
    ("numpy.random", "RandomState"), ("numpy.random.mtrand", "RandomState"), ("numpy.random._generator", "Generator"),
    ("numpy.random", "default_rng"), ("numpy.random._pcg64", "PCG64"), ("scipy.special._ufuncs", "expit"),
    ("scipy.sparse._csr", "csr_matrix"), ("scipy.sparse", "csr_matrix"), ("scipy.sparse._csr", "csr_array"),
    ("scipy.sparse._arrays", "csr_array"), ("scipy.sparse", "spmatrix"), ("sklearn.utils._bunch", "Bunch"),
    ("sklearn.linear_model._logistic", "LogisticRegression"), ("sklearn.pipeline", "Pipeline"),
    ("sklearn.preprocessing._data", "StandardScaler"), ("sklearn.tree._tree", "Tree"), ("sklearn.tree._classes", "BaseTree"),
    ("quantile_forest._quantile_forest_fast", "QuantileForest"), ("custom", "Plain"), ("custom", "double"),
    ("custom", "Point"), ("custom", "MyDict"), ("custom", "MyTuple"), ("custom", "TypedPoint"), ("custom", "MyList"), ("custom", "MyArray"),
]

# Names that are found in another way than they look: lazily, privately, as modules, as attributes of classes.
ODD = [
    ("scipy", "stats"), ("sklearn", "utils"), ("numpy", "random"), ("xml", "etree"), ("numpy.core", "multiarray"),
    ("numpy._core", "multiarray"), ("numpy", "__getattr__"), ("sklearn", "__getattr__"), ("builtins", "__dict__"),
    ("os", "path"), ("os.path", "join"), ("builtins", "__class__"), ("numpy", "core"), ("sklearn.externals", "joblib"),
    ("scipy.misc", "common"), ("encodings.idna", "ToASCII"), ("this", "s"), ("antigravity", "webbrowser"),
    ("lib2to3.pygram", "Symbols"), ("__main__", "main"), ("_loss", "CyHalfBinomialLoss"), ("custom", "anonymous"),
    ("custom", "<lambda>"), ("builtins", "NoneType"), ("builtins", "function"), ("builtins", "method"), ("nope", "Nope"),
]

# No names at all, to a careful reader.
MALFORMED = [
    ("os.path", "join.x"), ("os", "path.join"), ("", "list"), ("builtins", ""), ("builtins.", "list"), (".builtins", "list"),
    ("builtins", "li\u017ft"), ("builtins", "l\u0131st"), ("\u0431uiltins", "list"), ("builtins", "list "), (" os", "system"),
    ("os\n", "system"), ("os", "system\0"), ("builtins", "<locals>"), ("..os", "system"), ("os", 5), (None, "list"),
    (["os"], "system"), ("os", None), ("builtins", "1x"), ("a" * 2000, "b"), ("builtins", "\uff4cist"), ("os/path", "join"),
]

LOSS_MODULES = ["sklearn.linear_model._sgd_fast", "sklearn._loss._loss", "_loss", "sklearn._loss.loss", "os"]
LOSS_CLASSES = [
    "Hinge", "Log", "SquaredHinge", "ModifiedHuber", "EpsilonInsensitive", "SquaredLoss", "Huber", "CyHalfBinomialLoss",
    "CyPinballLoss", "CyHuberLoss", "CyAbsoluteError", "CyHalfMultinomialLoss", "CyLossFunction", "LossFunction", "Regression",
    "Classification", "np", "time", "system", "__builtins__", "__loader__", "__spec__", "__test__", "_plain_sgd",
    "_plain_sgd64", "__name__", "__pyx_capi__", "HalfBinomialLoss",
]

BIT_GENERATORS = [
    "PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM", "RandomState", "default_rng", "seed", "Generator", "BitGenerator",
    "SeedSequence", "bit_generator", "mtrand", "_pickle", "__class__", "__getattr__", "test", "random", "shuffle",
    "PCG64 ", "", "PCG64.jumped", "_generator", "set_bit_generator", "\u0420CG64",
]

ATTRIBUTES = [
    "fit", "predict", "transform", "get_params", "__class__", "__init__", "__reduce__", "__globals__", "__self__", "__dict__",
    "__init_subclass__", "__subclasses__", "__mro__", "__call__", "__doc__", "__getattribute__", "mro", "tofile", "tolist",
    "dump", "upper", "format", "real", "imag", "T", "base", "ctypes", "data", "append", "pop", "set_state", "func", "keywords",
    "threshold_", "feature_importances_", "multilabel_", "estimators_samples_", "coef_", "named_steps", "classes_", "n_features_in_", "A",
    "count", "index", "x", "y", "bit_length", "decode", "method", "a.b", "", "fit.__globals__", "f\u0131t", "_fields", "class",
]

KEYS = [
    "a", "x", "__class__", "__dict__", "__setstate__", "__doc__", "__module__", "__name__", "__init__", "steps", "0", "1",
    "1.0", "true", "None", "", " ", "n_features_in_", "\u00e9", "a.b", "bit_generator", "state", "__sklearn_tags__", "_sklearn_version",
]


TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/trust/tables")


def table(name):
    """The names that a table of skops-rs has."""
    with open(os.path.join(TABLES, f"{name}.txt")) as file:
        return [line.split()[0] for line in file if line.strip() and not line.startswith("#")]


METHODS = table("methods")
ESTIMATORS = [tuple(name.rsplit(".", 1)) for name in table("estimators")]

# Those that do more with their state than keep it.
RESTORING = [("sklearn.isotonic", "IsotonicRegression"), ("sklearn.preprocessing._data", "StandardScaler"), ("sklearn.pipeline", "Pipeline"),
             ("sklearn.feature_selection._from_model", "SelectFromModel"), ("sklearn.ensemble._bagging", "BaggingClassifier")]

# What scikit-learn, or numpy, looks into while it takes a state, or while an attribute is read.
LOOKED_INTO = ["_build_f", "_sklearn_version", "_get_param_names", "X_thresholds_", "y_thresholds_", "nodes", "random_state",
               "steps", "estimators_", "estimator_", "importance_getter", "tree_"]

# Called for a container, they give one with other items, one that others share, or one that finds keys otherwise.
CONTAINERS = [
    ("sysconfig", "get_config_vars"), ("sklearn._config", "_get_threadlocal_config"), ("email.message", "Message"),
    ("itertools", "pairwise"), ("itertools", "permutations"), ("collections", "Counter"), ("inspect", "getmembers"),
    ("dis", "Positions"), ("types", "resolve_bases"), ("timeit", "_globals"), ("collections", "deque"), ("collections", "UserDict"),
]  # fmt: skip
