"""What the machine can do: the engine alone, and sockets with a reply that stands ready."""

import json
import os
import subprocess
import threading
import time

import numpy
import onnxruntime

from servers import HERE, PORT, WORK, is_listening, require_free_port, wrk

BATCHES = (1, 2, 4, 8, 16, 32, 64)


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    path = os.path.join(WORK, "models", model, "1", "model.onnx")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def engine(model, seconds):
    """Yields (lanes, threads, rows, rows per second, milliseconds per run) of runs in this process, one after another
    on each lane."""
    with open(os.path.join(WORK, "models", model, "v2.json")) as file:
        request = json.load(file)
    types = {"FP32": numpy.float32, "INT32": numpy.int32, "INT64": numpy.int64}
    row = {
        tensor["name"]: numpy.array(tensor["data"], types[tensor["datatype"]]).reshape(tensor["shape"])
        for tensor in request["inputs"]
    }
    output = [request["outputs"][0]["name"]]
    cpus = len(os.sched_getaffinity(0))
    for lanes, threads in sorted({(1, 1), (1, cpus), (cpus, 1)}):
        sessions = [session(model, threads) for _ in range(lanes)]
        for rows in BATCHES:
            feeds = {name: numpy.repeat(values, rows, axis=0) for name, values in row.items()}
            rates = [0.0] * lanes

            def run(lane):
                _repeat(sessions[lane], output, feeds, 0.2)
                rates[lane] = _repeat(sessions[lane], output, feeds, seconds)

            workers = [threading.Thread(target=run, args=(lane,)) for lane in range(lanes)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            yield lanes, threads, rows, sum(rates) * rows, 1000 * lanes / sum(rates)


def _repeat(session, output, feeds, seconds):
    """Runs per second."""
    count, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        session.run(output, feeds)
        count += 1
    return count / passed


class StaticServer:
    """libmicrohttpd alone: it takes whole requests and answers each with the same bytes."""

    def __init__(self, reply, leak=0):
        binary = os.path.join(WORK, "static_server")
        source = os.path.join(HERE, "harness", "static_server.c")
        subprocess.run(["cc", "-O2", source, "-lmicrohttpd", "-o", binary], check=True)
        require_free_port()
        self.process = subprocess.Popen([binary, str(PORT), reply, str(leak)])
        while not is_listening():
            if self.process.poll() is not None:
                raise RuntimeError("the server of ready replies doesn't start")
            time.sleep(0.01)

    def load(self, model, connections, seconds):
        body = os.path.join(WORK, "models", model, "v2.json")
        return wrk(f"http://127.0.0.1:{PORT}/v2/models/{model}/infer", body, connections, seconds)

    def end(self):
        self.process.terminate()
        self.process.wait()
