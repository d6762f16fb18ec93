"""Train the models that the measurements use, and save them with the skops of this environment.

    python models.py OUTDIR [NAME...]

NAME makes NAME.skops. NAME.joblib is the model of that file, as joblib saves it, uncompressed. A model
that is there already is kept. Data are made up, and every seed is fixed; files differ from run to run
only in the addresses that skops writes as identifiers.
"""

import sys
import time
import warnings
import zipfile
from pathlib import Path

warnings.filterwarnings("ignore")

import joblib  # noqa: E402
import numpy as np  # noqa: E402
import skops.io  # noqa: E402
from sklearn.datasets import make_classification  # noqa: E402
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.linear_model import LogisticRegression, SGDClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402


def data(rows, **options):
    return make_classification(rows, n_features=20, n_informative=10, random_state=0, **options)


def logistic_regression():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*data(1_000))


def forest(min_samples_leaf):
    model = RandomForestClassifier(
        500, max_depth=20, min_samples_leaf=min_samples_leaf, random_state=0, n_jobs=-1
    )
    return model.fit(*data(50_000, flip_y=0.2))


def gradient_boosting():
    return GradientBoostingClassifier(n_estimators=300, max_depth=4, random_state=0).fit(*data(5_000))


def tfidf(words=50_000, length=100):
    """Texts in which each of the words occurs, in three classes."""
    vocabulary = np.array([f"vocable{number:05}" for number in range(words)])
    random = np.random.default_rng(0)
    texts = [" ".join(part) for part in vocabulary.reshape(-1, length)]
    texts += [" ".join(random.choice(vocabulary, length)) for _ in range(1_000)]
    classes = [number % 3 for number in range(len(texts))]
    model = SGDClassifier(max_iter=5, tol=None, random_state=0)
    return make_pipeline(TfidfVectorizer(), model).fit(texts, classes)


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
MODELS = {
    "logistic-regression": (logistic_regression, STORED),
    "random-forest": (lambda: forest(2), STORED),
    # As many trees, entries and nodes of the schema as the one above, with a tenth of its array bytes.
    "random-forest-tenth": (lambda: forest(70), STORED),
    "gradient-boosting": (gradient_boosting, STORED),
    "tfidf": (tfidf, STORED),
    # The models of other files.
    "random-forest-deflated": ("random-forest", DEFLATED),
    "gradient-boosting-deflated": ("gradient-boosting", DEFLATED),
}


def load(file):
    return skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))


def make(folder, name):
    """Make the file of this name, if it is not there, and return its path."""
    is_joblib = name.endswith(".joblib")
    file = folder / (name if is_joblib else f"{name}.skops")
    if file.exists():
        return file
    build, compression = (name.removesuffix(".joblib"), None) if is_joblib else MODELS[name]
    start = time.monotonic()
    model = load(make(folder, build)) if isinstance(build, str) else build()
    part = file.with_suffix(".part")
    if is_joblib:
        joblib.dump(model, part)
    else:
        skops.io.dump(model, part, compression=compression)
    part.rename(file)
    size, seconds = file.stat().st_size, time.monotonic() - start
    print(f"{file.name}: {size:,} bytes in {seconds:.0f} s", file=sys.stderr, flush=True)
    return file


def main(folder, *names):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or MODELS:
        make(folder, name)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
