"""KServe's Python server."""

import common
import kserve


class Model(kserve.Model):
    def __init__(self, name):
        super().__init__(name)
        self.model = None
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        # Each worker is a process of its own, forked before its first request.
        if self.model is None:
            self.model = common.Model(self.name)
        rows = self.model.run({tensor.name: tensor.as_numpy() for tensor in payload.inputs})
        output = kserve.InferOutput(self.model.output["name"], list(rows.shape), self.model.output["datatype"])
        output.set_data_from_numpy(rows, binary_data=False)
        return kserve.InferResponse(payload.id or "0", self.name, [output])


if __name__ == "__main__":
    server = kserve.ModelServer(
        http_port=common.port, enable_grpc=False, workers=common.replicas, access_log_format=None)
    server.start([Model(name) for name in common.names])
