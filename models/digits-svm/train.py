"""Trains digits-svm and writes 1/model.onnx beside this script. Takes about 45 seconds."""

import copy
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # a __pycache__ folder in a model repository would count as a model
sys.path.insert(0, str(FOLDER.parent))

import digits
import graph

import numpy as np
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold
from sklearn.svm import SVC

CANDIDATES = 100
FOLDS = 10
NOISE_ROWS = 5000


def support_vectors(model, rows, labels):
    return model.n_support_.sum()


def fewest_support_vectors(results):
    """The smallest of the candidates within one standard error of the best cross-validated accuracy.

    The cost of a run grows with the number of support vectors, and differences below the error say nothing.
    """
    accuracy = results["mean_test_accuracy"]
    best = np.argmax(accuracy)
    standard_error = np.std([results[f"split{fold}_test_accuracy"][best] for fold in range(FOLDS)], ddof=1) / FOLDS**0.5
    print(f"best candidate: {candidate(results, best)}, standard error {standard_error:.4f}")
    good = accuracy >= accuracy[best] - standard_error
    chosen = np.argmin(np.where(good, results["mean_test_support_vectors"], np.inf))
    print(f"chosen of {good.sum()} within it: {candidate(results, chosen)}")
    return chosen


def candidate(results, index):
    return (
        f"C={results['params'][index]['C']:.4g} gamma={results['params'][index]['gamma']:.4g}"
        f" accuracy {results['mean_test_accuracy'][index]:.4f}"
        f" support vectors {results['mean_test_support_vectors'][index]:.0f}"
    )


def main():
    train_rows, held_out_rows, train_labels, held_out_labels = digits.split()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=digits.SEED)
    search = RandomizedSearchCV(
        SVC(kernel="rbf"),
        {"C": loguniform(1e-1, 1e3), "gamma": loguniform(1e-5, 1e-2)},
        n_iter=CANDIDATES,
        scoring={"accuracy": "accuracy", "support_vectors": support_vectors},
        cv=folds,
        refit=fewest_support_vectors,
        random_state=digits.SEED,
    )
    search.fit(train_rows, train_labels)

    # One machine fitted to all training rows; the sigmoids are fitted to what machines say of folds they never saw.
    model = CalibratedClassifierCV(SVC(kernel="rbf", **search.best_params_), method="sigmoid", ensemble=False, cv=folds)
    model.fit(train_rows, train_labels)
    path = FOLDER / "1" / "model.onnx"
    content = digits.write(graph.build(model, "digits-svm"), path)
    machine = model.calibrated_classifiers_[0].estimator
    rows = np.vstack([train_rows, held_out_rows, noise()])
    settled_rows = settled(machine, rows)
    digits.check(model, path, settled_rows)
    print(f"checked {len(settled_rows)} of {len(rows)} rows")
    print(f"held-out accuracy {model.score(held_out_rows, held_out_labels):.4f}")
    print(f"{machine.n_support_.sum()} support vectors, {len(content)} bytes")


def noise():
    """Rows that are no digits, from faint to strong; float32, as a request carries them."""
    random = np.random.default_rng(digits.SEED)
    strength = random.uniform(0, 16, (NOISE_ROWS, 1))
    return (strength * random.uniform(size=(NOISE_ROWS, digits.PIXELS))).astype(np.float32)


def settled(machine, rows):
    """The rows without the few where a pair of classes is so close that the rounding of a float decides its vote."""
    pairwise = copy.copy(machine).set_params(decision_function_shape="ovo")
    return rows[np.abs(pairwise.decision_function(rows)).min(axis=1) > 1e-5]


if __name__ == "__main__":
    main()
