"""Whether a server's description of its API is OpenAPI 3.1, and its schemas admit what the server answers.

    python tests/clients/openapi.py URL TOKEN      URL of the server, token of a session that may read all

For each path that lists records of one type, the page that comes is held against the schema that the description names.
"""

import json
import sys
import urllib.request

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator


def fetch(address: str, token: str) -> dict:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def main(url: str, token: str) -> int:
    document = fetch(f"{url}/openapi.json", token)
    faults = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    ids = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    faults += [f"the operation id {name} stands twice" for name in sorted({name for name in ids if ids.count(name) > 1})]
    for name, schema in document["components"]["schemas"].items():
        for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
            faults.append(f"schema {name}: {error.message}")
    pages = 0
    for path, operations in document["paths"].items():
        if not path.startswith("/v1/records/") or "{" in path or "get" not in operations:
            continue
        reply = operations["get"]["responses"]["2XX"].get("content", {}).get("application/json")
        if reply is None or not operations["get"]["operationId"].endswith(".list"):
            continue
        # References in it point into the whole description.
        schema = {**reply["schema"], "components": document["components"]}
        page = fetch(f"{url}{path}?limit=100&count=1", token)
        pages += 1
        for error in Draft202012Validator(schema).iter_errors(page):
            faults.append(f"{path} {error.json_path}: {error.message}")
    print(f"{len(ids)} operations, {len(document['components']['schemas'])} schemas, {pages} pages held against them")
    for fault in faults:
        print(f"FAIL {fault}")
    return 1 if faults or pages == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
