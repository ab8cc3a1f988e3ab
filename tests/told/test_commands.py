"""Stories of commands, refusals and faults: what each is answered, whatever it is."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from copy import deepcopy
from typing import Any

from emulator.faults import vocabulary
from emulator.faults.effects.refusal import REFUSAL
from tests.support.emulator import Answer, Api, make_emulator, read_control, run_control
from tests.support.orders import ORDERS, REFUSAL_CASES, make_order
from tests.support.transcripts import STREAMS, Scribe
from tests.support.worlds import COMMANDS, attend_command, fork_world, prepare_world

LONG = {"populateWorld", "waitForDeliveries", "waitForExchanges"}
ABOUT_ALL = {"resetWorld", "deleteWorld"}
WRONG: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 1e12, "", "x", "ñ" * 5_000),
    *([], [None], [[]], {}, {"x": 1}, "2026-03-05 10:00:00", "5512345678"),
)


def test_refusals(scribe: Scribe) -> None:
    """Every refusal of the platform in both languages, and how it is explained."""
    for language in ("es", "en"):
        for no in REFUSAL_CASES:
            with closing(no.make_api(_made, language=language)) as api:
                one = Scribe(api)
                one.begin_part(f"{no.reason} ({language})")
                if len(str(no.options.get("json"))) > 9_999:
                    one.hear(api.send(no.method, no.path, **no.options))
                else:
                    one.ask(no.method, no.path, **no.options)
                number = api.world.journal.last
                if number and language == "es":
                    row = run_control(api, "GET", f"journal/{number}")
                    kept = ("operation", "status", "reason", "why", "notes")
                    one.lines += [f"{name}: {row[name]}" for name in kept]
                    one.lines += [f"explained by: {row['statements']}"]
                scribe.lines += one.lines


def _made(**changes: Any) -> Api:
    return make_emulator(**changes)


def test_refused_by_faults(scribe: Scribe) -> None:
    """Every refusal that a fault can put into the platform's mouth."""
    for language in ("es", "en"):
        api = make_emulator(assumptions={"language": language})
        with closing(api):
            one = Scribe(api)
            for name in REFUSAL.schema["enum"]:
                rule = {"operation": "getUser", "effect": {"refusal": name}}
                run_control(api, "POST", "faults", json=rule)
                one.lines.append(f"{name} ({language})")
                one.ask_briefly("GET", "/api/v1/user")
                run_control(api, "DELETE", "faults")
            scribe.lines += one.lines


def test_commands(scribe: Scribe) -> None:
    """Every command, in a world in which it finds what it is about."""
    api = scribe.api
    prepare_world(api)
    for name in COMMANDS:
        scribe.begin_part(name)
        fork_world(api)
        with attend_command(api, name):
            method, path, body = COMMANDS[name].make_request(api)
            if name != "restoreWorld":
                scribe.ask(method, path, json=body)
                scribe.ask_control("GET", f"journal?world={api.world.name}")


def test_mistaken(scribe: Scribe) -> None:
    """Every command without a body, with an empty one, and about what is not there."""
    for operation in read_control().operations.values():
        if operation.id in STREAMS | ABOUT_ALL:
            continue
        scribe.begin_part(operation.id)
        scribe.api.world.journal.clear()
        path = operation.path.replace("{channel}", "sms")
        for name in ("number", "campaignId", "deliveryId"):
            path = path.replace(f"{{{name}}}", "999")
        path = path.replace("{", "").replace("}", "")
        bodies: tuple[Any, ...] = (None, {}, {"nonsense": 1}, [])
        for body in bodies:
            takes_long = body == {} and operation.id in LONG
            if not takes_long and (operation.method != "GET" or body is None):
                scribe.ask(operation.method, path, json=body)
        scribe.ask(operation.method, f"{path}?nonsense=1&world=nowhere")


def test_wrong_orders(scribe: Scribe) -> None:
    """Every field of every order with what it cannot be, in both modes."""
    for path in ORDERS:
        for is_strict in (False, True):
            with closing(make_emulator(strict=is_strict)) as api:
                one = Scribe(api)
                one.begin_part(f"{path} strict={is_strict}")
                for name in _named(path):
                    bodies = ({**make_order(path), name: value} for value in WRONG)
                    one.tell_outcomes(name, _outcomes(api, path, bodies))
                scribe.lines += one.lines


def test_wrong_recipients(scribe: Scribe) -> None:
    """Every field of a recipient with what it cannot be, and of the second one."""
    for path in ORDERS:
        if "recipients" not in ORDERS[path]:
            continue
        scribe.begin_part(path)
        (good,) = ORDERS[path]["recipients"]
        for name in (*good, "name", "field1", "field4", "unknown"):
            bodies = (
                make_order(path, recipients=[good, {**good, name: value}])
                for value in WRONG
            )
            scribe.tell_outcomes(name, _outcomes(scribe.api, path, bodies))


def _named(path: str) -> list[str]:
    """Return the names of what an order may have."""
    known = {
        *("text", "recipients", "campaign_name", "route", "country", "encode"),
        *("encode_2", "encode_3", "long_message", "scheduled_date", "url", "unknown"),
        *("subject", "template", "header", "body", "image", "attachment", "type"),
        *("scheduledDate", "audio", "remittent", "transfer_num", "transfer_key"),
        *("from", "to", "cellphone", "campaigns"),
    }
    return sorted(known | {*ORDERS[path]})


def _outcomes(api: Api, path: str, bodies: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for value, body in zip(WRONG, bodies, strict=True):
        answer = api.post(path, json=body)
        said = answer.headers.get("x-emulator-why", "")
        notes = answer.headers.get("x-emulator-notes", "")
        words = answer.body.get("error", {}).get("information", "taken")
        parts = (str(answer.status), words, said, notes)
        yield shown(value), " | ".join(filter(None, parts))


def shown(value: Any) -> str:
    """Return a value in few characters."""
    return f"{value!r:.40}"


def test_wrong_commands(scribe: Scribe) -> None:
    """Every field of every command with what it cannot be."""
    api = scribe.api
    prepare_world(api)
    fork_world(api)
    for name, command in COMMANDS.items():
        if not isinstance(command.body, dict) or command.path.startswith("/"):
            continue
        if name in LONG | {"verifyExchanges", "advanceClock", "settleWorld"}:
            continue
        with attend_command(api, name):
            scribe.begin_part(name)
            method, path, good = command.make_request(api)
            for field in good:
                bodies = ({**deepcopy(good), field: value} for value in WRONG)
                answers = (api.send(method, path, json=each) for each in bodies)
                scribe.tell_outcomes(
                    field, zip(map(shown, WRONG), map(_detail, answers), strict=True)
                )


def _detail(answer: Answer) -> str:
    """Return the words of a refusal, or that there are none."""
    told = answer.body.get("detail", "") if isinstance(answer.body, dict) else ""
    return f"{answer.status} {told}"


# --- Faults ------------------------------------------------------------------


def test_faults(scribe: Scribe) -> None:
    """Every fault that has a name, and every effect as a rule and as it is felt."""
    api = scribe.api
    for preset in run_control(api, "GET", "fault-presets"):
        scribe.begin_part(preset["name"])
        scribe.ask_control("POST", "faults", {"preset": preset["name"]})
        scribe.ask_control("DELETE", "faults")
    for effect in vocabulary.list_effect_examples():
        scribe.begin_part(str(effect))
        rule = {"operation": "*", "first": 1, "effect": effect}
        scribe.ask_briefly("POST", "/_emulator/faults", json=rule)
        for operation in ("getUser", "moPush", "submit_sm", "deliver_sm", "nothing"):
            rule = {"operation": operation, "effect": effect, "disabled": True}
            scribe.ask_briefly("POST", "/_emulator/faults", json=rule)
        for field in effect:
            rules = (
                {"effect": {**effect, field: value}, "disabled": True}
                for value in WRONG
            )
            answers = (api.post("/_emulator/faults", json=each) for each in rules)
            scribe.tell_outcomes(
                field, zip(map(shown, WRONG), map(_detail, answers), strict=True)
            )
        run_control(api, "DELETE", "faults")


def test_presets_felt(scribe: Scribe) -> None:
    """Tell what an ordinary request is answered while a fault strikes it."""
    api = scribe.api
    for effect in vocabulary.list_effect_examples():
        if not vocabulary.parse_effect(effect).can_affect("getUser"):
            continue
        scribe.begin_part(str(effect))
        rule = {"operation": "getUser", "first": 1, "effect": effect}
        run_control(api, "POST", "faults", json=rule)
        asked = api.start("GET", "/api/v1/user")
        run_control(api, "GET", "faults")
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        if not asked.done():
            asked.cancel()
            scribe.lines.append("no answer")
        elif asked.exception() is not None:
            scribe.lines.append(repr(asked.exception()))
        else:
            scribe.hear(asked.result())
        run_control(api, "DELETE", "faults")
    scribe.ask_control("GET", "journal")
    scribe.ask_control("GET", "metrics")
