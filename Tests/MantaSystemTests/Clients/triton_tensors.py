"""Drives a running Manta with Triton's clients: shared memory, classes, odd shapes. Any failure ends it.

usage: triton_tensors.py HTTP [GRPC]

HTTP and GRPC are HOST:PORT. The server was started with --allow-shared-memory and has identity_fp32, identity_bytes,
scalar, any_shape, fixed and default_scale of Tests/MantaONNXTests/Fixtures.
"""

import http.client
import json
import sys

import numpy
import tritonclient.http
import tritonclient.utils.shared_memory as shared_memory
from tritonclient.utils import InferenceServerException, serialize_byte_tensor


def refused(contains, call):
    try:
        call()
    except InferenceServerException as error:
        assert contains in error.message(), f"expected {contains!r} in {error.message()!r}"
        return
    raise AssertionError(f"expected an error with {contains!r}")


def check_regions(client, key):
    client.unregister_system_shared_memory()
    client.register_system_shared_memory("inputs", key, 64, offset=8)
    status = client.get_system_shared_memory_status(**as_json(client))
    regions = list(status.get("regions", {}).values()) if isinstance(status, dict) else status
    assert len(regions) == 1, status
    region = {name: str(value) for name, value in regions[0].items()}
    assert region == {"name": "inputs", "key": key, "offset": "8", "byte_size": "64"}, region
    refused("is registered already", lambda: client.register_system_shared_memory("inputs", key, 64))
    refused("aren't within the object", lambda: client.register_system_shared_memory("other", key, 1 << 40))
    refused("there is no object of that name", lambda: client.register_system_shared_memory("other", "/no-such", 1))
    client.unregister_system_shared_memory("inputs")
    refused("is not registered", lambda: client.get_system_shared_memory_status("inputs"))
    client.unregister_system_shared_memory("inputs")
    assert not client.get_cuda_shared_memory_status(**as_json(client))
    print("regions")


def as_json(client):
    return {"as_json": True} if "grpc" in type(client).__module__ else {}


def check_tensors(module, client, handle, key):
    values = numpy.array([[1, -2.5], [numpy.inf, 0]], numpy.float32)
    client.register_system_shared_memory("memory", key, 4096)
    shared_memory.set_shared_memory_region(handle, [values], offset=16)
    tensor = module.InferInput("x", [2, 2], "FP32")
    tensor.set_shared_memory("memory", values.nbytes, offset=16)
    output = module.InferRequestedOutput("y")
    output.set_shared_memory("memory", 100, offset=1001)
    result = client.infer("identity_fp32", [tensor], outputs=[output])
    # A dictionary over HTTP, a message over gRPC.
    told = str(result.get_output("y"))
    assert "1001" in told and "shared_memory_region" in told, told
    assert "binary_data_size" not in told and "'data':" not in told, told
    back = shared_memory.get_contents_as_numpy(handle, numpy.float32, [2, 2], offset=1001)
    assert numpy.array_equal(back, values), back

    texts = numpy.array([["", "text", "\xff"]], dtype=numpy.object_)
    packed = serialize_byte_tensor(texts)
    shared_memory.set_shared_memory_region(handle, [packed])
    tensor = module.InferInput("x", [1, 3], "BYTES")
    tensor.set_shared_memory("memory", len(packed.item()))
    found = client.infer("identity_bytes", [tensor]).as_numpy("y")
    assert [text.decode() for text in found.reshape(-1)] == ["", "text", "\xff"], found

    tensor = module.InferInput("x", [2, 2], "FP32")
    tensor.set_shared_memory("memory", 16, offset=4090)
    refused("aren't within the shared memory region", lambda: client.infer("identity_fp32", [tensor]))
    tensor.set_shared_memory("nobody", 16)
    refused('shared memory region "nobody" is not registered', lambda: client.infer("identity_fp32", [tensor]))
    tensor.set_data_from_numpy(values)
    output.set_shared_memory("memory", 15)
    refused("shared_memory_byte_size is 15", lambda: client.infer("identity_fp32", [tensor], outputs=[output]))
    client.unregister_system_shared_memory("memory")
    print("tensors in shared memory")


def check_classes(module, client):
    values = numpy.array([[0.25, 3, -1], [7, 7, 8]], numpy.float32)
    tensor = module.InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(values)
    output = module.InferRequestedOutput("y", class_count=2)
    found = client.infer("identity_fp32", [tensor], outputs=[output]).as_numpy("y")
    assert found.shape == (2, 2), found
    texts = [text.decode() for text in found.reshape(-1)]
    assert texts == ["3.000000:1", "0.250000:0", "8.000000:2", "7.000000:0"], texts
    tensor = module.InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(values)
    found = client.infer("fixed", [tensor], outputs=[output]).as_numpy("y")
    assert [text.decode() for text in found.reshape(-1)] == ["1.000000:2", "-0.250000:0"], found
    texts = module.InferInput("x", [1, 1], "BYTES")
    texts.set_data_from_numpy(numpy.array([["a"]], dtype=numpy.object_))
    refused("BYTES, which have no order", lambda: client.infer("identity_bytes", [texts], outputs=[output]))
    print("classes")


def check_shapes(module, client):
    for model, shapes in [("scalar", [()]), ("any_shape", [(), (1,), (0,), (2, 3), (1, 0, 4)])]:
        for shape in shapes:
            values = numpy.full(shape, 2, numpy.float32)
            tensor = module.InferInput("x", list(shape), "FP32")
            tensor.set_data_from_numpy(values)
            found = client.infer(model, [tensor]).as_numpy("y")
            assert found.shape == shape and numpy.array_equal(found, -values), (model, shape, found)
    print("shapes")


def check_optional(module, client):
    values = numpy.array([1, 2], numpy.float32)
    x = module.InferInput("x", [2], "FP32")
    x.set_data_from_numpy(values)
    scale = module.InferInput("scale", [1], "FP32")
    scale.set_data_from_numpy(numpy.array([3], numpy.float32))
    assert client.infer("default_scale", [x]).as_numpy("y").tolist() == [10, 20]
    assert client.infer("default_scale", [x, scale]).as_numpy("y").tolist() == [3, 6]
    print("optional inputs")


def check_raw(address):
    """A body without any JSON, which no client writes: it is the model's one input."""
    connection = http.client.HTTPConnection(address)
    values = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    for model, body, shape, expected in [
        ("fixed", values.tobytes(), [2, 3], (-values).tobytes()),
        ("identity_fp32", values.tobytes(), [1, 6], values.tobytes()),
        ("scalar", values[0, 1].tobytes(), [], (-values[0, 1]).tobytes()),
    ]:
        connection.request("POST", f"/v2/models/{model}/infer", body, {"Inference-Header-Content-Length": "0"})
        reply = connection.getresponse()
        text = reply.read()
        length = int(reply.headers["Inference-Header-Content-Length"])
        assert reply.status == 200 and json.loads(text[:length])["outputs"][0]["shape"] == shape, text
        assert text[length:] == expected, text
    connection.request("POST", "/v2/models/any_shape/infer", b"1234", {"Inference-Header-Content-Length": "0"})
    reply = connection.getresponse()
    assert reply.status == 400 and b"can't tell the shape" in reply.read()
    print("raw requests")


def check(module, address):
    client = module.InferenceServerClient(address)
    key = "/manta-triton-tensors"
    handle = shared_memory.create_shared_memory_region("memory", key, 4096)
    try:
        check_regions(client, key)
        check_tensors(module, client, handle, key)
        check_classes(module, client)
        check_shapes(module, client)
        check_optional(module, client)
    finally:
        shared_memory.destroy_shared_memory_region(handle)
        client.close()


check(tritonclient.http, sys.argv[1])
check_raw(sys.argv[1])
if len(sys.argv) > 2:
    import tritonclient.grpc

    check(tritonclient.grpc, sys.argv[2])
print("all checks passed")
