//! Names that ordinary models of scikit-learn need, which skops does not trust, and whose contents are checked here.

use std::fmt;

use crate::schema::Loader;

/// Allowances that belong together. All of them hold only for files whose contents pass every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Preset {
    /// Decision trees, forests and histogram gradient boosting: `Tree` and `TreePredictor`.
    Trees,
    /// Nearest neighbours: `KDTree`, `BallTree` and their metrics.
    Neighbors,
    /// Sparse matrices and arrays of scipy.
    Sparse,
}

impl Preset {
    /// Every preset.
    pub const ALL: &'static [Self] = &[Self::Trees, Self::Neighbors, Self::Sparse];

    /// The name that a policy file has.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trees => "trees",
            Self::Neighbors => "neighbors",
            Self::Sparse => "sparse",
        }
    }

    /// The preset with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|preset| preset.as_str() == name)
    }

    /// The names, each under the loaders that it belongs to.
    pub fn names(self) -> impl Iterator<Item = (&'static str, Loader)> {
        let names: &[_] = match self {
            Self::Trees => &TREES,
            Self::Neighbors => &NEIGHBORS,
            Self::Sparse => &SPARSE,
        };
        names.iter().flat_map(move |name| {
            let loaders: &[_] = match (self, *name) {
                (Self::Trees, "sklearn.tree._tree.Tree") => &[Loader::Tree],
                // skops 0.9 to 0.13 write sparse arrays, but not matrices, as any other instance.
                (Self::Sparse, name) if name.ends_with("_array") => &[Loader::SparseMatrix, Loader::Object],
                (Self::Sparse, _) => &[Loader::SparseMatrix],
                _ => &[Loader::Object],
            };
            loaders.iter().map(|loader| (*name, *loader))
        })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const TREES: [&str; 2] =
    ["sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"];

/// Of metrics, those that have no arrays of their own.
const NEIGHBORS: [&str; 18] = [
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._kd_tree.KDTree32",
    "sklearn.neighbors._kd_tree.KDTree64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._ball_tree.BallTree32",
    "sklearn.neighbors._ball_tree.BallTree64",
    "sklearn.metrics._dist_metrics.EuclideanDistance",
    "sklearn.metrics._dist_metrics.EuclideanDistance32",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance",
    "sklearn.metrics._dist_metrics.ManhattanDistance32",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.ChebyshevDistance",
    "sklearn.metrics._dist_metrics.ChebyshevDistance32",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.HaversineDistance",
    "sklearn.metrics._dist_metrics.HaversineDistance32",
    "sklearn.metrics._dist_metrics.HaversineDistance64",
];

const SPARSE: [&str; 20] = [
    "scipy.sparse._bsr.bsr_array",
    "scipy.sparse._bsr.bsr_matrix",
    "scipy.sparse._coo.coo_array",
    "scipy.sparse._coo.coo_matrix",
    "scipy.sparse._csc.csc_array",
    "scipy.sparse._csc.csc_matrix",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "scipy.sparse._dia.dia_array",
    "scipy.sparse._dia.dia_matrix",
    // scipy 1.8 to 1.10
    "scipy.sparse._arrays.bsr_array",
    "scipy.sparse._arrays.coo_array",
    "scipy.sparse._arrays.csc_array",
    "scipy.sparse._arrays.csr_array",
    "scipy.sparse._arrays.dia_array",
    // scipy before 1.8
    "scipy.sparse.bsr.bsr_matrix",
    "scipy.sparse.coo.coo_matrix",
    "scipy.sparse.csc.csc_matrix",
    "scipy.sparse.csr.csr_matrix",
    "scipy.sparse.dia.dia_matrix",
];
