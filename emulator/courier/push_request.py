"""Make the request of a push from the contract's webhook, and check it."""

from urllib.parse import quote_plus

from emulator.contract.contract import ContractError, Webhook
from emulator.contract.memo import cache_short_keys
from emulator.domain.assumptions import Assumptions
from emulator.domain.delivery import Delivery, PushMutation
from emulator.domain.push import (
    ParameterPairs,
    apply_cellphone_name,
    apply_push_mutation,
)
from emulator.world.outbox import PushRequest


def make_push(
    delivery: Delivery, webhook: Webhook, assumptions: Assumptions
) -> PushRequest:
    """Return the HTTP request for *delivery*.

    Raises ``ContractError`` for facts that the contract does not describe.

    Source: manual MOP-03 for GET and the query.
    """
    pairs: ParameterPairs = []
    for parameter in webhook.parameters:
        value = delivery.parameters.get(parameter.name.casefold())
        if not parameter.admits_value(value):
            message = f"{webhook.id} would send {parameter.name}={value!r}"
            raise ContractError(message)
        pairs.append((parameter.name, value))  # type: ignore[arg-type] # admitted
    pairs = apply_push_mutation(
        apply_cellphone_name(pairs, assumptions["mo_cellphone_name"]), delivery.trick
    )
    return PushRequest(
        delivery=delivery.id,
        operation=webhook.id,
        method="POST" if delivery.trick is PushMutation.POST else "GET",
        url=delivery.url,
        parameters="&".join(
            f"{name}={_encode_value(str(value))}" for name, value in pairs
        ),
    )


@cache_short_keys(4_096)
def _encode_value(value: str) -> str:
    """Return *value* as a form writes it; many pushes share a date or a text."""
    return quote_plus(value)
