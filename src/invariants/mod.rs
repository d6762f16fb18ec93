//! Contents that hold what their types promise.
//!
//! scikit-learn, scipy, numpy and libsvm follow the numbers in some objects without looking: a child of a tree's node,
//! an index of a sparse matrix, a position in a buffer. A file can say anything there, and then the process that uses
//! the model dies, or reads memory that is not the model's. So each type here is checked for all that such code takes
//! for granted, and what passes is safe to hand to it.
//!
//! [`check`] looks at one object; [`Audit::verify`] at all of a file. Each room knows one family of types.

mod arrays;
mod attribute;
mod composition;
mod encoder;
mod ensemble;
mod facts;
mod fault;
mod linear;
mod neighbors;
mod predictor;
mod quantile_forest;
mod random;
mod sparse;
mod start;
mod svm;
mod text;
mod tree;

use crate::audit::{Audit, has_methods};
use crate::error::{Code, Error, Result};
use crate::model::{Effort, Graph, Object};
use crate::schema::Loader;
use fault::Check;

/// A check, and the code of what it finds.
type Rule = (fn(Object<'_>) -> Check, Code);

/// The checks of classes: the package, or with `*` the module, and the names. A class can be had from every module that
/// imports it, so its own module does not matter.
const RULES: &[(&str, &[&str], Rule)] = &[
    (
        "sklearn",
        &["DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"],
        (ensemble::check_tree, Code::InvariantEnsemble),
    ),
    (
        "sklearn",
        &[
            "RandomForestClassifier",
            "RandomForestRegressor",
            "ExtraTreesClassifier",
            "ExtraTreesRegressor",
            "RandomTreesEmbedding",
            "IsolationForest",
        ],
        (ensemble::check_forest, Code::InvariantEnsemble),
    ),
    ("sklearn", &["Tree"], (tree::check_loader, Code::InvariantTree)),
    ("quantile_forest", &["QuantileForest"], (tree::check_loader, Code::InvariantQuantileForest)),
    (
        "sklearn",
        &["GradientBoostingClassifier", "GradientBoostingRegressor"],
        (ensemble::check_boosting, Code::InvariantEnsemble),
    ),
    (
        "quantile_forest",
        &["RandomForestQuantileRegressor", "ExtraTreesQuantileRegressor"],
        (ensemble::check_quantile_forest, Code::InvariantEnsemble),
    ),
    ("sklearn", &["TreePredictor"], (predictor::check, Code::InvariantPredictor)),
    (
        "sklearn",
        &["HistGradientBoostingClassifier", "HistGradientBoostingRegressor"],
        (predictor::check_estimator, Code::InvariantEnsemble),
    ),
    (
        "sklearn",
        &["KDTree", "KDTree32", "KDTree64", "BallTree", "BallTree32", "BallTree64"],
        (neighbors::check, Code::InvariantNeighbors),
    ),
    (
        "sklearn",
        &[
            "KNeighborsClassifier",
            "KNeighborsRegressor",
            "KNeighborsTransformer",
            "RadiusNeighborsClassifier",
            "RadiusNeighborsRegressor",
            "RadiusNeighborsTransformer",
            "NearestNeighbors",
            "LocalOutlierFactor",
        ],
        (neighbors::check_estimator, Code::InvariantNeighbors),
    ),
    ("sklearn", &["SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM"], (svm::check, Code::InvariantSvm)),
    (
        "sklearn",
        &["CountVectorizer", "TfidfVectorizer", "DictVectorizer"],
        (text::check, Code::InvariantVocabulary),
    ),
    ("sklearn", &["TfidfTransformer"], (text::check_transformer, Code::InvariantVocabulary)),
    ("sklearn.linear_model", &["*"], (linear::check, Code::InvariantLinear)),
    ("sklearn", &["LinearSVC", "LinearSVR"], (linear::check, Code::InvariantLinear)),
    ("sklearn.discriminant_analysis", &["*"], (linear::check, Code::InvariantLinear)),
    (
        "sklearn",
        &["OneHotEncoder", "OrdinalEncoder", "TargetEncoder"],
        (encoder::check, Code::InvariantEncoder),
    ),
    ("sklearn", &["MultiLabelBinarizer"], (encoder::check_labels, Code::InvariantEncoder)),
    ("sklearn", &["SplineTransformer"], (arrays::check_splines, Code::InvariantArrays)),
    ("scipy", &["BSpline"], (arrays::check_spline, Code::InvariantArrays)),
    (
        "sklearn",
        &["KMeans", "MiniBatchKMeans", "BisectingKMeans"],
        (arrays::check_centers, Code::InvariantArrays),
    ),
    ("sklearn", &["Birch"], (arrays::check_subclusters, Code::InvariantArrays)),
    ("sklearn", &["HDBSCAN"], (arrays::check_linkage, Code::InvariantArrays)),
    ("sklearn", &["HashingVectorizer", "FeatureHasher"], (arrays::check_hasher, Code::InvariantArrays)),
    ("scipy.sparse", &["*"], (sparse::check, Code::InvariantSparse)),
    (
        "numpy",
        &["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"],
        (random::check_bit_generator, Code::InvariantRandom),
    ),
    (
        "sklearn",
        &[
            "Pipeline",
            "FeatureUnion",
            "ColumnTransformer",
            "VotingClassifier",
            "VotingRegressor",
            "StackingClassifier",
            "StackingRegressor",
        ],
        (composition::check_steps, Code::InvariantSteps),
    ),
    (
        "sklearn",
        &[
            "StackingClassifier",
            "StackingRegressor",
            "FixedThresholdClassifier",
            "TunedThresholdClassifierCV",
            "ClassifierChain",
            "RegressorChain",
            "_Scorer",
        ],
        (composition::check_methods, Code::InvariantMethod),
    ),
];

/// Checks the contents of one object, without those of the objects in it.
pub(crate) fn check(object: Object<'_>) -> Result<()> {
    let apply = |(check, code): Rule| check(object).map_err(|fault| fault.about(object, code));
    apply((composition::check_places, Code::InvariantSteps))?;
    match object.node().loader() {
        Loader::Tree => apply((tree::check, Code::InvariantTree)),
        Loader::QuantileForest => apply((quantile_forest::check, Code::InvariantQuantileForest)),
        Loader::RandomState => apply((random::check_state, Code::InvariantRandom)),
        Loader::RandomGenerator => apply((random::check_generator, Code::InvariantRandom)),
        Loader::SparseMatrix => object.sparse().map(drop),
        Loader::Object | Loader::ConstructorFromReduce => {
            let declared = object.node().declared();
            let package = declared.module.split('.').next().unwrap_or_default();
            if has_methods(declared) {
                apply((attribute::check, Code::InvariantAttribute))?;
            }
            let is_within = |module: &str| {
                declared
                    .module
                    .strip_prefix(module)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let is_of = |place: &str, classes: &[&str]| match classes {
                ["*"] => is_within(place),
                _ => place == package && classes.contains(&declared.class),
            };
            let rules = RULES.iter().filter(|(place, classes, _)| is_of(place, classes));
            rules.map(|(_, _, rule)| *rule).try_for_each(apply)
        }
        _ => Ok(()),
    }
}

impl Audit {
    /// Checks the contents of all objects whose type promises something, and reads only what it needs for that. It
    /// builds nothing and trusts nobody: a file may be verified before anyone has decided to trust its names.
    ///
    /// A file that passes is safe to hand to scikit-learn as far as its contents go: no index in it leads out of what it
    /// is an index of. See `SECURITY.md` for what is checked of which type.
    ///
    /// # Errors
    /// The first thing that is wrong: a code `invariant-...`, or why a payload cannot be read.
    pub fn verify(&self) -> Result<()> {
        let effort = Effort::default();
        Graph::unguarded(self, &effort).objects().try_for_each(check)
    }

    /// What [`Audit::verify`] finds, and what comes after it; parts before what they are part of. Past
    /// [`MOST_VIOLATIONS`] the rest is left out.
    #[must_use]
    pub fn violations(&self) -> Vec<Error> {
        let effort = Effort::default();
        let found = Graph::unguarded(self, &effort).objects().filter_map(|object| check(object).err());
        found.take(MOST_VIOLATIONS).collect()
    }

    /// Hands over all that [`Audit::verify`] finds, however much it is.
    #[cfg(feature = "gate")]
    pub(crate) fn each_violation(&self, each: impl FnMut(Error)) {
        let effort = Effort::default();
        Graph::unguarded(self, &effort).objects().filter_map(|object| check(object).err()).for_each(each);
    }
}

/// How many faults [`Audit::violations`] lists.
pub const MOST_VIOLATIONS: usize = 1000;
