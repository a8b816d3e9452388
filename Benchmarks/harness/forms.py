"""Measures one row of digits in each form that a request may come in: JSON, JSON with binary tensors, and gRPC, at Manta
and at Triton. Called by Benchmarks/forms.
"""

import argparse
import json
import os
import re
import subprocess

import numpy

from report import Record, Results, spread, table
from servers import PORT, WORK, Run, Server, wrk

MODEL = "digits"
GRPC_PORT = PORT + 1


def field(number, content):
    """A length-delimited field of a protobuf message; its number is below 16."""
    def varint(value):
        return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value >= 0x80 else bytes([value])

    return bytes([number << 3 | 2]) + varint(len(content)) + content


def forms(folder):
    """Files with the request's bodies, and the header field of the binary one."""
    with open(os.path.join(WORK, "models", MODEL, "v2.json")) as file:
        tensor = json.load(file)["inputs"][0]
    data = numpy.array(tensor["data"], "<f4").tobytes()
    output = {"name": answer_name(), "parameters": {"binary_data": True}}
    head = json.dumps({
        "inputs": [{
            "name": tensor["name"], "shape": tensor["shape"], "datatype": "FP32",
            "parameters": {"binary_data_size": len(data)}}],
        "outputs": [output]}, separators=(",", ":")).encode()
    message = (
        field(1, MODEL.encode())
        + field(5, field(1, tensor["name"].encode()) + field(2, b"FP32") + field(3, bytes(tensor["shape"]))) + field(7, data))
    # ModelInferRequest in the frame of gRPC: not compressed, and its length.
    bodies = {"binary": head + data, "grpc": b"\0" + len(message).to_bytes(4, "big") + message}
    paths = {"json": os.path.join(WORK, "models", MODEL, "v2.json")}
    for name, body in bodies.items():
        paths[name] = os.path.join(folder, f"{name}.body")
        with open(paths[name], "wb") as file:
            file.write(body)
    return paths, f"Inference-Header-Content-Length: {len(head)}"


def answer_name():
    with open(os.path.join(WORK, "models", MODEL, "signature.json")) as file:
        return json.load(file)["output"]["name"]


def h2load(body, connections, seconds):
    """Calls over HTTP/2, one at a time on each connection. A call that fails has its status in the trailers, which h2load
    doesn't look at, so a reply without a body counts as failed."""
    done = subprocess.run(
        ["h2load", f"-c{connections}", "-m1", f"-D{seconds}", "--warm-up-time=1", "-d", body,
         "-Hcontent-type: application/grpc", "-Hte: trailers",
         f"http://127.0.0.1:{GRPC_PORT}/inference.GRPCInferenceService/ModelInfer"],
        capture_output=True, text=True)
    rate = re.search(r"([\d.]+) req/s", done.stdout)
    counts = re.search(r"(\d+) succeeded, (\d+) failed", done.stdout)
    octets = re.search(r"\((\d+)\) data", done.stdout)
    if not (rate and counts and octets) or int(counts[2]) > 0 or int(octets[1]) < 20 * int(counts[1]):
        raise RuntimeError(f"the calls failed: {done.stdout}{done.stderr}")
    return {"rate": float(rate[1])}


def measure(run, number, paths, header, options, record):
    server = Server(run)
    url = f"http://127.0.0.1:{PORT}{server.path(MODEL)}"
    try:
        server.load(MODEL, 16, 2)
        for connections in options.connections:
            for form in ("json", "binary", "grpc"):
                if form == "grpc":
                    result = h2load(paths[form], connections, options.seconds)
                else:
                    result = wrk(url, paths[form], connections, options.seconds, header if form == "binary" else "")
                    if result["failed"]:
                        raise RuntimeError(f"{result['failed']} requests as {form} failed")
                record(
                    "load", f"{run.title} {form} {connections}: {result['rate']:,.0f}/s", server=run.title, form=form,
                    connections=connections, round=number, **result)
    finally:
        server.end()


def report(rows):
    results = Results(rows)
    lines = [(n, form) for n in results.unique("connections") for form in results.unique("form")]
    servers = results.unique("server")

    def cells(line):
        about = {"connections": line[0], "form": line[1]}
        ratio = results.ratios(servers[-1], "load", **about)
        return [line[1], *(spread(results.values("load", "rate", server=server, **about)) for server in servers), spread(ratio, 2)]

    return table(
        ["connections", "form", *(f"{server}, requests/s" for server in servers), "Manta's rate to the other's"], lines, cells,
        label=lambda line: str(line[0]))


def main():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/forms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], default=[1, 64])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default=os.path.join(WORK, "forms"))
    options = parser.parse_args()
    record = Record(options.out)
    paths, header = forms(options.out)
    runs = [next(Run.of(name, [MODEL])) for name in ("manta", "triton")]
    runs[0].command = [*runs[0].command, "--grpc", f"127.0.0.1:{GRPC_PORT}"]
    for number in range(options.rounds):
        for run in runs:
            measure(run, number, paths, header, options, record)
    record.publish(
        "Benchmarks/forms",
        f"One row of {MODEL}; {options.rounds} rounds in turn, {options.seconds} s each; medians, with the least and the "
        f"most. JSON and binary by wrk, gRPC by h2load.\n\n" + report(record.rows))


main()
