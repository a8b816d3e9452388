"""MLServer, with its adaptive batching."""

import json
import os
import shutil
import sys

import common

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(os.environ["SCRATCH"], "mlserver")
shutil.rmtree(folder, ignore_errors=True)


def write(path, document):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(document, file)


write(f"{folder}/settings.json", {
    "debug": False, "host": "127.0.0.1", "http_port": common.port, "grpc_port": common.port + 1,
    "metrics_port": common.port + 2, "parallel_workers": common.replicas,
})
for name in common.names:
    write(f"{folder}/{name}/model-settings.json", {
        "name": name, "implementation": "mlserver_model.Model", "max_batch_size": common.max_rows(name),
        "max_batch_time": common.window,
    })
os.execve(
    os.path.join(os.path.dirname(sys.executable), "mlserver"), ["mlserver", "start", folder],
    dict(os.environ, PYTHONPATH=here))
