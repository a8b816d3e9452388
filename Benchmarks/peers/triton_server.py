"""The tritonserver that is inside the nvidia-pytriton wheel, with its Python backend."""

import os
import shutil
import sys

import common
import pytriton

here = os.path.dirname(os.path.abspath(__file__))
server = os.path.join(os.path.dirname(pytriton.__file__), "tritonserver")
work = os.environ["SCRATCH"]
repository, backends = os.path.join(work, "triton-models"), os.path.join(work, "triton-backends")
for path in (repository, backends):
    shutil.rmtree(path, ignore_errors=True)
shutil.copytree(os.path.join(server, "backends", "python"), os.path.join(backends, "python"))
stub = shutil.copy(
    os.path.join(
        server, "python_backend_stubs", f"{sys.version_info[0]}.{sys.version_info[1]}", "triton_python_backend_stub"),
    os.path.join(backends, "python"))
os.chmod(stub, 0o755)


def tensor(spec):
    return f'{{ name: "{spec["name"]}" data_type: TYPE_{spec["datatype"]} dims: {spec["dims"]} }}'


for name in common.names:
    model = common.Model(name)
    os.makedirs(f"{repository}/{name}/1")
    shutil.copy(os.path.join(here, "triton_model.py"), f"{repository}/{name}/1/model.py")
    with open(f"{repository}/{name}/config.pbtxt", "w") as file:
        print(f'backend: "python"\nmax_batch_size: {common.max_rows(name)}', file=file)
        print("input [" + ", ".join(map(tensor, model.inputs)) + "]", file=file)
        print("output [" + tensor(model.output) + "]", file=file)
        print(f"instance_group [{{ kind: KIND_CPU count: {common.replicas} }}]", file=file)
        print(f"dynamic_batching {{ max_queue_delay_microseconds: {round(common.window * 1e6)} }}", file=file)

environment = dict(os.environ, PEERS=here)
environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
environment["LD_LIBRARY_PATH"] = os.pathsep.join([
    os.path.join(sys.base_prefix, "lib"),
    os.path.join(os.path.dirname(pytriton.__file__), "..", "nvidia_pytriton.libs"),
    os.path.join(server, "external_libs"),
])
os.execve(os.path.join(server, "bin", "tritonserver"), [
    "tritonserver", "--model-repository", repository, "--backend-directory", backends, "--http-address", "127.0.0.1",
    "--http-port", str(common.port), "--grpc-port", str(common.port + 1), "--metrics-port", str(common.port + 2),
    "--disable-auto-complete-config", "--http-thread-count", "2",
], environment)
