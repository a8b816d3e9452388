"""Drives what a running Manta tells of itself with tritonclient[http], and generate and predict as their users do.

usage: triton_settings.py HOST:PORT TRACE_FILE

The server has the models identity_fp32, identity_bytes and sum_and_greater of Tests/MantaONNXTests/Fixtures, was
started with --allow-model-control and --trace-file, and has served nobody yet. Prints what it checked; any failure
ends it.
"""

import base64
import json
import sys
import time
import urllib.error
import urllib.request

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, trace_file = sys.argv[1:]
client = triton.InferenceServerClient(address)


def infer(rows, model="identity_fp32"):
    values = numpy.ones((rows, 2), numpy.float32)
    tensor = triton.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return client.infer(model, [tensor])


def refused(contains, call):
    try:
        call()
    except InferenceServerException as error:
        assert contains in error.message(), f"expected {contains!r} in {error.message()!r}"
        return
    raise AssertionError(f"expected an error with {contains!r}")


def post(path, body, headers={}):
    """The status, the media type and the text of the reply."""
    request = urllib.request.Request(
        f"http://{address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def get(path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as reply:
        return json.load(reply)


def check_statistics():
    for rows in [1, 1, 3]:
        infer(rows)
    refused("expected shape", lambda: client.infer("identity_fp32", [flat()]))
    refused("not found", lambda: infer(1, "nobody"))
    (entry,) = client.get_inference_statistics("identity_fp32", "1")["model_stats"]
    assert entry["name"] == "identity_fp32" and entry["version"] == "1", entry
    assert entry["inference_count"] == 5 and entry["execution_count"] == 3, entry
    assert abs(entry["last_inference"] / 1000 - time.time()) < 60, entry
    stats = entry["inference_stats"]
    assert stats["success"]["count"] == 3 and stats["fail"]["count"] == 1, stats
    for name in ["queue", "compute_input", "compute_infer", "compute_output"]:
        assert stats[name]["count"] == 3, stats
    assert sum(stats[name]["ns"] for name in stats if name not in ["success", "fail"]) <= stats["success"]["ns"], stats
    assert {size["batch_size"]: size["compute_infer"]["count"] for size in entry["batch_stats"]} == {1: 2, 3: 1}, entry
    names = [entry["name"] for entry in client.get_inference_statistics()["model_stats"]]
    assert names == ["identity_bytes", "identity_fp32", "sum_and_greater"], names
    refused("not found", lambda: client.get_inference_statistics("nobody"))
    print("statistics")


def flat():
    tensor = triton.InferInput("x", [2], "FP32")
    tensor.set_data_from_numpy(numpy.ones(2, numpy.float32))
    return tensor


def check_log_settings():
    assert client.get_log_settings() == {
        "log_file": "", "log_info": True, "log_warning": True, "log_error": True, "log_verbose_level": 0,
        "log_format": "ISO8601",
    }, client.get_log_settings()
    changed = client.update_log_settings({"log_info": False, "log_verbose_level": 1, "unheard_of": 1})
    assert changed["log_info"] is False and changed["log_verbose_level"] == 1, changed
    refused("log_file", lambda: client.update_log_settings({"log_file": "/tmp/x"}))
    refused("log_info", lambda: client.update_log_settings({"log_info": "no"}))
    back = client.update_log_settings({"log_info": True, "log_verbose_level": 0})
    assert back == client.get_log_settings() and back["log_info"] is True, back
    print("log settings")


def check_trace_settings():
    first = client.get_trace_settings()
    assert first == {
        "trace_level": ["OFF"], "trace_rate": "1000", "trace_count": "-1", "log_frequency": "0",
        "trace_file": trace_file, "trace_mode": "triton",
    }, first
    client.update_trace_settings("identity_fp32", {"trace_level": ["TIMESTAMPS", "TENSORS"], "trace_rate": "2"})
    assert client.get_trace_settings() == first
    for _ in range(4):
        infer(1)
    settings = client.update_trace_settings("identity_fp32", {"trace_level": None, "trace_rate": None})
    assert settings == first, settings
    refused("trace_rate", lambda: client.update_trace_settings(settings={"trace_rate": "0"}))
    refused("not found", lambda: client.update_trace_settings("nobody", {"trace_rate": "1"}))
    # Written by a thread of its own, soon; whole at any moment.
    deadline = time.monotonic() + 30
    while len(records := json.load(open(trace_file))) < 8:
        assert time.monotonic() < deadline, records
        time.sleep(0.01)
    heads = [record for record in records if "model_name" in record]
    assert [head["id"] for head in heads] == [1, 2], records
    assert all(head["model_name"] == "identity_fp32" and head["model_version"] == 1 for head in heads), heads
    names = [[point["name"] for point in record["timestamps"]] for record in records if "timestamps" in record]
    assert names == 2 * [[
        "REQUEST_START", "QUEUE_START", "COMPUTE_START", "COMPUTE_INPUT_END", "COMPUTE_OUTPUT_START", "COMPUTE_END",
        "REQUEST_END",
    ]], names
    tensors = [(record["activity"], record["tensor"]) for record in records if "activity" in record]
    assert tensors[0] == (
        "TENSOR_QUEUE_INPUT", {"name": "x", "data": "1,1", "shape": "1,2", "dtype": "FP32"}), tensors
    assert tensors[1][0] == "TENSOR_BACKEND_OUTPUT" and tensors[1][1]["name"] == "y", tensors
    print("trace settings")


def check_generate():
    status, media, text = post("/v2/models/identity_bytes/generate", {"id": "7", "x": [["ham", "eggs"]], "top_k": 3})
    assert (status, media) == (200, "application/json"), (status, media, text)
    assert json.loads(text) == {
        "id": "7", "model_name": "identity_bytes", "model_version": "1", "y": ["ham", "eggs"]}, text
    status, media, text = post("/v2/models/identity_fp32/versions/1/generate_stream", {"x": 0.5})
    assert (status, media) == (200, "text/event-stream; charset=utf-8"), (status, media, text)
    assert text.startswith("data: ") and text.endswith("\n\n"), text
    assert json.loads(text[6:]) == {"model_name": "identity_fp32", "model_version": "1", "y": 0.5}, text
    status, media, text = post("/v2/models/identity_fp32/generate_stream", {"x": "warm"})
    assert (status, media) == (400, "application/json") and "expected a number" in text, (status, media, text)
    print("generate")


def check_predict():
    # The request of KServe's documentation for its iris example.
    iris = {"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]}
    status, media, text = post("/v1/models/identity_fp32:predict", iris)
    assert (status, media) == (200, "application/json"), (status, media, text)
    assert json.loads(text) == {"predictions": iris["instances"]}, text
    numbers = {"instances": [{"left": 1, "right": 2}, {"left": 5, "right": 3}]}
    status, _, text = post("/v1/models/sum_and_greater/versions/1:predict", numbers)
    predictions = json.loads(text)["predictions"]
    assert predictions == [{"sum": 3, "greater": False}, {"sum": 8, "greater": True}], text
    status, _, text = post("/v1/models/sum_and_greater:predict", {"inputs": {"left": [1, 5], "right": [2, 3]}})
    assert json.loads(text) == {"outputs": {"sum": [3, 8], "greater": [False, True]}}, text
    raw = {"instances": [[{"b64": base64.b64encode(bytes(range(256))).decode()}]]}
    status, _, text = post("/v1/models/identity_bytes:predict", raw)
    assert json.loads(text) == {"predictions": raw["instances"]}, text
    status, _, text = post("/v1/models/identity_fp32:predict", {"instances": [[1, 2], [3]]})
    assert status == 400 and "instances[1]" in json.loads(text)["error"], text
    assert get("/v1/models/identity_fp32")["ready"] is True
    assert get("/v1/models/identity_fp32")["model_version_status"][0]["state"] == "AVAILABLE"
    assert get("/v1/models") == get("/v2/models") == {"models": ["identity_bytes", "identity_fp32", "sum_and_greater"]}
    print("predict")


def check_mlserver():
    # The request of MLServer's documentation for its scikit-learn example, but for the names and the pixels.
    request = {"inputs": [{"name": "x", "shape": [1, 64], "datatype": "FP32", "data": [0.0] * 63 + [1.0]}]}
    status, _, text = post("/v2/models/identity_fp32/versions/1/infer", request)
    reply = json.loads(text)
    assert status == 200 and reply["outputs"][0]["data"] == request["inputs"][0]["data"], text
    print("MLServer's request")


def check_compression():
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 2000], "datatype": "FP32", "data": [0.5] * 2000}]})
    for accepted, expected in [
        ("gzip", "gzip"), ("deflate", "deflate"), ("gzip, deflate", "gzip"), ("deflate, gzip", "deflate"),
        ("gzip;q=0.5, deflate", "deflate"), ("identity, gzip", None), ("gzip;q=0.5, identity;q=1", None),
        ("gzip;q=0", None), ("br", None), ("GZIP;Q=0.5", "gzip"), ("br, gzip;q=0.2", "gzip"),
    ]:
        request = urllib.request.Request(
            f"http://{address}/v2/models/identity_fp32/infer", body.encode(), {"Accept-Encoding": accepted})
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.headers["Content-Encoding"] == expected, (accepted, reply.headers["Content-Encoding"])
    print("compression")


def check_paths():
    for method, path, status, error in [
        ("GET", "/v2/", 404, "there is nothing at /v2/"),
        ("GET", "/v2/models/identity_fp32/versions/one", 404, "version \"one\": versions are whole numbers from 1 on"),
        ("POST", "/v2/models/stats", 405, "POST isn't allowed on /v2/models/stats; allowed: GET, HEAD"),
        ("GET", "/v2/models/identity_fp32/infer", 405, "GET isn't allowed on"),
        ("GET", "/V2", 404, "there is nothing at /V2"),
    ]:
        request = urllib.request.Request(f"http://{address}{path}", method=method)
        try:
            urllib.request.urlopen(request, timeout=10)
            raise AssertionError(path)
        except urllib.error.HTTPError as reply:
            body = json.load(reply)
            assert reply.code == status and error in body["error"], (path, reply.code, body)
    print("paths")


check_statistics()
check_log_settings()
check_trace_settings()
check_generate()
check_predict()
check_mlserver()
check_compression()
check_paths()
client.close()
print("all checks passed")
