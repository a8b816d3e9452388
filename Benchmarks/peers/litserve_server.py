"""LitServe, with requests of the Open Inference Protocol."""

import os

import common
import litserve


class API(litserve.LitAPI):
    def __init__(self, name, **options):
        super().__init__(**options)
        self.name = name

    def setup(self, device):
        self.model = common.Model(self.name)

    def decode_request(self, request):
        return common.Model.decode(request)

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output

    def predict(self, feeds):
        return self.model.run_all(feeds) if isinstance(feeds, list) else self.model.run(feeds)

    def encode_response(self, rows):
        return self.model.encode(rows)


def api(name):
    batching = {"max_batch_size": common.max_rows(name), "batch_timeout": common.window} if common.batches else {}
    return API(name, api_path=f"/v2/models/{name}/infer", **batching)


if __name__ == "__main__":
    server = litserve.LitServer(
        [api(name) for name in common.names], accelerator="cpu", workers_per_device=common.replicas, timeout=60,
        fast_queue=True)
    server.run(
        host="127.0.0.1", port=common.port, num_api_servers=int(os.environ.get("API_SERVERS", "1")),
        generate_client_file=False, log_level="warning", access_log=False)
