"""Stories of campaigns: what becomes of them, and what is told of that afterwards."""

from emulator.domain.assumptions import SWITCHES
from tests.campaigns import CLIC, NUMBER, SMS, Body, a_clic, an_sms, crowd, to
from tests.emulated import Api, control
from tests.orders import EMAIL, RESPONSES, VOICE, order
from tests.steering import steered
from tests.told.scribe import Scribe, differing, telling

HANDSETS = [f"99900{outcome:02d}001" for outcome in (*range(8), 10, 11, 12)]
LATER = (0, 9, 3, 60, 4_000, 90_000)  # seconds, one after the other
STREAMS = {"streamPushes", "streamEvents", "streamChanges"}


def campaigns(scribe: Scribe) -> None:
    """Campaigns to one handset of each kind, read as time passes."""
    api = scribe.api
    people = [
        {"cellphone": each, "name": f"N{index}", "field1": "x"}
        for index, each in enumerate((NUMBER, *HANDSETS))
    ]
    scribe.title("placed")
    for path in ("/api/v1/user", "/api/v3/user/routes", "/api/v3/user/countries"):
        scribe.get(path)
    placed = [
        scribe.post(SMS, an_sms(recipients=people, text="hola <+B+>, <+C+>")),
        scribe.post(SMS, an_sms(text="ñandú " * 11, encode=True)),
        scribe.post(SMS, an_sms(scheduled_date="2026-03-02 12:10:00")),
        scribe.post(CLIC, a_clic(recipients=to(NUMBER, "5512345678"))),
    ]
    picture = {"template": 4, "image": "https://a.example/b.png", "attachment": 51}
    two = [{"email": "a@b.example"}] * 2
    scribe.post(EMAIL, order(EMAIL, recipients=two))
    scribe.post(EMAIL, order(EMAIL, **picture))
    ahead = {"type": 1, "audio": 31, "text": None}
    calls = [
        scribe.post(VOICE, order(VOICE, recipients=to(NUMBER, *HANDSETS))),
        scribe.post(VOICE, order(VOICE, scheduledDate="2026-03-02 12:30:00", **ahead)),
    ]
    for each in (NUMBER, *HANDSETS, "12"):
        scribe.get(f"/api/v3/hlr/{each}")
    for seconds in LATER:
        scribe.title(f"{seconds} seconds later")
        api.clock.advance(seconds=seconds)
        for campaign in placed:
            scribe.get(f"{SMS}/{campaign.body['campaign']}/messages")
        for call in calls:
            scribe.get(f"{VOICE}/{call.body['voice_campaign']}")
    scribe.post(f"{VOICE}/{calls[1].body['voice_campaign']}/cancel")
    scribe.title("replies")
    for text in ("si", "INFO", "promo?", "alto"):
        scribe.control("POST", "inbound", {"number": NUMBER, "text": text})
    for query in (
        {"type": 1},
        {"type": 2, "campaigns": [placed[0].body["campaign"]]},
        {"type": 3, "cellphone": NUMBER},
        {"type": 1, "from": "2026-03-02 00:00:00", "to": "2026-03-09 00:00:00"},
        {"type": 3, "cellphone": HANDSETS[8]},
    ):
        scribe.post(RESPONSES, query)
    asked_about(scribe)


def asked_about(scribe: Scribe) -> None:
    """Ask for all that the control API can tell of a world."""
    scribe.title("what the control API tells")
    for operation in control().operations.values():
        path = operation.path.removeprefix("/_emulator/")
        is_plain = "{" not in path and operation.id not in STREAMS
        if operation.method == "GET" and is_plain:
            scribe.control("GET", path)
    last = scribe.api.world.journal.last
    for number in sorted({1, 2, 3, 4, 5, last // 2, last} - {0}):
        scribe.control("GET", f"journal/{number}")
    for each in steered(scribe.api, "GET", "campaigns"):
        where = f"campaigns/{each['channel']}/{each['campaign']}"
        scribe.control("GET", where)
        scribe.control("GET", f"{where}/recipients?first=1&count=5")
        if each["channel"] == "email":
            scribe.control("GET", f"{where}/emails")
    for address in (NUMBER, *HANDSETS[:5], "5500000000"):
        scribe.control("GET", f"conversations/{address}")
        scribe.control("GET", f"handsets/{address}")


def life(scribe: Scribe) -> None:
    """Tell a few weeks of an account in which somebody seems to live."""
    body = {"campaigns": 12, "recipients": 8}
    scribe.control("POST", "world/populate", body)
    scribe.post(RESPONSES, {"type": 1})
    asked_about(scribe)


def listings(scribe: Scribe) -> None:
    """Every listing with each of its conditions, by the ids of what it finds."""
    api = scribe.api
    steered(api, "POST", "world/populate", json={"campaigns": 4, "recipients": 9})
    api.post(SMS, json=an_sms(recipients=to(NUMBER, *HANDSETS)))
    api.post(SMS, json=an_sms(route=999))
    steered(api, "POST", "clock/advance", json={"seconds": 30})
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
    for operation in control().operations.values():
        path = operation.path.removeprefix("/_emulator/")
        if operation.method != "GET" or "{" in path or operation.id in STREAMS:
            continue
        for name in _queries(operation.id):
            if name in values:
                scribe.found("GET", f"{path}?{name}={values[name]}")


def _answered(api: Api, *texts: str) -> None:
    """Have a handset write, and the pushes of that be due in a quarter of an hour."""
    late = {"effect": {"push": "late", "seconds": 900}}
    steered(api, "POST", "faults", json=late)
    steered(api, "PATCH", "account", json={"push_url": "http://127.0.0.1:9/mo"})
    for text in texts:
        steered(api, "POST", "inbound", json={"number": NUMBER, "text": text})


def _queries(operation: str) -> list[str]:
    found = control().operations[operation]
    where = f"/paths/{found.path.replace('/', '~1')}/{found.method.lower()}"
    names = []
    for each in control().document.resolve_pointer(where)[1].get("parameters", ()):
        node = (
            control().document.resolve_pointer(each["$ref"][1:])[1]
            if "$ref" in each
            else each
        )
        if node["in"] == "query" and node["name"] != "world":
            names.append(str(node["name"]))
    return names


# --- What the manual left open -----------------------------------------------


def switches(scribe: Scribe) -> None:
    """Tell what every choice of every switch makes different from the default."""
    usual = telling(_doubtful)
    for name, switch in SWITCHES.items():
        if name == "errors":  # another envelope, which no contract describes
            continue
        for choice in switch.choices[1:]:
            scribe.title(f"{name}: {choice}")
            chosen = telling(_doubtful, assumptions={name: choice})
            scribe.lines += differing(usual, chosen)


def strictness(scribe: Scribe) -> None:
    """Tell what a strict world makes of the same."""
    scribe.lines += telling(_doubtful, strict=True)


UNEVEN = [{"cellphone": NUMBER, "name": "Ana"}, {"cellphone": "5512345678"}]
SMS_DOUBTS: tuple[Body, ...] = (
    {"recipients": UNEVEN},
    {"text": "hola <+B+> <+D+>"},
    {"text": "ñandú"},
    {"text": "ñandú " * 20, "encode": True, "long_message": True},
    {"text": "x" * 150 + "<+B+>", "recipients": to(NUMBER, name="y" * 40)},
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
    {"recipients": to(NUMBER, NUMBER)},
    {"text": "x" * 306, "long_message": True, "recipients": to(*HANDSETS)},
    {"campaign_name": ""},
    {"unknown": 1},
)


def _doubtful(scribe: Scribe) -> None:
    """Ask for what the manual shows somewhere and contradicts elsewhere."""
    api = scribe.api
    for changes in SMS_DOUBTS:
        body = {**an_sms(), **changes}
        sent = {name: each for name, each in body.items() if each is not None}
        scribe.briefly("POST", SMS, json=sent)
    scribe.briefly(
        "POST", SMS, content=b'{"text":"a"}', headers={"content-type": "x/y"}
    )
    scribe.briefly("GET", "/api/v1/user", headers={"authorization": "demo"}, token="")
    for changes in ({}, {"text": "sin marca"}, {"country": 1, "route": None}):
        scribe.briefly("POST", CLIC, json=order(CLIC, **changes))
    for changes in (
        {},
        {"template": 3, "image": "https://media.example.org/promocion.png"},
        {"template": 3, "image": "https://a.example/b.png", "body": "x"},
        {"template": 4},
        {"scheduled_date": "2026-03-05 09:00:00"},
        {"body": "<+B+>", "recipients": [{"email": "a@b.example", "field1": "x"}]},
    ):
        scribe.briefly("POST", EMAIL, json=order(EMAIL, **changes))
    for changes in (
        {},
        {"remittent": None},
        {"remittent": "5500000000"},
        {"scheduled_date": "2026-03-05 09:00:00"},
        {"scheduledDate": "2026-03-05 09:00:00"},
    ):
        scribe.briefly("POST", VOICE, json=order(VOICE, **changes))
    calls = max(api.world.voice_campaigns, default=0)
    scribe.briefly("GET", f"{VOICE}/{calls}/")
    scribe.briefly("POST", f"{VOICE}/{calls}/cancel")
    steered(api, "POST", "clock/advance", json={"seconds": 40})
    _answered(api, "si", "INFO por favor")
    steered(api, "POST", "clock/settle", json={"seconds": 1_000})
    for query in (
        {"type": 1, "campaigns": [1]},
        {"type": 3, "cellphone": NUMBER},
        {"type": 1, "from": "2026-03-05 00:00:00", "to": "2026-03-01 00:00:00"},
    ):
        scribe.briefly("POST", RESPONSES, json=query)
    for number in [*api.world.campaigns][:3]:
        scribe.briefly("GET", f"{SMS}/{number}/messages")
        steered(api, "POST", f"campaigns/sms/{number}/mark-unknown")
        scribe.briefly("GET", f"{SMS}/{number}/messages")
    for path in ("deliveries", "movements", "messages?last=9"):
        scribe.briefly("GET", f"/_emulator/{path}")


# --- How fast they go --------------------------------------------------------

PACES = (
    "manual",
    "instant",
    {"inserting": 3, "sms_after": 1, "sms_every": 2, "retry_scale": 0},
    {"updating": 5, "sms_every": 0.5, "retry_scale": 2},
    {"call_after": 2, "call_every": 3},
)


def paces(scribe: Scribe) -> None:
    """How campaigns go at each pace, with a pause, instant by instant."""
    for pace in PACES:
        scribe.title(str(pace))
        scribe.lines += telling(_passing, pace=pace)


def _passing(scribe: Scribe) -> None:
    api = scribe.api
    people = [*crowd(9), *to(*HANDSETS[:4])]
    sms = api.post(SMS, json=an_sms(recipients=people)).body["campaign"]
    calls = api.post(VOICE, json=order(VOICE, recipients=people)).body["voice_campaign"]
    for step in range(16):
        if step in (4, 7):
            change = "pause" if step == 4 else "resume"
            scribe.briefly("POST", f"/_emulator/campaigns/sms/{sms}/{change}")
        rows = _columns(api, f"{SMS}/{sms}/messages", "data")
        called = _columns(api, f"{VOICE}/{calls}", "voice_messages")
        scribe.lines.append(f"{api.clock.now:%d %H:%M:%S.%f} {rows} {called}")
        ahead = steered(api, "GET", "clock/pending")
        scribe.lines.append(f"  next: {ahead}"[:400])
        api.clock.advance(seconds=0.5 * step * step)


def _columns(api: Api, path: str, name: str) -> str:
    """Return what stands over a listing, and the states in it."""
    body = api.get(path).body
    states = [row.get("status", row.get("voice_message_status")) for row in body[name]]
    kept = ("status", "campaign_status", "percentage", "recipients_processed")
    over = [str(body[each]) for each in kept if each in body]
    return f"{' '.join(over)} {states}"
