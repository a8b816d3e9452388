"""A model of Triton's Python backend."""

import os
import sys

import numpy
import triton_python_backend_utils as triton

# The folder that this is copied from.
sys.path.insert(0, os.environ["PEERS"])
import common


class TritonPythonModel:
    def initialize(self, arguments):
        self.model = common.Model(arguments["model_name"])

    def execute(self, requests):
        feeds = [
            {spec["name"]: triton.get_input_tensor_by_name(request, spec["name"]).as_numpy()
             for spec in self.model.inputs}
            for request in requests
        ]
        name, dims = self.model.output["name"], self.model.output["dims"]
        return [
            triton.InferenceResponse([triton.Tensor(name, numpy.ascontiguousarray(rows).reshape([-1] + dims))])
            for rows in self.model.run_all(feeds)
        ]
