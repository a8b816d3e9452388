"""Compares replicas of other processes with as many of the process itself. Called by Benchmarks/fleet.

Measures, in turn, Manta with two replicas of its own; Manta with two others behind it (`remote`), each with one replica;
and a front of a fleet that hosts one, beside a worker with the other, in a closed loop. All share the machine.
"""

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import tempfile
import time

from report import Record, Results, spread, table
from servers import MANTA, PORT, WORK, Configured

REPLICAS = 2
ADMIN, ETCD = PORT + 2, PORT + 20


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


@contextlib.contextmanager
def process(*command):
    """A program that runs meanwhile and says nothing."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        started.terminate()
        started.wait(60)


@contextlib.contextmanager
def front(model):
    """A front that hosts a replica of a model, with a worker that hosts the other."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        etcd = f"http://127.0.0.1:{ETCD}"
        stack.enter_context(process(
            "etcd", "--data-dir", f"{folder}/etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
            "--listen-peer-urls", f"http://127.0.0.1:{ETCD + 1}"))
        server = stack.enter_context(Configured(model, "", ["--join", etcd, "--state", f"{folder}/front"]))
        stack.enter_context(process(
            MANTA, "worker", "--join", etcd, "--http", f"127.0.0.1:{PORT + 10}", "--state", f"{folder}/worker"))
        limit = time.monotonic() + 60
        while ready_count(model) < REPLICAS:
            if time.monotonic() > limit:
                raise SystemExit(f"{model} isn't ready on the front and the worker")
            time.sleep(0.05)
        yield server


def ready_count(model):
    connection = http.client.HTTPConnection("127.0.0.1", ADMIN, timeout=5)
    connection.request("GET", f"/admin/v1/deployments/{model}")
    versions = json.load(connection.getresponse()).get("versions", [])
    return sum(replica["count"] for version in versions for replica in version["replicas"] if replica["state"] == "ready")


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
    with front(model) as server:
        load("front", server)


def cells(results, about):
    kinds = [results.of(kind, **about) for kind in ("own", "remote", "front")]
    own = kinds[0]
    ratios = [[there["rate"] / here["rate"] for here, there in zip(own, kind)] for kind in kinds[1:]]
    return [str(about["connections"]), *(spread([row["rate"] for row in kind]) for kind in kinds),
            *(spread(ratio, 2) for ratio in ratios), *(spread([row["p99"] for row in kind]) for kind in kinds),
            str(sum(row["failed"] for kind in kinds for row in kind))]


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
        table(["model", "connections", "own replicas/s", "in other processes/s", "front and worker/s", "ratio: other",
               "ratio: front", "own p99 ms", "other p99 ms", "front p99 ms", "failed"], rows, lambda about: cells(results, about), lambda about: about["model"]))


main()
