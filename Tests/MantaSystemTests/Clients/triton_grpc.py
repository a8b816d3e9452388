"""Drives a running Manta with tritonclient[grpc] and grpcio's own clients, as their users do. Prints what it checked; any
failure ends it.

usage: triton_grpc.py HOST:PORT

The server has the identity models of Tests/MantaONNXTests/Fixtures, sum_and_greater and concatenate.
"""

import queue
import sys

import grpc
import ml_dtypes
import numpy
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

TYPES = {
    "bool": (numpy.bool_, "bool_contents"),
    "int8": (numpy.int8, "int_contents"),
    "int16": (numpy.int16, "int_contents"),
    "int32": (numpy.int32, "int_contents"),
    "int64": (numpy.int64, "int64_contents"),
    "uint8": (numpy.uint8, "uint_contents"),
    "uint16": (numpy.uint16, "uint_contents"),
    "uint32": (numpy.uint32, "uint_contents"),
    "uint64": (numpy.uint64, "uint64_contents"),
    "fp16": (numpy.float16, None),
    "fp32": (numpy.float32, "fp32_contents"),
    "fp64": (numpy.float64, "fp64_contents"),
}

random = numpy.random.default_rng(7)
address = sys.argv[1]
client = triton.InferenceServerClient(address)
channel = grpc.insecure_channel(address)
stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)


def sample(type, shape):
    if type == numpy.bool_:
        return random.integers(0, 2, shape).astype(type)
    if numpy.issubdtype(type, numpy.integer):
        limits = numpy.iinfo(type)
        return random.integers(limits.min, limits.max, shape, type, endpoint=True)
    return random.standard_normal(shape).astype(type)


def tensor(values, datatype, name="x"):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def infer(model, values, datatype, **options):
    return client.infer(model, [tensor(values, datatype)], **options)


def refused(status, contains, call):
    try:
        call()
    except InferenceServerException as error:
        assert contains in error.message(), f"expected {contains!r} in {error.message()!r}"
        assert error.status() == f"StatusCode.{status}", error.status()
        return
    raise AssertionError(f"expected an error with {contains!r}")


def check_metadata():
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("identity_fp32")
    assert client.is_model_ready("identity_fp32", "1")
    assert not client.is_model_ready("identity_fp32", "9")
    assert not client.is_model_ready("nobody")
    server = client.get_server_metadata()
    assert server.name == "manta" and "binary_tensor_data" in server.extensions, server
    model = client.get_model_metadata("sum_and_greater", as_json=True)
    assert model["versions"] == ["1"], model
    assert model["inputs"] == [
        {"name": "left", "datatype": "INT64", "shape": ["-1"]},
        {"name": "right", "datatype": "INT64", "shape": ["-1"]},
    ], model
    assert [output["datatype"] for output in model["outputs"]] == ["INT64", "BOOL"], model
    refused("NOT_FOUND", 'model "nobody" is not found', lambda: client.get_model_metadata("nobody"))
    client.get_model_config("identity_fp32")
    client.get_inference_statistics("identity_fp32")
    print("metadata")


def typed(model, values, datatype, field):
    request = service_pb2.ModelInferRequest(model_name=model)
    made = request.inputs.add(name="x", datatype=datatype, shape=values.shape)
    if field:
        getattr(made.contents, field).extend(values.reshape(-1).tolist())
    return request


def check_types():
    for name, (type, field) in TYPES.items():
        for shape in [(1, 1), (3, 4), (100, 3), (2, 0)]:
            values = sample(type, shape)
            back = infer(f"identity_{name}", values, name.upper()).as_numpy("y")
            assert back.dtype == values.dtype and back.shape == values.shape, (name, back.dtype, back.shape)
            assert numpy.array_equal(back, values), (name, back, values)
            if field:
                reply = stub.ModelInfer(typed(f"identity_{name}", values, name.upper(), field))
                assert reply.raw_output_contents[0] == values.tobytes(), name
        print("type", name)
    values = sample(numpy.float32, (2, 3)).astype(ml_dtypes.bfloat16)
    back = infer("identity_bf16", values, "BF16").as_numpy("y")
    assert numpy.array_equal(back, values), back
    print("type bf16")
    texts = numpy.array([[b"", b"text"], ["ünïcödé".encode(), bytes(range(256))]], dtype=numpy.object_)
    back = infer("identity_bytes", texts, "BYTES").as_numpy("y")
    assert back.tolist() == texts.tolist(), back
    reply = stub.ModelInfer(typed("identity_bytes", texts, "BYTES", "bytes_contents"))
    assert triton.InferResult(reply).as_numpy("y").tolist() == texts.tolist()
    print("type bytes")


def check_requests():
    left, right = numpy.array([1, 5], numpy.int64), numpy.array([2, 3], numpy.int64)
    inputs = [tensor(right, "INT64", "right"), tensor(left, "INT64", "left")]
    result = client.infer("sum_and_greater", inputs, request_id="mine", model_version="1")
    response = result.get_response()
    assert response.id == "mine" and response.model_version == "1", response
    assert [output.name for output in response.outputs] == ["sum", "greater"], response
    assert result.as_numpy("sum").tolist() == [3, 8]
    assert result.as_numpy("greater").tolist() == [False, True]
    wanted = [triton.InferRequestedOutput("greater")]
    result = client.infer(
        "sum_and_greater", inputs, outputs=wanted, priority=2, timeout=5_000_000, client_timeout=5,
        sequence_id=2**63 - 1, sequence_start=True, sequence_end=True, parameters={"mine": "yes"},
    )
    assert [output.name for output in result.get_response().outputs] == ["greater"]
    values = numpy.zeros((500, 4), numpy.float32)
    for coding in ["gzip", "deflate"]:
        result = infer("identity_fp32", values, "FP32", compression_algorithm=coding)
        assert numpy.array_equal(result.as_numpy("y"), values)
    results = queue.Queue()
    for _ in range(50):
        client.async_infer("sum_and_greater", inputs, lambda result, error: results.put((result, error)))
    for _ in range(50):
        result, error = results.get(timeout=10)
        assert error is None and result.as_numpy("sum").tolist() == [3, 8], error
    large = sample(numpy.float32, (2000, 2000))
    assert numpy.array_equal(infer("identity_fp32", large, "FP32").as_numpy("y"), large)
    print("requests")


def check_errors():
    one = numpy.zeros((1, 2), numpy.float32)
    refused("NOT_FOUND", 'model "nobody" is not found', lambda: infer("nobody", one, "FP32"))
    refused("NOT_FOUND", "has no version 9", lambda: infer("identity_fp32", one, "FP32", model_version="9"))
    refused("INVALID_ARGUMENT", 'input "x": expected datatype FP32, got INT64', lambda: infer(
        "identity_fp32", numpy.zeros((1, 2), numpy.int64), "INT64"))
    refused("INVALID_ARGUMENT", 'input "x": expected shape [-1, -1], got [2]', lambda: infer(
        "identity_fp32", numpy.zeros(2, numpy.float32), "FP32"))
    refused("INVALID_ARGUMENT", 'output "z"', lambda: infer(
        "identity_fp32", one, "FP32", outputs=[triton.InferRequestedOutput("z")]))
    refused("INVALID_ARGUMENT", 'parameter "priority"', lambda: infer("identity_fp32", one, "FP32", priority=2**40))
    # A small one may be answered within the millisecond that the client makes of less.
    large = numpy.zeros((2000, 2000), numpy.float32)
    refused("DEADLINE_EXCEEDED", "", lambda: infer("identity_fp32", large, "FP32", client_timeout=0.001))
    refused("PERMISSION_DENIED", "--allow-shared-memory", lambda: client.get_system_shared_memory_status())
    refused("UNIMPLEMENTED", "CUDA", lambda: client.register_cuda_shared_memory("r", b"", 0, 4))
    assert not client.get_cuda_shared_memory_status().regions
    # Beyond the server's limit of 64 MiB, which the client hears of although it is still sending.
    refused("RESOURCE_EXHAUSTED", "at most 67108864 are taken", lambda: infer(
        "identity_fp32", numpy.zeros((1, 17 << 20), numpy.float32), "FP32"))
    bomb = numpy.zeros((1, 17 << 20), numpy.float32)
    refused("RESOURCE_EXHAUSTED", "larger than 67108864 bytes", lambda: infer(
        "identity_fp32", bomb, "FP32", compression_algorithm="gzip"))
    infer("identity_fp32", one, "FP32")
    print("errors")


def check_repository():
    index = client.get_model_repository_index()
    states = {model.name: model.state for model in index.models}
    assert states["identity_fp32"] == "READY", states
    refused("PERMISSION_DENIED", "--allow-model-control", lambda: client.load_model("identity_fp32"))
    refused("PERMISSION_DENIED", "--allow-model-control", lambda: client.unload_model("identity_fp32"))
    client.get_trace_settings()
    client.get_log_settings()
    print("repository")


def check_stream():
    results = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)))
    for index in range(200):
        values = numpy.full((1, 2), index, numpy.float32)
        client.async_stream_infer("identity_fp32", [tensor(values, "FP32")], request_id=str(index))
    for index in range(200):
        result, error = results.get(timeout=10)
        assert error is None, error
        assert result.get_response().id == str(index), result.get_response().id
        assert result.as_numpy("y").tolist() == [[index, index]]
    # An error has its place, and the stream goes on.
    one = numpy.zeros((1, 2), numpy.float32)
    for model in ["identity_fp32", "nobody", "identity_fp32"]:
        client.async_stream_infer(model, [tensor(one, "FP32")], enable_empty_final_response=True)
    kinds = [results.get(timeout=10) for _ in range(3)]
    assert [error is None for _, error in kinds] == [True, False, True], kinds
    assert 'model "nobody" is not found' in kinds[1][1].message(), kinds[1][1]
    assert kinds[0][0].get_response().parameters["triton_final_response"].bool_param
    client.stop_stream()
    # With this, it ends the stream with its status.
    client.start_stream(
        lambda result, error: results.put((result, error)), headers={"triton_grpc_error": "true"})
    client.async_stream_infer("nobody", [tensor(one, "FP32")])
    result, error = results.get(timeout=10)
    assert error.status() == "StatusCode.NOT_FOUND", error
    client.stop_stream()
    print("stream")


def check_health():
    health = health_pb2_grpc.HealthStub(channel)
    for service in ["", "inference.GRPCInferenceService", "identity_fp32"]:
        reply = health.Check(health_pb2.HealthCheckRequest(service=service))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING, (service, reply)
    try:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"))
        raise AssertionError("expected NOT_FOUND")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    for service, status in [("", "SERVING"), ("nobody", "SERVICE_UNKNOWN")]:
        watch = health.Watch(health_pb2.HealthCheckRequest(service=service))
        reply = next(watch)
        assert reply.status == getattr(health_pb2.HealthCheckResponse, status), reply
        watch.cancel()
    print("health")


def check_reflection():
    database = ProtoReflectionDescriptorDatabase(channel)
    services = set(database.get_services())
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= services, services
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    # As in the client's own description of the service.
    own = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert set(own.methods_by_name) <= set(service.methods_by_name), service.methods_by_name
    for name, method in own.methods_by_name.items():
        for theirs, ours in [
            (method.input_type, service.methods_by_name[name].input_type),
            (method.output_type, service.methods_by_name[name].output_type),
        ]:
            assert theirs.full_name == ours.full_name
            fields = {field.name: (field.number, field.type) for field in theirs.fields}
            assert fields.items() <= {field.name: (field.number, field.type) for field in ours.fields}.items(), name
    print("reflection")


check_metadata()
check_types()
check_requests()
check_errors()
check_repository()
check_stream()
check_health()
check_reflection()
client.close()
print("all checks passed")
