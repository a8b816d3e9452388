"""A model of MLServer."""

import common
import numpy
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput


class Model(MLModel):
    async def load(self):
        self.model = common.Model(self.name)
        return True

    async def predict(self, payload):
        rows = self.model.run({
            tensor.name: numpy.asarray(tensor.data.root, common.types[tensor.datatype]).reshape(tensor.shape)
            for tensor in payload.inputs
        })
        output = ResponseOutput(
            name=self.model.output["name"], datatype=self.model.output["datatype"],
            shape=[len(rows)] + self.model.output["dims"], data=rows.ravel().tolist())
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])
