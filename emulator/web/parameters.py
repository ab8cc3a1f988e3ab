"""Parse the parameters and the body of a request by the contract."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Scope

from emulator.contract.contract import Operation, Parameter
from emulator.contract.shape import BodyFlaw, BodyMismatch, BodyReading, Shape
from emulator.domain import emulator_refusals, platform_refusals
from emulator.domain.refusal_catalog import REASON_BY_KEYWORD
from emulator.domain.refusals import Refusal
from emulator.web.http_body import RequestHeaders

# What to do about a body that fails a keyword of the contract.
KEYWORD_ADVICE = {
    "additionalProperties": "leave {field} out, or see how the contract spells it",
    "enum": "send {field} with one of the values that the contract lists",
    "maxItems": "send at most {limit} of {field}",
    "maxLength": "shorten {field} to {limit} characters, or see which flag allows more",
    "minItems": "send at least {limit} of {field}",
    "minLength": "send at least {limit} characters of {field}",
    "not": "leave {field} out, it does not go with the rest",
    "pattern": "send {field} in the form that the contract's pattern shows",
    "required": "send {field}",
    "required_with": "send {field}, as there is {other}",
    "required_without": "send {other} or {field}",
    "unevaluatedProperties": "leave {field} out, or see how the contract spells it",
    "type": "send {field} with the type that the contract gives it",
}

# What an id that cannot be anybody's is refused with, by its parameter.
ID_REFUSALS = {"deliveryId": emulator_refusals.NO_SUCH_DELIVERY}


def read_parameters(
    operation: Operation, scope: Scope, headers: RequestHeaders
) -> dict[str, Any]:
    """Return the values in path, query and headers that the contract knows.

    Refuses what it does not admit: 404 for an id, 422 for anything else.
    """
    if operation.is_plain:
        return {}
    sent, known = scope["path_params"], operation.parameters
    if operation.is_in_path:
        return {each.name: parse_parameter(each, sent[each.name]) for each in known}
    sent = dict(sent)  # copied, as all requests with this path share it
    if operation.query or operation.is_closed:
        text = scope["query_string"].decode("latin-1")
        if operation.is_closed:
            _refuse_unknown_query(parse_qs(text, keep_blank_values=True), operation)
        query = parse_qs(text)
        sent |= {name: values[-1] for name, values in query.items()}
        known = [*known, *(each for each in operation.query if each.name in query)]
    for each in operation.headers:
        if octets := headers.get(each.name.lower().encode()):
            sent[each.name] = octets.decode("latin-1")
            known = [*known, each]
    return {each.name: parse_parameter(each, sent[each.name]) for each in known}


def _refuse_unknown_query(query: Iterable[str], operation: Operation) -> None:
    """Refuse an unknown parameter, which would silently have no effect."""
    known = [each.name for each in operation.query]
    for name in query:
        if name not in known:
            why = f"the query may have {', '.join(known) or 'nothing'}"
            raise Refusal(emulator_refusals.NOT_KNOWN, why, field=name)


def parse_parameter(known: Parameter, raw: str) -> Any:
    """Return the value of *raw*.  Refuses what the contract does not admit."""
    value = known.parse_value(raw)
    if value is None and known.is_id and known.place == "path":
        why = f"{known.name} is not a number that an id could be"
        raise Refusal(
            ID_REFUSALS.get(known.name, platform_refusals.NO_SUCH_CAMPAIGN), why
        )
    if value is None:
        why = f"{known.name} does not match its schema in the contract"
        raise Refusal(platform_refusals.WRONG_FORMAT, why, field=known.name)
    return value


def read_json_body(
    parsed: Any, shape: Shape, closed: frozenset[str], *, size: int = 0
) -> BodyReading:
    """Return the body, of *size* bytes, under its canonical names, with its doubts.

    Refuses what has another shape, or a doubtful one that is *closed*.
    """
    try:
        return shape.read_body(parsed, closed, size=size)
    except BodyMismatch as mismatch:
        raise _make_refusal(mismatch.flaw) from None
    except ValueError as error:  # the validator's own limit of nesting
        why = f"the body is nested too deeply: {error}"
        raise Refusal(platform_refusals.UNREADABLE, why) from None


def _make_refusal(flaw: BodyFlaw) -> Refusal:
    """Return the refusal that names the field as the platform does."""
    reason = REASON_BY_KEYWORD.get(flaw.keyword, platform_refusals.WRONG_FORMAT)
    if not flaw.field:
        reason = platform_refusals.NOT_AN_OBJECT if flaw.keyword == "type" else reason
    words = {"field": flaw.field, "limit": flaw.limit, "other": flaw.other}
    advice = KEYWORD_ADVICE.get(
        flaw.keyword, "send {field} as the contract describes it"
    )
    why = advice.format_map({**words, "field": flaw.field or "the body"})
    if flaw.ledger:
        why += f" (this world is strict about {flaw.ledger})"
    return Refusal(reason, why, ledger=flaw.ledger, **words)
