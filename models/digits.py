"""Data, files and checks shared by the handwritten-digit models.

Run as a program, it writes the held-out rows to digits-holdout.csv.
"""

import importlib.metadata
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent


def check_versions():
    """Exits unless the packages are those of requirements.txt: others may train other models."""
    faults = []
    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, wanted = line.split("==")
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "none"
        if found != wanted:
            faults.append(f"{name}: expected {wanted}, found {found}")
    if faults:
        sys.exit("\n".join(faults + ["Install models/requirements.txt with pip."]))


check_versions()  # before the imports below, so that a missing package is named with all the others

import numpy as np
import onnx
import onnxruntime
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

SEED = 0
HELD_OUT_ROWS = 360
PIXELS = 64
CLASSES = 10

# Older than every ONNX Runtime that Manta meets (Debian 13 has 1.21).
OPSET = 18
IR_VERSION = 8

# One thread adds up in one order, so the number of cores has no say in the weights.
threadpool_limits(1)


def split():
    """The 8 by 8 images of load_digits as rows of 64 raw pixels, 0 to 16, with every digit in its share on both sides.

    Returns training rows, held-out rows, training labels, held-out labels.
    """
    pixels, labels = load_digits(return_X_y=True)
    return train_test_split(pixels, labels, test_size=HELD_OUT_ROWS, stratify=labels, random_state=SEED)


def write(onnx_model, path):
    """Writes a model of X [-1, 64] to label [-1] and probabilities [-1, 10], and returns its bytes."""
    onnx_model.ir_version = IR_VERSION
    for value in [*onnx_model.graph.input, *onnx_model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(onnx_model, full_check=True)
    path.parent.mkdir(exist_ok=True)
    content = onnx_model.SerializeToString(deterministic=True)
    path.write_bytes(content)
    return content


def check(model, path, rows):
    """Fails unless the file has the promised signature and answers each row as scikit-learn does."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    signature = {value.name: (value.type, value.shape) for value in session.get_inputs() + session.get_outputs()}
    assert signature == {
        "X": ("tensor(float)", ["batch", PIXELS]),
        "label": ("tensor(int64)", ["batch"]),
        "probabilities": ("tensor(float)", ["batch", CLASSES]),
    }, signature

    raw = rows.astype(np.float32)
    labels, probabilities = session.run(["label", "probabilities"], {"X": raw})
    np.testing.assert_array_equal(labels, probabilities.argmax(axis=1))
    np.testing.assert_array_equal(labels, model.predict(rows))
    np.testing.assert_allclose(probabilities, model.predict_proba(rows), rtol=0, atol=1e-4)
    for index in range(len(raw)):  # one by one as in a batch
        label, probability = session.run(["label", "probabilities"], {"X": raw[index : index + 1]})
        assert label[0] == labels[index], f"row {index}: {label[0]} alone, {labels[index]} in a batch"
        np.testing.assert_allclose(probability[0], probabilities[index], rtol=0, atol=1e-5)


def main():
    _, pixels, _, labels = split()
    header = ",".join(["label"] + [f"p{pixel}" for pixel in range(PIXELS)])
    table = np.column_stack([labels, pixels])
    np.savetxt(FOLDER / "digits-holdout.csv", table, fmt="%d", delimiter=",", header=header, comments="")


if __name__ == "__main__":
    main()
