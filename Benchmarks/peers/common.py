"""What the peers' servers have in common: the models, and their settings, which come from the environment.

MODELS (a folder), PORT, SERVE (names of models), REPLICAS, THREADS (of a run, 1), BATCHING (on or off), WINDOW_US (how
long a batch waits for company, 1000).
"""

import json
import os

import numpy
import onnxruntime

folder = os.environ["MODELS"]
port = int(os.environ["PORT"])
names = os.environ["SERVE"].split(",")
replicas = int(os.environ.get("REPLICAS", "1"))
threads = int(os.environ.get("THREADS", "1"))
batches = os.environ.get("BATCHING", "on") == "on"
window = int(os.environ.get("WINDOW_US", "1000")) / 1e6

types = {"FP32": numpy.float32, "INT32": numpy.int32, "INT64": numpy.int64}


def max_rows(name):
    """The largest batch: what most peers were fastest with. Beyond 8 rows the larger models gain nothing."""
    if not batches:
        return 1
    return 64 if name == "digits" else 8


class Model:
    """A model in ONNX Runtime, on one lane."""

    def __init__(self, name):
        self.name = name
        with open(f"{folder}/{name}/signature.json") as file:
            signature = json.load(file)
        self.inputs, self.output = signature["inputs"], signature["output"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            f"{folder}/{name}/1/model.onnx", options, providers=["CPUExecutionProvider"])

    def run(self, feeds):
        """Runs arrays by name; the first dimension is the rows'."""
        return self.session.run([self.output["name"]], feeds)[0]

    def run_all(self, requests):
        """Runs several requests' arrays as one batch, and gives each its rows."""
        if len(requests) == 1:
            return [self.run(requests[0])]
        together = self.run({name: numpy.concatenate([feeds[name] for feeds in requests]) for name in requests[0]})
        counts = [len(next(iter(feeds.values()))) for feeds in requests]
        return numpy.split(together, numpy.cumsum(counts)[:-1])

    @staticmethod
    def decode(body):
        """The arrays of a request of the Open Inference Protocol."""
        return {
            tensor["name"]: numpy.asarray(tensor["data"], types[tensor["datatype"]]).reshape(tensor["shape"])
            for tensor in body["inputs"]
        }

    def encode(self, array):
        """The reply of the Open Inference Protocol."""
        output = {
            "name": self.output["name"], "datatype": self.output["datatype"], "shape": list(array.shape),
            "data": array.ravel().tolist(),
        }
        return {"model_name": self.name, "outputs": [output]}
