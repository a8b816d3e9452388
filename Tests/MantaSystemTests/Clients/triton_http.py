"""Drives a running Manta with tritonclient[http], as its users do. Prints what it checked; any failure ends it.

usage: triton_http.py HOST:PORT

The server has the identity models of Tests/MantaONNXTests/Fixtures, sum_and_greater and concatenate.
"""

import sys

import ml_dtypes
import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

TYPES = {
    "bool": numpy.bool_,
    "int8": numpy.int8,
    "int16": numpy.int16,
    "int32": numpy.int32,
    "int64": numpy.int64,
    "uint8": numpy.uint8,
    "uint16": numpy.uint16,
    "uint32": numpy.uint32,
    "uint64": numpy.uint64,
    "fp16": numpy.float16,
    "fp32": numpy.float32,
    "fp64": numpy.float64,
}

random = numpy.random.default_rng(7)
client = triton.InferenceServerClient(sys.argv[1], concurrency=8)


def sample(type, shape):
    if type == numpy.bool_:
        return random.integers(0, 2, shape).astype(type)
    if numpy.issubdtype(type, numpy.integer):
        limits = numpy.iinfo(type)
        return random.integers(limits.min, limits.max, shape, type, endpoint=True)
    return random.standard_normal(shape).astype(type)


def infer(model, values, datatype, binary_in, binary_out, **options):
    tensor = triton.InferInput("x", list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary_in)
    outputs = [triton.InferRequestedOutput("y", binary_data=binary_out)]
    return client.infer(model, [tensor], outputs=outputs, **options)


def refused(contains, call):
    try:
        call()
    except InferenceServerException as error:
        assert contains in error.message(), f"expected {contains!r} in {error.message()!r}"
        return
    raise AssertionError(f"expected an error with {contains!r}")


def check_metadata():
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("identity_fp32")
    assert client.is_model_ready("identity_fp32", "1")
    assert not client.is_model_ready("nobody")
    server = client.get_server_metadata()
    assert server["name"] == "manta" and "binary_tensor_data" in server["extensions"], server
    model = client.get_model_metadata("sum_and_greater")
    assert model["versions"] == ["1"], model
    assert model["inputs"] == [
        {"name": "left", "datatype": "INT64", "shape": [-1]},
        {"name": "right", "datatype": "INT64", "shape": [-1]},
    ], model
    assert [output["datatype"] for output in model["outputs"]] == ["INT64", "BOOL"], model


def check_types():
    for name, type in TYPES.items():
        for shape in [(1, 1), (3, 4), (100, 3), (2, 0)]:
            values = sample(type, shape)
            for binary_in in [True, False]:
                for binary_out in [True, False]:
                    # The client refuses to write these as JSON.
                    if name == "fp16" and not (binary_in and binary_out):
                        continue
                    result = infer(f"identity_{name}", values, name.upper(), binary_in, binary_out)
                    back = result.as_numpy("y")
                    assert back.dtype == values.dtype and back.shape == values.shape, (name, back.dtype, back.shape)
                    assert numpy.array_equal(back, values), (name, binary_in, binary_out, back, values)
        print("type", name)


def check_bf16():
    values = sample(numpy.float32, (2, 3)).astype(ml_dtypes.bfloat16)
    back = infer("identity_bf16", values, "BF16", True, True).as_numpy("y")
    assert back.dtype == values.dtype and numpy.array_equal(back, values), back
    print("type bf16")


def check_bytes():
    values = numpy.array([["", "text"], ["ünïcödé \"\\ \n", "x" * 1000]], dtype=numpy.object_)
    for binary_in in [True, False]:
        for binary_out in [True, False]:
            back = infer("identity_bytes", values, "BYTES", binary_in, binary_out).as_numpy("y")
            texts = [element.decode() if isinstance(element, bytes) else element for element in back.reshape(-1)]
            assert texts == list(values.reshape(-1)), texts
    raw = numpy.array([[bytes(range(256))]], dtype=numpy.object_)
    assert infer("identity_bytes", raw, "BYTES", True, True).as_numpy("y")[0][0] == bytes(range(256))
    refused("UTF-8", lambda: infer("identity_bytes", raw, "BYTES", True, False))
    print("type bytes")


def check_requests():
    left, right = numpy.array([1, 5], numpy.int64), numpy.array([2, 3], numpy.int64)
    inputs = []
    for name, values in [("right", right), ("left", left)]:
        tensor = triton.InferInput(name, [2], "INT64")
        tensor.set_data_from_numpy(values, binary_data=name == "left")
        inputs.append(tensor)
    result = client.infer("sum_and_greater", inputs, request_id="mine", model_version="1")
    response = result.get_response()
    assert response["id"] == "mine" and response["model_version"] == "1", response
    assert [output["name"] for output in response["outputs"]] == ["sum", "greater"], response
    assert result.as_numpy("sum").tolist() == [3, 8]
    assert result.as_numpy("greater").tolist() == [False, True]
    wanted = [triton.InferRequestedOutput("greater", binary_data=False)]
    result = client.infer("sum_and_greater", inputs, outputs=wanted, priority=2, timeout=5_000_000)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["greater"]
    for coding in ["gzip", "deflate"]:
        values = numpy.zeros((500, 4), numpy.float32)
        result = infer(
            "identity_fp32", values, "FP32", True, True,
            request_compression_algorithm=coding, response_compression_algorithm=coding,
        )
        assert numpy.array_equal(result.as_numpy("y"), values)
    calls = [client.async_infer("sum_and_greater", inputs) for _ in range(50)]
    assert all(call.get_result().as_numpy("sum").tolist() == [3, 8] for call in calls)
    print("requests")


def check_errors():
    one = numpy.zeros((1, 2), numpy.float32)
    refused('model "nobody" is not found', lambda: infer("nobody", one, "FP32", True, True))
    refused("has no version 9", lambda: infer("identity_fp32", one, "FP32", True, True, model_version="9"))
    refused('input "x": expected datatype FP32, got INT64', lambda: infer(
        "identity_fp32", numpy.zeros((1, 2), numpy.int64), "INT64", True, True))
    refused('input "x": expected shape [-1, -1], got [2]', lambda: infer(
        "identity_fp32", numpy.zeros(2, numpy.float32), "FP32", True, True))

    def other_output():
        tensor = triton.InferInput("x", [1, 2], "FP32")
        tensor.set_data_from_numpy(one)
        client.infer("identity_fp32", [tensor], outputs=[triton.InferRequestedOutput("z")])

    refused('output "z"', other_output)
    print("errors")


check_metadata()
check_types()
check_bf16()
check_bytes()
check_requests()
check_errors()
client.close()
print("all checks passed")
