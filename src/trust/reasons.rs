//! Why a name is dangerous, where that is not obvious.

/// Names, or prefixes that end with a dot, and what to know before trusting them.
const REASONS: &[(&str, &str)] = &[
    (
        "sklearn.tree._tree.Tree",
        "its node array holds indices that scikit-learn follows without bounds checks: a crafted file can crash \
         the process or read foreign memory at the first prediction",
    ),
    (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "its node array holds indices that scikit-learn follows without bounds checks: a crafted file can crash \
         the process or read foreign memory at the first prediction",
    ),
    (
        "quantile_forest._quantile_forest_fast.QuantileForest",
        "its arrays hold indices that are followed without bounds checks",
    ),
    (
        "sklearn.neighbors._kd_tree.",
        "its arrays hold indices that scikit-learn follows without bounds checks",
    ),
    (
        "sklearn.neighbors._ball_tree.",
        "its arrays hold indices that scikit-learn follows without bounds checks",
    ),
    ("scipy.sparse.", "its index arrays are followed without bounds checks by scipy and scikit-learn"),
    ("scipy.stats.", "a distribution runs text in its state as code, while it is loaded"),
    ("numpy.lib._datasource.", "a `DataSource` removes the folder that its state names, when it ends"),
    ("numpy.DataSource", "it removes the folder that its state names, when it ends"),
    ("numpy.lib.npyio.DataSource", "it removes the folder that its state names, when it ends"),
    ("sklearn.callback.", "a `ScoringMonitor` connects to the address in its state, while it is loaded"),
    (
        "_loss.",
        "scikit-learn 1.5 to 1.8 give their Cython losses this module name, but any module that can be imported as \
         `_loss` would be called in their place",
    ),
    (
        "functools.partial",
        "it binds arguments to whatever function the file names, and calls it when it is used",
    ),
    (
        "operator.attrgetter",
        "it reads attributes that the file names, any number of levels deep, when it is used",
    ),
    ("operator.itemgetter", "it reads items that the file names when it is used"),
    (
        "operator.methodcaller",
        "it calls a method that the file names, with the file's arguments, when it is used",
    ),
    ("operator.", "it is called at load, with the file's arguments"),
    ("builtins.eval", "it runs any text as code"),
    ("builtins.exec", "it runs any text as code"),
    ("builtins.compile", "it makes code of any text"),
    ("builtins.__import__", "it imports any module, which runs its code"),
    ("builtins.getattr", "it reads any attribute, and so reaches everything in the process"),
    ("builtins.setattr", "it replaces any attribute, methods included"),
    ("builtins.delattr", "it removes any attribute, methods included"),
    ("builtins.open", "it opens any file, for writing too"),
    ("builtins.input", "it stops the process until somebody types"),
    ("builtins.breakpoint", "it stops the process in a debugger"),
    ("builtins.map", "it calls the function that it is given"),
    ("builtins.filter", "it calls the function that it is given"),
    ("builtins.type", "called with three arguments it makes classes, methods included"),
    ("os.", "it reaches the operating system"),
    ("posix.", "it reaches the operating system"),
    ("nt.", "it reaches the operating system"),
    ("subprocess.", "it runs programs"),
    ("sys.", "it reaches the interpreter itself"),
    ("importlib.", "it imports modules, which runs their code"),
    ("runpy.", "it runs modules as programs"),
    ("pickle.", "it opens pickles, which run their author's code"),
    ("_pickle.", "it opens pickles, which run their author's code"),
    ("joblib.", "it opens pickles, which run their author's code"),
    ("cloudpickle.", "it opens pickles, which run their author's code"),
    ("dill.", "it opens pickles, which run their author's code"),
    ("marshal.", "it makes code of bytes"),
    ("shutil.", "it moves and removes files"),
    ("ctypes.", "it reaches any memory and any library"),
    ("socket.", "it reaches the network"),
    ("numpy.load", "it opens pickles when asked to, which run their author's code"),
    ("__main__.", "it is whatever the loading program itself defines under this name"),
];

/// What to know before trusting a name, if that is not obvious.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let matches = |pattern: &str| {
        if pattern.ends_with('.') { name.starts_with(pattern) } else { name == pattern }
    };
    REASONS.iter().find(|(pattern, _)| matches(pattern)).map(|(_, reason)| *reason)
}

/// What to know of a name that is read as an attribute and is special to Python.
pub(super) const DUNDER: &str =
    "attributes with two underscores on both sides reach Python's own machinery, and from there everything";
