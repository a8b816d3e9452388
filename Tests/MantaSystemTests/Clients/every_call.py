"""Makes every call that Triton's Python clients have, against a running Manta, and fails if one was left out.

usage: every_call.py HTTP GRPC MODEL_FILE

HTTP and GRPC are HOST:PORT. The server has the models `identity_fp32` and `identity_bytes`, was started with
--allow-model-control, --allow-shared-memory and --trace-file, and MODEL_FILE is an ONNX model with "x" and "y" of FP32.

The four clients (HTTP and gRPC, each also with asyncio) are driven by one script: what it calls is recorded, and at the
end compared with the public methods that the client has.
"""

import asyncio
import inspect
import json
import queue
import sys

import numpy
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

# What makes no call: a hook for headers, and the end.
NO_CALLS = {"close", "plugin", "register_plugin", "unregister_plugin"}


class Recorder:
    """A client whose calls are noted, and whose coroutines are awaited."""

    def __init__(self, client, loop):
        self.client, self.loop, self.called = client, loop, set()

    def __getattr__(self, name):
        method = getattr(self.client, name)

        def call(*arguments, **options):
            self.called.add(name)
            result = method(*arguments, **options)
            return self.loop.run_until_complete(result) if inspect.isawaitable(result) else result

        return call

    def check_all_were_called(self):
        methods = {name for name, _ in inspect.getmembers(type(self.client), callable) if not name.startswith("_")}
        left_out = methods - NO_CALLS - self.called
        assert not left_out, f"never called: {sorted(left_out)}"


def get(document, key):
    """A member of what HTTP gives as JSON and gRPC as a message."""
    return document[key] if isinstance(document, dict) else getattr(document, key)


def refused(contains, call):
    try:
        call()
    except InferenceServerException as error:
        assert contains in error.message(), f"expected {contains!r} in {error.message()!r}"
        return
    raise AssertionError(f"expected an error with {contains!r}")


class Session:
    def __init__(self, kind, module, is_http, address, loop, model_file):
        self.kind, self.module, self.is_http, self.loop, self.model_file = kind, module, is_http, loop, model_file
        self.is_async = kind.endswith("asyncio")
        self.client = Recorder(loop.run_until_complete(self.make(address)), loop)

    async def make(self, address):
        return self.module.InferenceServerClient(address)

    # Inputs and outputs are those of the plain modules, for asyncio too.
    @property
    def types(self):
        return tritonclient.http if self.is_http else tritonclient.grpc

    def input(self, values, name="x", datatype="FP32"):
        tensor = self.types.InferInput(name, list(values.shape), datatype)
        tensor.set_data_from_numpy(values)
        return tensor

    def run(self):
        for step in [
            self.health, self.metadata, self.inference, self.classification, self.statistics, self.repository,
            self.shared_memory, self.cuda, self.settings, self.own_ways,
        ]:
            step()
        self.client.check_all_were_called()
        close = self.client.client.close()
        if inspect.isawaitable(close):
            self.loop.run_until_complete(close)
        print(self.kind, "made every call:", len(self.client.called))

    def health(self):
        assert self.client.is_server_live() and self.client.is_server_ready()
        assert self.client.is_model_ready("identity_fp32") and self.client.is_model_ready("identity_fp32", "1")

    def metadata(self):
        server = self.client.get_server_metadata()
        assert get(server, "name") == "manta", server
        for extension in ["classification", "model_configuration", "model_repository", "statistics", "trace", "logging",
                          "system_shared_memory", "binary_tensor_data"]:
            assert extension in get(server, "extensions"), (extension, server)
        model = self.client.get_model_metadata("identity_fp32")
        assert get(model, "name") == "identity_fp32" and list(get(model, "versions")) == ["1"], model
        assert list(get(get(model, "inputs")[0], "shape"))[0] == -1, model
        configuration = self.client.get_model_config("identity_fp32")
        if not self.is_http:
            configuration = configuration.config
        assert get(configuration, "name") == "identity_fp32", configuration
        assert get(configuration, "max_batch_size") > 0, configuration
        assert get(configuration, "backend") == "onnxruntime", configuration
        refused("nobody", lambda: self.client.get_model_config("nobody"))
        refused("nobody", lambda: self.client.get_model_metadata("nobody"))

    def inference(self):
        values = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
        result = self.client.infer(
            "identity_fp32", [self.input(values)], model_version="1", request_id="mine", priority=1, timeout=5_000_000,
            outputs=[self.types.InferRequestedOutput("y")], parameters={"anything": "goes"},
        )
        assert numpy.array_equal(result.as_numpy("y"), values)
        assert get(result.get_response(), "id") == "mine"
        refused("nobody", lambda: self.client.infer("nobody", [self.input(values)]))
        refused("shape", lambda: self.client.infer("identity_fp32", [self.input(values.reshape(1, 1, 12)[..., None])]))

    def classification(self):
        values = numpy.array([[1, 9, 3], [7, 5, 6]], numpy.float32)
        output = self.types.InferRequestedOutput("y", class_count=2)
        classes = self.client.infer("identity_fp32", [self.input(values)], outputs=[output]).as_numpy("y")
        texts = [[text.decode() for text in row] for row in classes]
        assert texts == [["9.000000:1", "3.000000:2"], ["7.000000:0", "6.000000:2"]], texts

    def statistics(self):
        for arguments in [(), ("identity_fp32",), ("identity_fp32", "1")]:
            statistics = get(self.client.get_inference_statistics(*arguments), "model_stats")
            mine = [entry for entry in statistics if get(entry, "name") == "identity_fp32"][0]
            success = get(get(get(mine, "inference_stats"), "success"), "count")
            assert success > 0 and get(mine, "inference_count") >= success, mine
            assert get(mine, "execution_count") > 0 and get(mine, "last_inference") > 1_600_000_000_000, mine
        refused("nobody", lambda: self.client.get_inference_statistics("nobody"))

    def repository(self):
        def state(name):
            index = self.client.get_model_repository_index()
            index = index if isinstance(index, list) else list(index.models)
            return {(m["state"] if isinstance(m, dict) else m.state)
                    for m in index if (m["name"] if isinstance(m, dict) else m.name) == name}

        assert state("identity_fp32") == {"READY"}
        self.client.unload_model("identity_bytes", unload_dependents=True)
        assert not self.client.is_model_ready("identity_bytes")
        assert state("identity_bytes") == {"UNAVAILABLE"}
        self.client.load_model("identity_bytes")
        assert self.client.is_model_ready("identity_bytes")

        # A configuration in place of the repository's, until the model is loaded again without one.
        self.client.load_model("identity_fp32", config=json.dumps({"max_batch_size": 2, "dynamic_batching": {}}))
        configuration = self.client.get_model_config("identity_fp32")
        configuration = configuration if self.is_http else configuration.config
        assert get(configuration, "max_batch_size") == 2, configuration
        self.client.load_model("identity_fp32")
        configuration = self.client.get_model_config("identity_fp32")
        configuration = configuration if self.is_http else configuration.config
        assert get(configuration, "max_batch_size") != 2, configuration

        # A model that no repository has, from this client's own file.
        name = "sent_by_" + self.kind.replace(" ", "_")
        with open(self.model_file, "rb") as file:
            self.client.load_model(name, config="{}", files={"file:7/model.onnx": file.read()})
        values = numpy.ones((1, 4), numpy.float32)
        assert numpy.array_equal(self.client.infer(name, [self.input(values)], "7").as_numpy("y"), values)
        self.client.unload_model(name)
        assert not self.client.is_model_ready(name)

        refused("nobody", lambda: self.client.load_model("nobody"))
        refused("config", lambda: self.client.load_model("identity_fp32", files={"file:1/model.onnx": b"?"}))
        refused("ensemble", lambda: self.client.load_model("identity_fp32", config='{"platform": "ensemble"}'))
        refused("..", lambda: self.client.load_model("x", config="{}", files={"file:../1/model.onnx": b"?"}))
        assert self.client.is_model_ready("identity_fp32")

    def shared_memory(self):
        values = numpy.arange(8, dtype=numpy.float32).reshape(2, 4)
        key = "/manta-every-call"
        handle = shm.create_shared_memory_region("region", key, 2 * values.nbytes)
        try:
            shm.set_shared_memory_region(handle, [values])
            self.client.register_system_shared_memory("region", key, 2 * values.nbytes)
            refused("region", lambda: self.client.register_system_shared_memory("region", key, 2 * values.nbytes))
            for name in ["", "region"]:
                status = self.client.get_system_shared_memory_status(name)
                region = status[0] if isinstance(status, list) else status.regions["region"]
                assert get(region, "key") == key and get(region, "byte_size") == 2 * values.nbytes, status
            tensor = self.types.InferInput("x", [2, 4], "FP32")
            tensor.set_shared_memory("region", values.nbytes)
            output = self.types.InferRequestedOutput("y")
            output.set_shared_memory("region", values.nbytes, offset=values.nbytes)
            result = self.client.infer("identity_fp32", [tensor], outputs=[output])
            assert "shared_memory_region" in get(result.get_output("y"), "parameters"), result.get_output("y")
            written = shm.get_contents_as_numpy(handle, numpy.float32, [4, 4])[2:]
            assert numpy.array_equal(written, values), written
            tensor.set_shared_memory("region", values.nbytes, offset=2 * values.nbytes)
            refused("region", lambda: self.client.infer("identity_fp32", [tensor]))
            self.client.unregister_system_shared_memory("region")
            self.client.unregister_system_shared_memory()
        finally:
            shm.destroy_shared_memory_region(handle)

    def cuda(self):
        self.client.get_cuda_shared_memory_status()
        refused("CUDA", lambda: self.client.register_cuda_shared_memory("gpu", b"AAAA", 0, 64))
        self.client.unregister_cuda_shared_memory()

    def settings(self):
        settings = self.client.get_log_settings()
        assert "log_verbose_level" in (settings if self.is_http else settings.settings), settings
        self.client.update_log_settings({"log_verbose_level": 1})
        self.client.update_log_settings({"log_verbose_level": 0})
        refused("log_file", lambda: self.client.update_log_settings({"log_file": "/tmp/log"}))

        self.client.update_trace_settings("identity_fp32", {"trace_level": ["TIMESTAMPS"], "trace_rate": "1"})
        settings = self.client.get_trace_settings("identity_fp32")
        level = settings["trace_level"] if self.is_http else settings.settings["trace_level"].value
        assert list(level) == ["TIMESTAMPS"], settings
        self.client.infer("identity_fp32", [self.input(numpy.ones((1, 4), numpy.float32))])
        self.client.update_trace_settings("identity_fp32", {"trace_level": None, "trace_rate": None})
        settings = self.client.get_trace_settings()
        level = settings["trace_level"] if self.is_http else settings.settings["trace_level"].value
        assert list(level) == ["OFF"], settings

    def own_ways(self):
        """What only one of the clients has."""
        values = numpy.ones((1, 4), numpy.float32)
        if self.is_http:
            tensor, output = self.input(values), self.types.InferRequestedOutput("y")
            body, size = self.client.generate_request_body([tensor], outputs=[output])
            assert len(body) > (size or 0)
            reply = json.dumps({"model_name": "m", "outputs": [
                {"name": "y", "shape": [1], "datatype": "INT32", "data": [3]}]}).encode()
            assert self.client.parse_response_body(reply).as_numpy("y")[0] == 3
        if self.is_async:
            if not self.is_http:
                self.stream_with_asyncio(values)
            return
        if self.is_http:
            request = self.client.async_infer("identity_fp32", [self.input(values)])
            assert numpy.array_equal(request.get_result().as_numpy("y"), values)
            for algorithm in ["gzip", "deflate"]:
                result = self.client.infer(
                    "identity_fp32", [self.input(values)], request_compression_algorithm=algorithm,
                    response_compression_algorithm=algorithm)
                assert numpy.array_equal(result.as_numpy("y"), values)
            return
        replies = queue.Queue()
        callback = lambda result, error: replies.put((result, error))
        self.client.async_infer("identity_fp32", [self.input(values)], callback)
        result, error = replies.get(timeout=30)
        assert error is None and numpy.array_equal(result.as_numpy("y"), values), error
        self.client.start_stream(callback)
        for number in range(20):
            self.client.async_stream_infer("identity_fp32", [self.input(values * number)], request_id=str(number))
        self.client.async_stream_infer("nobody", [self.input(values)])
        for number in range(20):
            result, error = replies.get(timeout=30)
            assert error is None and result.get_response().id == str(number), (error, number)
            assert numpy.array_equal(result.as_numpy("y"), values * number)
        result, error = replies.get(timeout=30)
        assert result is None and "nobody" in error.message(), error
        self.client.stop_stream()

    def stream_with_asyncio(self, values):
        async def requests():
            for number in range(5):
                yield {"model_name": "identity_fp32", "inputs": [self.input(values * number)]}

        async def stream():
            number = 0
            async for result, error in self.client.client.stream_infer(requests()):
                assert error is None and numpy.array_equal(result.as_numpy("y"), values * number), error
                number += 1
            assert number == 5, number

        self.client.called.add("stream_infer")
        self.loop.run_until_complete(stream())


def main():
    http, grpc, model_file = sys.argv[1:]
    loop = asyncio.new_event_loop()
    for kind, module, is_http in [
        ("HTTP", tritonclient.http, True),
        ("gRPC", tritonclient.grpc, False),
        ("HTTP with asyncio", tritonclient.http.aio, True),
        ("gRPC with asyncio", tritonclient.grpc.aio, False),
    ]:
        Session(kind, module, is_http, http if is_http else grpc, loop, model_file).run()
    print("all checks passed")


main()
