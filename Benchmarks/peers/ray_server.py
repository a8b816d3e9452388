"""Ray Serve, with its batching; the engine runs beside the replica's event loop."""

import asyncio
import json
import signal

import common
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response


def application(name):
    @serve.deployment(
        name=name, num_replicas=common.replicas, max_ongoing_requests=512, ray_actor_options={"num_cpus": 0.1})
    class Deployment:
        def __init__(self):
            self.model = common.Model(name)

        @serve.batch(max_batch_size=common.max_rows(name), batch_wait_timeout_s=common.window)
        async def run(self, requests):
            return await asyncio.to_thread(self.model.run_all, requests)

        async def __call__(self, request: Request):
            rows = await self.run(self.model.decode(json.loads(await request.body())))
            return Response(json.dumps(self.model.encode(rows)), media_type="application/json")

    return Deployment.bind()


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": common.port})
for name in common.names:
    serve.run(application(name), name=name, route_prefix=f"/v2/models/{name}/infer", blocking=False)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
serve.shutdown()
ray.shutdown()
