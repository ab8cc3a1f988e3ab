"""A push as it goes out: built from the contract's webhook, and held to it."""

from urllib.parse import quote_plus

from emulator.contract.contract import ContractError, Webhook
from emulator.domain.assumptions import Assumptions
from emulator.domain.delivery import Delivery, Trick
from emulator.domain.push import Pairs, named, tricked
from emulator.contract.memo import remembered
from emulator.world.outbox import Push


def written(delivery: Delivery, webhook: Webhook, assumptions: Assumptions) -> Push:
    """Return the request that *delivery* means.

    Raises ``ContractError`` for facts that the contract does not describe.

    Source: manual MOP-03 for GET and the query.
    """
    pairs: Pairs = []
    for parameter in webhook.parameters:
        value = delivery.facts.get(parameter.name.casefold())
        if not parameter.admits(value):
            message = f"{webhook.id} would send {parameter.name}={value!r}"
            raise ContractError(message)
        pairs.append((parameter.name, value))  # type: ignore[arg-type] # admitted
    pairs = tricked(named(pairs, assumptions["mo_cellphone_name"]), delivery.trick)
    return Push(
        delivery=delivery.id,
        operation=webhook.id,
        method="POST" if delivery.trick is Trick.POST else "GET",
        url=delivery.url,
        parameters="&".join(f"{name}={_encoded(str(value))}" for name, value in pairs),
    )


@remembered(4_096)
def _encoded(value: str) -> str:
    """Return *value* as a form writes it; many pushes share a date or a text."""
    return quote_plus(value)
