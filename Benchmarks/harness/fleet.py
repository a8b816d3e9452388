"""Compares replicas of other processes with as many of the process itself. Called by Benchmarks/fleet.

Measures, in turn, Manta with two replicas of its own, and Manta with two others behind it (`remote`), each with one
replica, in a closed loop. All share the machine.
"""

import argparse
import contextlib
import http.client
import os
import subprocess
import tempfile
import time

from report import Record, Results, spread, table
from servers import MANTA, PORT, WORK, Configured

REPLICAS = 2


@contextlib.contextmanager
def worker(model, port):
    """A Manta with one replica of a model, and the address of it."""
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(version := os.path.join(folder, model, "1"))
        os.symlink(os.path.join(WORK, "models", model, "1", "model.onnx"), os.path.join(version, "model.onnx"))
        with open(os.path.join(folder, model, "model.yaml"), "w") as file:
            file.write("replicas: 1\n")
        process = subprocess.Popen(
            [MANTA, "serve", "--config", os.path.join(WORK, "manta.yaml"), "--models", folder, "--http",
             f"127.0.0.1:{port}", "--grpc", "off", "--admin", "127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait(port)
            yield f"http://127.0.0.1:{port}/v2/models/{model}"
        finally:
            process.terminate()
            process.wait(30)


def wait(port):
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/v2/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing is ready on port {port}")


def measure(model, connections, number, options, record):
    about = {"model": model, "connections": connections, "round": number}

    def load(kind, server):
        server.load(model, connections, options.warm_up)
        result = server.load(model, connections, options.seconds)
        record(kind, f"{model}, {connections} connections, {kind}: {result['rate']:.0f}/s", **about, **result)

    with Configured(model, f"replicas: {REPLICAS}\n") as server:
        load("own", server)
    with contextlib.ExitStack() as stack:
        addresses = [stack.enter_context(worker(model, PORT + 10 + index)) for index in range(REPLICAS)]
        with Configured(model, f"remote: [{', '.join(addresses)}]\n") as server:
            load("remote", server)


def cells(results, about):
    own, remote = (results.of(kind, **about) for kind in ("own", "remote"))
    ratios = [there["rate"] / here["rate"] for here, there in zip(own, remote)]
    return [str(about["connections"]), spread([row["rate"] for row in own]), spread([row["rate"] for row in remote]),
            spread(ratios, 2), spread([row["p99"] for row in own]), spread([row["p99"] for row in remote]),
            str(sum(row["failed"] for row in own + remote))]


def main():
    def words(of):
        return lambda text: [of(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="Benchmarks/fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=words(str), default=["magika", "minilm"])
    parser.add_argument("--connections", type=words(int), default=[16, 64])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default=os.path.join(WORK, "fleet"))
    options = parser.parse_args()
    record = Record(options.out)
    for number in range(options.rounds):
        for model in options.models:
            for connections in options.connections:
                measure(model, connections, number, options, record)
    results = Results(record.rows)
    rows = [{"model": model, "connections": connections}
            for model in options.models for connections in options.connections]
    record.publish(
        "Benchmarks/fleet",
        table(["model", "connections", "own replicas/s", "in other processes/s", "ratio", "own p99 ms", "other p99 ms",
               "failed"], rows, lambda about: cells(results, about), lambda about: about["model"]))


main()
