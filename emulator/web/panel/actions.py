"""The commands of the panel: each form is one operation of the control API."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from emulator.web.panel.faults import parse_fault_choice

FormFields = Mapping[str, str]


def _make_no_body(_form: FormFields) -> Any:
    return None


class Action(NamedTuple):
    """An operation, and how a form becomes its parameters and its body."""

    operation: str
    params: tuple[str, ...] = ()
    body: Callable[[FormFields], Any] = _make_no_body
    leads_to: str = ""  # the page to open then, in the replied world


def parse_number(text: str) -> Any:
    """Return a field as a number, or unchanged, which the contract refuses."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def pick_fields(form: FormFields, *names: str) -> dict[str, str]:
    """Return the fields of *names* that are filled in."""
    return {name: form[name] for name in names if form.get(name)}


def _read_item(form: FormFields) -> Any:
    """Return an item of the account; where it has an id, the form says ``item``."""
    item: dict[str, Any] = pick_fields(form, *ITEM_TEXTS)
    if form.get("item"):
        item["id"] = parse_number(form["item"])
    for name in ITEM_NUMBERS:
        if form.get(name):
            item[name] = parse_number(form[name])
    return item


ITEM_TEXTS = (
    "name",
    "url",
    "title",
    "keyword",
    "response",
    "response_url",
    "push_url",
    "description",
)
ITEM_NUMBERS = ("route", "country", "price")

CAMPAIGN_PARAMS = ("campaignId",)
ACTIONS: Mapping[str, Action] = {
    "pause": Action("pauseCampaign", CAMPAIGN_PARAMS),
    "resume": Action("resumeCampaign", CAMPAIGN_PARAMS),
    "cancel": Action("cancelCampaign", CAMPAIGN_PARAMS),
    "cancel-calls": Action("cancelCalls", CAMPAIGN_PARAMS),
    "mark_unknown": Action("markCampaignUnknown", CAMPAIGN_PARAMS),
    "freeze": Action("setClock", body=lambda _: {"rate": 0}),
    "run": Action(
        "setClock", body=lambda form: {"rate": parse_number(form.get("rate", "1"))}
    ),
    "advance": Action(
        "advanceClock",
        body=lambda form: {"seconds": parse_number(form.get("seconds", ""))},
    ),
    "next": Action("advanceClock", body=lambda _: {"next": True}),
    "settle": Action("settleWorld", body=lambda _: {}),
    "reply": Action(
        "receiveText", body=lambda form: pick_fields(form, "number", "text")
    ),
    "replay": Action("replayDelivery", ("deliveryId",)),
    "send-now": Action("sendDelivery", ("deliveryId",)),
    "drop": Action("dropDelivery", ("deliveryId",)),
    "cut": Action("disconnectSession", ("session",)),
    "preset": Action(
        "addFault", body=lambda form: pick_fields(form, "preset", "operation")
    ),
    "break": Action(
        "addFault",
        body=lambda form: {
            **pick_fields(form, "operation"),
            **parse_fault_choice(form.get("how", "")),
            "first": parse_number(form.get("first") or "1"),
        },
    ),
    "switch-off": Action("changeFault", ("faultId",), lambda _: {"disabled": True}),
    "switch-on": Action("changeFault", ("faultId",), lambda _: {"disabled": False}),
    "mend": Action("removeFault", ("faultId",)),
    "mend-all": Action("clearFaults"),
    "forget-requests": Action("clearJournal"),
    "top-up": Action(
        "topUp", body=lambda form: {"amount": parse_number(form.get("amount", ""))}
    ),
    "create-token": Action("createToken", body=lambda form: pick_fields(form, "name")),
    "delete-token": Action("deleteToken", ("token",)),
    "expire-token": Action("expireToken", ("token",)),
    "push-url": Action(
        "changeAccount", body=lambda form: {"push_url": form.get("push_url") or None}
    ),
    "add-item": Action("addItem", ("collection",), _read_item),
    "remove-item": Action("removeItem", ("collection", "item")),
    "populate": Action("populateWorld", body=lambda _: {}),
    "reset": Action("resetWorld"),
    "fork": Action(
        "forkWorld", body=lambda form: pick_fields(form, "name"), leads_to="/"
    ),
    "open": Action(
        "createWorld", body=lambda form: pick_fields(form, "name"), leads_to="/"
    ),
    "delete-world": Action("deleteWorld"),
}
