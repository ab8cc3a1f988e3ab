"""The control API under test: every answer is held to ``control.yaml``."""

from typing import Any

import jsonschema

from emulator.contract.contract import Operation
from tests.emulated import Answer, Api, control


def steer(api: Api, method: str, path: str, **options: Any) -> Answer:
    """Send a request to the control API."""
    answer = api.send(method, f"/_emulator/{path}", **options)
    problem = answer.status >= 400
    assert answer.headers["content-type"] == (
        "application/problem+json" if problem else "application/json"
    )
    if problem:
        assert answer.body["status"] == answer.status
        where = "/components/schemas/Problem"
    else:
        where = f"{pointer(method, path.partition('?')[0])}/responses/200"
        where += "/content/application~1json/schema"
    schema = {**control().document.tree, "$ref": f"#{quoted(where)}"}
    jsonschema.Draft202012Validator(schema).validate(answer.body)
    return answer


def steered(api: Api, method: str, path: str, **options: Any) -> Any:
    """Return the body of a success."""
    answer = steer(api, method, path, **options)
    assert answer.status == 200, answer.body
    return answer.body


def pointer(method: str, path: str) -> str:
    operation = next(each for each in control().operations.values() if _is(each, path))
    return f"/paths/{operation.path.replace('/', '~1')}/{method.lower()}"


def _is(operation: Operation, path: str) -> bool:
    names = operation.path.removeprefix("/_emulator/").split("/")
    steps = path.split("/")
    return len(names) == len(steps) and all(
        name == step or name.startswith("{")
        for name, step in zip(names, steps, strict=True)
    )


def quoted(where: str) -> str:
    return where.replace("{", "%7B").replace("}", "%7D")
