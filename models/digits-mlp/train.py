"""Trains both versions of digits-mlp and writes 1/model.onnx and 2/model.onnx beside this script. Takes seconds."""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # a __pycache__ folder in a model repository would count as a model
sys.path.insert(0, str(FOLDER.parent))

import digits

import skl2onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

# Each stops once a tenth of the training rows, kept aside, has seen no gain for `n_iter_no_change` passes.
VERSIONS = {
    1: {"hidden_layer_sizes": (8,), "n_iter_no_change": 5},
    2: {"hidden_layer_sizes": (64,), "n_iter_no_change": 50},
}


def convert(model):
    onnx_model = skl2onnx.to_onnx(
        model,
        name="digits-mlp",
        initial_types=[("X", FloatTensorType([None, digits.PIXELS]))],
        options={"zipmap": False},
        target_opset={"": digits.OPSET, "ai.onnx.ml": 3},
    )
    opsets = sorted(onnx_model.opset_import, key=lambda opset: opset.domain)  # come from a set, in any order
    del onnx_model.opset_import[:]
    onnx_model.opset_import.extend(opsets)
    return onnx_model


def main():
    train_rows, held_out_rows, train_labels, held_out_labels = digits.split()
    for version, settings in VERSIONS.items():
        network = MLPClassifier(**settings, early_stopping=True, max_iter=1000, random_state=digits.SEED)
        model = make_pipeline(MinMaxScaler(), network)  # the scaler becomes part of the file: requests carry raw pixels
        model.fit(train_rows, train_labels)
        path = FOLDER / str(version) / "model.onnx"
        content = digits.write(convert(model), path)
        digits.check(model, path, held_out_rows)
        accuracy = model.score(held_out_rows, held_out_labels)
        print(f"version {version}: held-out accuracy {accuracy:.4f}, {network.n_iter_} passes, {len(content)} bytes")


if __name__ == "__main__":
    main()
