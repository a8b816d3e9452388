"""Makes the support vector machines of these tests, in its own folder, as scikit-learn's users export theirs.

    python3 -m venv venv && venv/bin/pip install onnx==1.21.0 scikit-learn==1.9.1 skl2onnx==1.20.0
    venv/bin/python make_machines.py

The files are committed, so this is needed only to change them.
"""

import pathlib

import numpy
import onnx
from skl2onnx import to_onnx
from sklearn.datasets import make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM

HERE = pathlib.Path(__file__).parent
FEATURES = 6


def save(name, machine, classes, labels=None, offset=0, spread=4.0, options=None):
    """Trains a machine on points `spread` around `classes` centres, `offset` from 0, and writes it."""
    rows, targets = make_blobs(90, FEATURES, centers=classes, cluster_std=spread, random_state=0)
    rows = (rows + offset).astype(numpy.float32)
    machine.fit(rows, numpy.array(labels)[targets] if labels else targets)
    options = {"zipmap": False} if options is None else options
    model = to_onnx(
        machine,
        rows[:1],
        options={id(machine): options} if options else None,
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    onnx.save(model, HERE / f"svm_{name}.onnx")


if __name__ == "__main__":
    save("classes", SVC(C=10), 5)
    save("two_classes", SVC(C=10), 2)
    save("probabilities", SVC(C=10, probability=True, random_state=0), 4, labels=["ash", "elm", "fir", "oak"])
    save("scaled", make_pipeline(StandardScaler(), SVC(C=10)), 3)
    save("regression", SVR(C=10), 5, options={})
    save("one_class", OneClassSVM(), 1, options={})
    # Far from 0, where squares would have no digits left for distances.
    save("far_away", SVC(C=10), 4, offset=10_000)
    # Coefficients so large that rounding would count.
    save("steep", SVC(C=1e6, gamma=1e-6, max_iter=10_000), 3, spread=30.0)
    # As narrow a kernel as this isn't computed as products, nor are other kernels.
    save("narrow", SVC(gamma=10.0), 3)
    save("linear", SVC(kernel="linear"), 3)
