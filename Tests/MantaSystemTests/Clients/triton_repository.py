"""Drives a running Manta whose models have configurations for Triton only. Prints what it checked; any failure ends it.

usage: triton_repository.py HOST:PORT

The repository is that of TritonRepositoryTests.swift.
"""

import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1], concurrency=16)


def given(name, values):
    tensor = triton.InferInput(name, list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return tensor


def refused(contains, call):
    try:
        call()
    except InferenceServerException as error:
        assert contains in error.message(), f"expected {contains!r} in {error.message()!r}"
        return
    raise AssertionError(f"expected an error with {contains!r}")


def check_densenet():
    metadata = client.get_model_metadata("densenet_onnx")
    assert metadata["platform"] == "onnxruntime_onnx", metadata
    assert metadata["inputs"] == [{"name": "data_0", "datatype": "FP32", "shape": [3, 224, 224]}], metadata
    assert metadata["outputs"] == [{"name": "fc6_1", "datatype": "FP32", "shape": [1000]}], metadata
    config = client.get_model_config("densenet_onnx")
    # What Triton's own example of a client for pictures reads.
    assert config["max_batch_size"] == 0, config
    assert config["input"][0]["format"] == "FORMAT_NCHW", config
    assert config["input"][0]["dims"] == [3, 224, 224], config
    assert config["input"][0]["reshape"] == {"shape": [1, 3, 224, 224]}, config
    assert config["output"][0]["label_filename"] == "densenet_labels.txt", config
    assert config["instance_group"][0]["kind"] == "KIND_CPU", config
    picture = numpy.zeros((3, 224, 224), numpy.float32)
    picture[1] = 2
    scores = client.infer("densenet_onnx", [given("data_0", picture)]).as_numpy("fc6_1")
    assert scores.shape == (1000,) and scores.argmax() == 997, scores
    assert abs(scores[997] - 2 * 0.997) < 1e-4, scores[997]
    refused("expected shape [3, 224, 224]", lambda: client.infer("densenet_onnx", [given("data_0", picture[None])]))
    print("densenet_onnx: metadata, configuration, reshape")


def check_batched():
    metadata = client.get_model_metadata("batched")
    assert metadata["versions"] == ["1", "3"], metadata
    assert metadata["inputs"][0]["shape"] == [-1, 4], metadata
    config = client.get_model_config("batched", "3")
    assert config["max_batch_size"] == 8, config
    assert config["input"][0]["dims"] == [4], config
    assert config["default_model_filename"] == "net.onnx", config
    assert config["version_policy"] == {"specific": {"versions": [1, 3]}}, config
    assert config["instance_group"][0]["count"] == 1, config
    assert config["optimization"]["graph"] == {"level": 1}, config
    batching = config["dynamic_batching"]
    assert batching["preferred_batch_size"] == [4, 8], config
    assert batching["max_queue_delay_microseconds"] == 2000, config
    assert batching["priority_levels"] == 2 and batching["default_priority_level"] == 2, config
    assert batching["default_queue_policy"]["default_timeout_microseconds"] == 5000000, config
    assert batching["priority_queue_policy"]["1"]["timeout_action"] == "DELAY", config
    assert config["model_warmup"][0]["inputs"]["x"]["input_data_file"] == "row", config
    assert config["parameters"]["intra_op_thread_count"] == {"string_value": "1"}, config
    rows = [numpy.full((1 + index % 3, 4), index, numpy.float32) for index in range(40)]
    waiting = [client.async_infer("batched", [given("x", row)], priority=index % 4) for index, row in enumerate(rows)]
    for row, reply in zip(rows, waiting):
        assert (reply.get_result().as_numpy("y") == row).all()
    # Triton refuses what is larger than a batch; here it is cut.
    many = numpy.arange(80, dtype=numpy.float32).reshape(20, 4)
    assert (client.infer("batched", [given("x", many)]).as_numpy("y") == many).all()
    print("batched: versions, configuration, priorities, batches")


def check_timeouts():
    row = numpy.zeros((1, 4), numpy.float32)
    # 1 microsecond is over before any run can begin, and level 2 rejects such requests; level 1 runs them late, and
    # lets them say nothing of their time.
    refused("no answer within", lambda: client.infer("batched", [given("x", row)], priority=2, timeout=1))
    assert client.infer("batched", [given("x", row)], priority=1, timeout=1).as_numpy("y").shape == (1, 4)
    print("timeouts: rejected, and run late")


def check_alone():
    config = client.get_model_config("alone")
    assert "dynamic_batching" not in config and config["max_batch_size"] == 2, config
    waiting = [client.async_infer("alone", [given("x", numpy.full((2, 4), i, numpy.float32))]) for i in range(20)]
    for index, reply in enumerate(waiting):
        assert (reply.get_result().as_numpy("y") == index).all()
    print("alone: each request is a batch of its own")


def check_rows():
    assert client.get_model_metadata("rows")["inputs"][0]["shape"] == [-1, 1]
    values = numpy.array([[1], [2], [3]], numpy.float32)
    assert (client.infer("rows", [given("x", values)]).as_numpy("y") == 2 * values).all()
    print("rows: a list of one is a scalar to the model")


def check_bare():
    config = client.get_model_config("bare")
    assert config["max_batch_size"] > 0 and config["input"][0]["dims"] == [4], config
    assert config["dynamic_batching"]["preferred_batch_size"] == [config["max_batch_size"]], config
    print("bare: a model without a configuration has one")


check_densenet()
check_batched()
check_timeouts()
check_alone()
check_rows()
check_bare()
print("all checks passed")
