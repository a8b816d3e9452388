"""Infers the test cases that make.py wrote, at a Manta that serves them, and compares what comes back.

usage: infer.py FOLDER MINIMUM HTTP [GRPC]

HTTP and GRPC are HOST:PORT. Each case goes over HTTP in JSON, over HTTP in binary and, if there's a port for it, over
gRPC. A case that can't be served has to be refused, each in its way: a type that the protocol doesn't have, or a model
that the engine can't load, by the model's readiness with the reason; one that the engine can't run by the inference.
Fails if any case does otherwise, or fewer than MINIMUM pass.
"""

import collections
import http.client
import json
import pathlib
import pickle
import sys

import ml_dtypes
import numpy

from compare import difference, plain

NUMPY = {
    "BOOL": numpy.bool_,
    "INT8": numpy.int8,
    "INT16": numpy.int16,
    "INT32": numpy.int32,
    "INT64": numpy.int64,
    "UINT8": numpy.uint8,
    "UINT16": numpy.uint16,
    "UINT32": numpy.uint32,
    "UINT64": numpy.uint64,
    "FP16": numpy.float16,
    "BF16": ml_dtypes.bfloat16,
    "FP32": numpy.float32,
    "FP64": numpy.float64,
}


class Refused(Exception):
    """The server's own words."""


class JSON:
    """Plain HTTP, as a program without any library would use it."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address)

    def request(self, method, path, body=None):
        self.connection.request(method, path, body)
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read() or b"null")

    def elements(self, datatype, values):
        if datatype == "BYTES":
            return [text.decode() if isinstance(text, bytes) else text for text in values.reshape(-1)]
        # Python's numbers are doubles, which hold those of all narrower types.
        return (values.astype(numpy.float64) if datatype in ("FP16", "BF16") else values).reshape(-1).tolist()

    def array(self, output):
        datatype, data = output["datatype"], output["data"]
        if datatype == "BYTES":
            values = numpy.array([text.encode() for text in data], dtype=numpy.object_)
        elif datatype in ("FP16", "BF16", "FP32", "FP64"):
            # NaN and infinities are strings.
            values = numpy.array([float(number) for number in data], numpy.float64).astype(NUMPY[datatype])
        else:
            values = numpy.array(data, dtype=NUMPY[datatype])
        return values.reshape(output["shape"])

    def infer(self, model, inputs, outputs):
        inputs = [
            {"name": name, "datatype": type, "shape": list(values.shape), "data": self.elements(type, values)}
            for name, type, values in inputs
        ]
        status, reply = self.request("POST", f"/v2/models/{model}/infer", json.dumps({"inputs": inputs}))
        if status != 200:
            raise Refused(reply["error"])
        return {output["name"]: self.array(output) for output in reply["outputs"]}


class Triton:
    """Triton's client, over HTTP with binary tensors or over gRPC."""

    def __init__(self, module, address):
        self.module = module
        self.client = module.InferenceServerClient(address)

    def infer(self, model, inputs, outputs):
        tensors = []
        for name, datatype, values in inputs:
            tensor = self.module.InferInput(name, list(values.shape), datatype)
            # The client writes texts of objects only.
            tensor.set_data_from_numpy(values.astype(numpy.object_) if datatype == "BYTES" else values)
            tensors.append(tensor)
        try:
            result = self.client.infer(model, tensors)
        except Exception as error:
            raise Refused(str(error)) from error
        return {name: self.array(result, name, datatype) for name, datatype, _ in outputs}

    def array(self, result, name, datatype):
        values = result.as_numpy(name)
        return values.astype(NUMPY["BF16"]) if datatype == "BF16" else values


def fault(transport, case):
    """What is wrong with a case over one transport; None if nothing is."""
    try:
        found = transport.infer(case["name"], case["inputs"], case["outputs"])
    except Refused as refusal:
        return None if "unrunnable" in case else f"refused: {refusal}"
    if "unrunnable" in case:
        return f"the engine can't run it ({case['unrunnable'][:100]}), but Manta answers"
    for name, _, expected in case["outputs"]:
        if case["random"]:
            values = plain(found[name])
            expected = values if (values.shape, values.dtype) == (expected.shape, expected.dtype) else expected
        if problem := difference(found[name], expected, case["rtol"], case["atol"]):
            return f"output {name}: {problem}"
    return None


def main(folder, minimum, http_address, grpc_address=None):
    import tritonclient.http

    plain = JSON(http_address)
    transports = {"JSON": plain, "binary": Triton(tritonclient.http, http_address)}
    if grpc_address:
        import tritonclient.grpc

        transports["gRPC"] = Triton(tritonclient.grpc, grpc_address)
    counts = collections.Counter()
    faults = []
    for case in pickle.loads((folder / "cases.pickle").read_bytes()):
        name = case["name"]
        if case["type"] or "unloadable" in case:
            counts["refused: " + (case["type"] or "the engine can't load it")] += 1
            status, reply = plain.request("GET", f"/v2/models/{name}/ready")
            # What the engine can't load fails for its reasons, whatever the types.
            reason = "" if "unloadable" in case else case["type"]
            if status != 503 or reason not in reply["error"]:
                faults.append(f"{name}: expected not to be ready because of {reason}, got {status} {reply}")
            continue
        problems = {kind: fault(transport, case) for kind, transport in transports.items()}
        faults += [f"{name} over {kind}: {problem}" for kind, problem in problems.items() if problem]
        if not any(problems.values()):
            kind = "refused: the engine can't run it" if "unrunnable" in case else "passed"
            counts[kind] += 1
            for word in ("differs", "random"):
                counts[f"passed, {word}"] += case[word] and kind == "passed"
    for reason, count in sorted(counts.items()):
        print(f"{count:5} {reason}")
    print(f"over {', '.join(transports)}: {counts['passed']} passed, {len(faults)} faults")
    for line in faults:
        print(line)
    sys.exit(bool(faults) or counts["passed"] < minimum)


main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
