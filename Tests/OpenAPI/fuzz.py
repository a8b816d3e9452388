"""Sends a running Manta what its OpenAPI document allows and what it forbids, and checks the replies against it.

usage: fuzz.py DOCUMENT BASE_URL [--routes inference|admin] [--model NAME] [--examples N] [--seed N] [--token TOKEN]

DOCUMENT is a file or URL, BASE_URL one of the two listeners: --routes says which of its routes to ask, if not all those
of the admin listener. Each is asked twice: with names that nobody serves, and with those of a model that is served
(--model, digits-svm if not said), which is scaled and configured in the process. Prints what schemathesis finds and ends
with status 1 if that is a fault.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

# What is declared may be answered: a model that loads, a request whose time is over, a part that isn't there yet.
# Header fields and query parameters that nobody knows are passed over, as everywhere.
CONFIGURATION = """
[generation]
allow-extra-parameters = false

[checks]
not_a_server_error.expected-statuses = ["2xx", "4xx", 501, 503, 504]

[parameters]
# Some of what is asked for never comes, such as a thousand replicas that the next request takes back.
"query.wait" = "50ms"
"""

SERVED = """
"path.model" = "{model}"
"path.name" = "{model}"
"path.version" = 1
"path.file" = "console.js"
"""

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
]


def load(source):
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=10) as reply:
            return json.load(reply)
    return json.loads(pathlib.Path(source).read_text())


def only(document, routes):
    """The document with the routes that both listeners answer, or with those that only the admin listener does."""
    paths = {
        path: {method: one for method, one in item.items() if (len(one["servers"]) > 1) == (routes == "inference")}
        for path, item in document["paths"].items()
    }
    return {**document, "paths": {path: item for path, item in paths.items() if item}}


def fuzz(folder, arguments, name, configuration, phases):
    """Runs schemathesis; whether it found nothing."""
    (folder / "schemathesis.toml").write_text(configuration)
    print(f"==> {name}", flush=True)
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        "--config-file", folder / "schemathesis.toml", "run", folder / "openapi.json",
        "--url", arguments.url, "--checks", ",".join(CHECKS), "--phases", phases,
        "--max-examples", str(arguments.examples), "--seed", str(arguments.seed), "--mode", "all",
        "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all", "--warnings", "off",
        # No reply takes so long; a stream of events that begins by mistake would.
        "--request-timeout", "15",
    ]  # fmt: skip
    if arguments.token:
        command += ["--header", f"Authorization: Bearer {arguments.token}"]
    return subprocess.run(command, cwd=folder).returncode == 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("document")
    parser.add_argument("url")
    parser.add_argument("--routes", choices=["inference", "admin"])
    parser.add_argument("--model", default="digits-svm")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--token")
    arguments = parser.parse_args()
    arguments.url = arguments.url.rstrip("/")

    document = load(arguments.document)
    if arguments.routes:
        document = only(document, arguments.routes)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "openapi.json").write_text(json.dumps(document))
        served = CONFIGURATION + SERVED.format(model=arguments.model)
        results = [
            # All else but random names would be what the second run does.
            fuzz(folder, arguments, "names that nobody serves", CONFIGURATION, "fuzzing"),
            fuzz(folder, arguments, f"the names of {arguments.model}", served, "examples,coverage,fuzzing"),
        ]
    sys.exit(0 if all(results) else 1)


main()
