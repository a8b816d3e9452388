"""Checks an OpenAPI document against the specification, and its examples against its schemas.

usage: validate.py FILE_OR_URL

Prints each fault and ends with status 1 if there is one.
"""

import json
import pathlib
import sys
import urllib.request

import jsonschema
import openapi_spec_validator


def load(source):
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=10) as reply:
            return json.load(reply)
    return json.loads(pathlib.Path(source).read_text())


def resolved(document, node):
    """What a node is, or refers to."""
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def references(node, place=""):
    """Every (place, reference)."""
    children = enumerate(node) if isinstance(node, list) else node.items() if isinstance(node, dict) else []
    for name, child in children:
        if name == "$ref":
            yield place, child
        yield from references(child, f"{place}.{name}")


def is_broken(document, reference):
    try:
        resolved(document, {"$ref": reference})
    except KeyError:
        return True
    return False


def examples(document, node, place):
    """Every (place, schema, value) of examples beside a schema in parameters, headers and media types."""
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from examples(document, child, f"{place}[{index}]")
    elif isinstance(node, dict):
        if "schema" in node:
            if "example" in node:
                yield place, node["schema"], node["example"]
            for name, example in node.get("examples", {}).items():
                yield f"{place}.{name}", node["schema"], resolved(document, example)["value"]
        for name, child in node.items():
            yield from examples(document, child, f"{place}.{name}")


def faults(document):
    broken = [pair for pair in references(document) if is_broken(document, pair[1])]
    if broken:
        # Nothing else can be said of it.
        yield from (f"{place}: there is no {reference}" for place, reference in broken)
        return
    for fault in openapi_spec_validator.OpenAPIV31SpecValidator(document).iter_errors():
        yield f"{'.'.join(map(str, fault.absolute_path))}: {fault.message}"
    count = 0
    for place, schema, value in examples(document, document, ""):
        count += 1
        # Beside the components, so that references are found.
        whole = {"components": document["components"], **schema}
        for fault in jsonschema.Draft202012Validator(whole).iter_errors(value):
            yield f"{place}: {fault.message}"
    if count == 0:
        yield "there are no examples"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    document = load(sys.argv[1])
    found = list(faults(document))
    for fault in found:
        print(fault)
    if found:
        sys.exit(1)
    operations = sum(len(item) for item in document["paths"].values())
    print(f"{operations} operations on {len(document['paths'])} paths: no faults")


main()
