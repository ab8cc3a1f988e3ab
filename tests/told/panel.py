"""What every page of the panel shows, where there is something to see."""

from emulator.web.panel.views import PAGES
from tests.campaigns import CLIC, NUMBER, SMS
from tests.commanded import prepared
from tests.orders import EMAIL, order
from tests.smpp.dialled import listening
from tests.steering import steered
from tests.told.scribe import Scribe


def panel(scribe: Scribe) -> None:
    """Every page in both languages, and where its elements lead."""
    api = scribe.api
    prepared(api)
    api.post(EMAIL, json=order(EMAIL))
    api.post(CLIC, json=order(CLIC))
    api.post(SMS, content=b"{")
    with listening(api) as phone:
        phone.bound().submit(2, registered=1)
        steered(api, "POST", "clock/advance", json={"seconds": 60})
        listed = steered(api, "GET", "campaigns")
        for language in ("es", "en"):
            for path in _pages(listed, api.world.journal.last):
                scribe.title(f"{path} ({language})")
                words = {"accept-language": language}
                answer = api.get(f"/panel/{path}", token="", headers=words)
                scribe.hear_words(answer, ways=language == "en")


def _pages(listed: list[dict[str, object]], last: int) -> list[str]:
    pages = []
    for page in PAGES:
        if page == "campaign":
            pages += [
                f"campaign?channel={each['channel']}&campaign={each['campaign']}"
                for each in listed
            ]
        elif page == "request":
            pages += ["request?number=1", f"request?number={last}"]
        elif page == "phones":
            pages += ["phones", f"phones?with={NUMBER}"]
        else:
            pages.append(page)
    return pages


def regions(scribe: Scribe) -> None:
    """Look for something by the panel's own fields."""
    api = scribe.api
    prepared(api)
    for query in (
        "campaigns?channel=sms",
        "campaigns?channel=voice",
        "requests?operation=createCampaign",
        "requests?status=422",
        "requests?find=hola",
        "requests?before=2",
        "deliveries?state=due",
        "deliveries?kind=receipt",
        "phones?find=4498",
        f"recipients?channel=sms&campaign=8528238&find={NUMBER}",
        "recipients?channel=sms&campaign=8528238&first=2",
        "worlds?find=de",
        "worlds?find=zz",
        "status",
        "nothing",
    ):
        scribe.title(query)
        scribe.hear_words(api.get(f"/panel/region/{query}", token=""))
