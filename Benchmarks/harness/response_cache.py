"""CPU time a request of one server that has the sample model twice, without and with a response cache that never hits,
and that therefore rests after the warm-up.

Called by Benchmarks/response-cache. Under load over 16 connections, none of whose requests is ever asked again; seconds
without and with take turns, so that whatever else the machine does meets both. What counts is the median of their ratios.
"""

import glob
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from servers import HERE, MANTA

ROOT = os.path.dirname(HERE)
PORT = 19842
CONNECTIONS = 16


def cpu_microseconds(server):
    threads = glob.glob(f"/proc/{server.pid}/task/*/schedstat")
    return sum(int(open(thread).read().split()[0]) for thread in threads) / 1000


def wait_until_ready():
    for _ in range(100):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/v2/health/ready").read()
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit("the server isn't ready")


def second(server, model, number):
    """Microseconds of CPU time for each request of a second, whose rows begin with this number."""
    before = cpu_microseconds(server)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", "-d1s", "-s", os.path.join(HERE, "harness/distinct.lua"),
         f"http://127.0.0.1:{PORT}/v2/models/{model}/infer"],
        env={**os.environ, "NUMBER": str(number)}, capture_output=True, text=True, check=True)
    requests, failed = map(int, done.stdout.splitlines()[-1].split())
    if failed:
        raise SystemExit(f"{failed} of {requests} requests failed")
    return (cpu_microseconds(server) - before) / requests


def measure(server, pairs):
    numbers = itertools.count()
    found = []
    for pair in range(-2, pairs):
        times = {model: second(server, model, next(numbers)) for model in ("off", "on")[::1 if pair % 2 else -1]}
        if pair >= 0:
            found.append((times["off"], times["on"]))
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, cache in (("off", ""), ("on", "response_cache: {max_bytes: 2 MiB}\n")):
            os.makedirs(f"{folder}/{name}/1")
            shutil.copy(f"{ROOT}/models/digits-svm/1/model.onnx", f"{folder}/{name}/1/")
            with open(f"{folder}/{name}/model.yaml", "w") as file:
                # Else the size of batches, which is learned, makes more of a difference.
                file.write("replicas: 1\nbatching: {max_batch_size: 8, preferred_batch_sizes: [8]}\n" + cache)
        server = subprocess.Popen(
            [MANTA, "serve", "--models", folder, "--http", f"127.0.0.1:{PORT}", "--admin", f"127.0.0.1:{PORT + 1}",
             "--grpc", "off", "--log-level", "error"])
        try:
            wait_until_ready()
            pairs = measure(server, max(2, int(sys.argv[1])))
        finally:
            server.terminate()
            server.wait()
    off, on = (statistics.median(pair[index] for pair in pairs) for index in range(2))
    low, middle, high = statistics.quantiles([on / off for off, on in pairs], n=4)
    print(f"{len(pairs)} pairs: {off:.1f} µs without, {on:.1f} µs with, ratio {middle:.3f} ({low:.3f} to {high:.3f})")


main()
