"""BentoML: an endpoint that batches for each model. Its body is {"x": rows}; a row of minilm is its ids and its mask."""

import bentoml
import common
import numpy


def endpoint(name):
    return bentoml.api(
        route=f"/v2/models/{name}/infer", batchable=True, batch_dim=0, max_batch_size=common.max_rows(name),
        max_latency_ms=10_000)


@bentoml.service(
    workers=common.replicas, http={"host": "127.0.0.1", "port": common.port},
    traffic={"timeout": 60, "max_concurrency": 1024}, logging={"access": {"enabled": False}})
class Bench:
    def __init__(self):
        self.models = {name: common.Model(name) for name in common.names}

    @endpoint("digits")
    def digits(self, x: numpy.ndarray) -> numpy.ndarray:
        return self.models["digits"].run({"input": x.astype(numpy.float32)})

    @endpoint("magika")
    def magika(self, x: numpy.ndarray) -> numpy.ndarray:
        return self.models["magika"].run({"bytes": x.astype(numpy.int32)})

    @endpoint("minilm")
    def minilm(self, x: numpy.ndarray) -> numpy.ndarray:
        ids, mask = numpy.ascontiguousarray(x.astype(numpy.int64).swapaxes(0, 1))
        return self.models["minilm"].run({"input_ids": ids, "attention_mask": mask})
