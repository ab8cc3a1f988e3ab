"""Stories of campaigns: what becomes of them, and what is told of that afterwards."""

from emulator.domain.assumptions import SWITCHES
from tests.support.emulator import Api, read_control, run_control
from tests.support.orders import (
    CLIC,
    EMAIL,
    HANDSETS,
    NUMBER,
    RESPONSES,
    SMS,
    VOICE,
    Body,
    make_clic,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
)
from tests.support.transcripts import (
    STREAMS,
    Scribe,
    ask_everything,
    list_differences,
    tell_story,
)

LATER = (0, 9, 3, 60, 4_000, 90_000)  # seconds, one after the other


def test_campaigns(scribe: Scribe) -> None:
    """Campaigns to one handset of each kind, read as time passes."""
    api = scribe.api
    people = [
        {"cellphone": each, "name": f"N{index}", "field1": "x"}
        for index, each in enumerate((NUMBER, *HANDSETS))
    ]
    scribe.begin_part("placed")
    for path in ("/api/v1/user", "/api/v3/user/routes", "/api/v3/user/countries"):
        scribe.get(path)
    placed = [
        scribe.post(SMS, make_sms(recipients=people, text="hola <+B+>, <+C+>")),
        scribe.post(SMS, make_sms(text="ñandú " * 11, encode=True)),
        scribe.post(SMS, make_sms(scheduled_date="2026-03-02 12:10:00")),
        scribe.post(CLIC, make_clic(recipients=make_recipients(NUMBER, "5512345678"))),
    ]
    picture = {"template": 4, "image": "https://a.example/b.png", "attachment": 51}
    two = [{"email": "a@b.example"}] * 2
    scribe.post(EMAIL, make_order(EMAIL, recipients=two))
    scribe.post(EMAIL, make_order(EMAIL, **picture))
    ahead = {"type": 1, "audio": 31, "text": None}
    calls = [
        scribe.post(
            VOICE, make_order(VOICE, recipients=make_recipients(NUMBER, *HANDSETS))
        ),
        scribe.post(
            VOICE, make_order(VOICE, scheduledDate="2026-03-02 12:30:00", **ahead)
        ),
    ]
    for each in (NUMBER, *HANDSETS, "12"):
        scribe.get(f"/api/v3/hlr/{each}")
    for seconds in LATER:
        scribe.begin_part(f"{seconds} seconds later")
        api.clock.advance(seconds=seconds)
        for campaign in placed:
            scribe.get(f"{SMS}/{campaign.body['campaign']}/messages")
        for call in calls:
            scribe.get(f"{VOICE}/{call.body['voice_campaign']}")
    scribe.post(f"{VOICE}/{calls[1].body['voice_campaign']}/cancel")
    scribe.begin_part("replies")
    for text in ("si", "INFO", "promo?", "alto"):
        scribe.ask_control("POST", "inbound", {"number": NUMBER, "text": text})
    for query in (
        {"type": 1},
        {"type": 2, "campaigns": [placed[0].body["campaign"]]},
        {"type": 3, "cellphone": NUMBER},
        {"type": 1, "from": "2026-03-02 00:00:00", "to": "2026-03-09 00:00:00"},
        {"type": 3, "cellphone": HANDSETS[8]},
    ):
        scribe.post(RESPONSES, query)
    ask_everything(scribe)


def test_life(scribe: Scribe) -> None:
    """Tell a few weeks of an account in which somebody seems to live."""
    body = {"campaigns": 12, "recipients": 8}
    scribe.ask_control("POST", "world/populate", body)
    scribe.post(RESPONSES, {"type": 1})
    ask_everything(scribe)


def test_listings(scribe: Scribe) -> None:
    """Every listing with each of its conditions, by the ids of what it finds."""
    api = scribe.api
    run_control(api, "POST", "world/populate", json={"campaigns": 4, "recipients": 9})
    api.post(SMS, json=make_sms(recipients=make_recipients(NUMBER, *HANDSETS)))
    api.post(SMS, json=make_sms(route=999))
    run_control(api, "POST", "clock/advance", json={"seconds": 30})
    _answered(api, "si", "INFO", "no")
    number, campaign = NUMBER, next(iter(api.world.campaigns))
    values = {
        "number": number,
        "campaign": campaign,
        "text": "si",
        "find": "si",
        "status": "sent",
        "operation": "createCampaign",
        "last": 2,
        "count": 2,
        "first": 2,
        "after": 1,
        "before": 2,
        "since": "2026-03-02T18:00:30Z",
        "until": "2026-03-02T18:00:29Z",
        "kind": "moPush",
        "state": "due",
        "channel": "sms",
        "mask": "numbers",
        "address": number,
        "protocol": "http",
    }
    for operation in read_control().operations.values():
        path = operation.path.removeprefix("/_emulator/")
        if operation.method != "GET" or "{" in path or operation.id in STREAMS:
            continue
        for name in _queries(operation.id):
            if name in values:
                scribe.ask_ids("GET", f"{path}?{name}={values[name]}")


def _answered(api: Api, *texts: str) -> None:
    """Have a handset write, and the pushes of that be due in a quarter of an hour."""
    late = {"effect": {"push": "late", "seconds": 900}}
    run_control(api, "POST", "faults", json=late)
    run_control(api, "PATCH", "account", json={"push_url": "http://127.0.0.1:9/mo"})
    for text in texts:
        run_control(api, "POST", "inbound", json={"number": NUMBER, "text": text})


def _queries(operation: str) -> list[str]:
    found = read_control().operations[operation]
    where = f"/paths/{found.path.replace('/', '~1')}/{found.method.lower()}"
    names = []
    for each in read_control().document.resolve_pointer(where)[1].get("parameters", ()):
        node = (
            read_control().document.resolve_pointer(each["$ref"][1:])[1]
            if "$ref" in each
            else each
        )
        if node["in"] == "query" and node["name"] != "world":
            names.append(str(node["name"]))
    return names


# --- What the manual left open -----------------------------------------------


def test_switches(scribe: Scribe) -> None:
    """Tell what every choice of every switch makes different from the default."""
    usual = tell_story(_doubtful)
    for name, switch in SWITCHES.items():
        if name == "errors":  # another envelope, which no contract describes
            continue
        for choice in switch.choices[1:]:
            scribe.begin_part(f"{name}: {choice}")
            chosen = tell_story(_doubtful, assumptions={name: choice})
            scribe.lines += list_differences(usual, chosen)


def test_strictness(scribe: Scribe) -> None:
    """Tell what a strict world makes of the same."""
    scribe.lines += tell_story(_doubtful, strict=True)


UNEVEN = [{"cellphone": NUMBER, "name": "Ana"}, {"cellphone": "5512345678"}]
SMS_DOUBTS: tuple[Body, ...] = (
    {"recipients": UNEVEN},
    {"text": "hola <+B+> <+D+>"},
    {"text": "ñandú"},
    {"text": "ñandú " * 20, "encode": True, "long_message": True},
    {"text": "x" * 150 + "<+B+>", "recipients": make_recipients(NUMBER, name="y" * 40)},
    {"text": "5 €"},
    {"text": "€" * 90},
    {"text": "ver http://nowhere.example/x"},
    {"encode": 1},
    {"long_message": "0"},
    {"country": 2},
    {"country": 1, "route": None},
    {"scheduled_date": "2026-03-01 09:00:00"},
    {"scheduled_date": "2026-03-05"},
    {"scheduled_date": "2026-03-05 09:00:00"},
    {"route": "87"},
    {"recipients": make_recipients(NUMBER, NUMBER)},
    {"text": "x" * 306, "long_message": True, "recipients": make_recipients(*HANDSETS)},
    {"campaign_name": ""},
    {"unknown": 1},
)


def _doubtful(scribe: Scribe) -> None:
    """Ask for what the manual shows somewhere and contradicts elsewhere."""
    api = scribe.api
    for changes in SMS_DOUBTS:
        body = {**make_sms(), **changes}
        sent = {name: each for name, each in body.items() if each is not None}
        scribe.ask_briefly("POST", SMS, json=sent)
    scribe.ask_briefly(
        "POST", SMS, content=b'{"text":"a"}', headers={"content-type": "x/y"}
    )
    scribe.ask_briefly(
        "GET", "/api/v1/user", headers={"authorization": "demo"}, token=""
    )
    for changes in ({}, {"text": "sin marca"}, {"country": 1, "route": None}):
        scribe.ask_briefly("POST", CLIC, json=make_order(CLIC, **changes))
    for changes in (
        {},
        {"template": 3, "image": "https://media.example.org/promocion.png"},
        {"template": 3, "image": "https://a.example/b.png", "body": "x"},
        {"template": 4},
        {"scheduled_date": "2026-03-05 09:00:00"},
        {"body": "<+B+>", "recipients": [{"email": "a@b.example", "field1": "x"}]},
    ):
        scribe.ask_briefly("POST", EMAIL, json=make_order(EMAIL, **changes))
    for changes in (
        {},
        {"remittent": None},
        {"remittent": "5500000000"},
        {"scheduled_date": "2026-03-05 09:00:00"},
        {"scheduledDate": "2026-03-05 09:00:00"},
    ):
        scribe.ask_briefly("POST", VOICE, json=make_order(VOICE, **changes))
    calls = max(api.world.voice_campaigns, default=0)
    scribe.ask_briefly("GET", f"{VOICE}/{calls}/")
    scribe.ask_briefly("POST", f"{VOICE}/{calls}/cancel")
    run_control(api, "POST", "clock/advance", json={"seconds": 40})
    _answered(api, "si", "INFO por favor")
    run_control(api, "POST", "clock/settle", json={"seconds": 1_000})
    for query in (
        {"type": 1, "campaigns": [1]},
        {"type": 3, "cellphone": NUMBER},
        {"type": 1, "from": "2026-03-05 00:00:00", "to": "2026-03-01 00:00:00"},
    ):
        scribe.ask_briefly("POST", RESPONSES, json=query)
    for number in [*api.world.campaigns][:3]:
        scribe.ask_briefly("GET", f"{SMS}/{number}/messages")
        run_control(api, "POST", f"campaigns/sms/{number}/mark-unknown")
        scribe.ask_briefly("GET", f"{SMS}/{number}/messages")
    for path in ("deliveries", "movements", "messages?last=9"):
        scribe.ask_briefly("GET", f"/_emulator/{path}")


# --- How fast they go --------------------------------------------------------

PACES = (
    "manual",
    "instant",
    {"inserting": 3, "sms_after": 1, "sms_every": 2, "retry_scale": 0},
    {"updating": 5, "sms_every": 0.5, "retry_scale": 2},
    {"call_after": 2, "call_every": 3},
)


def test_paces(scribe: Scribe) -> None:
    """How campaigns go at each pace, with a pause, instant by instant."""
    for pace in PACES:
        scribe.begin_part(str(pace))
        scribe.lines += tell_story(_passing, pace=pace)


def _passing(scribe: Scribe) -> None:
    api = scribe.api
    people = [*make_crowd(9), *make_recipients(*HANDSETS[:4])]
    sms = api.post(SMS, json=make_sms(recipients=people)).body["campaign"]
    calls = api.post(VOICE, json=make_order(VOICE, recipients=people)).body[
        "voice_campaign"
    ]
    for step in range(16):
        if step in (4, 7):
            change = "pause" if step == 4 else "resume"
            scribe.ask_briefly("POST", f"/_emulator/campaigns/sms/{sms}/{change}")
        rows = _columns(api, f"{SMS}/{sms}/messages", "data")
        called = _columns(api, f"{VOICE}/{calls}", "voice_messages")
        scribe.lines.append(f"{api.clock.now:%d %H:%M:%S.%f} {rows} {called}")
        ahead = run_control(api, "GET", "clock/pending")
        scribe.lines.append(f"  next: {ahead}"[:400])
        api.clock.advance(seconds=0.5 * step * step)


def _columns(api: Api, path: str, name: str) -> str:
    """Return what stands over a listing, and the states in it."""
    body = api.get(path).body
    states = [row.get("status", row.get("voice_message_status")) for row in body[name]]
    kept = ("status", "campaign_status", "percentage", "recipients_processed")
    over = [str(body[each]) for each in kept if each in body]
    return f"{' '.join(over)} {states}"
