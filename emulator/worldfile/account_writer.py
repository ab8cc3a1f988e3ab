"""An account as a world file writes it: the inverse of what ``account_fixture`` reads.

JSON-able and the same for equal accounts.  Everything is said, defaults included, and
every instant with its offset, so that changing one thing changes nothing else.
"""

from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from emulator.domain import dates, money
from emulator.domain.access import Bind, Centre
from emulator.domain.account import Account, Item, Keyword, Link, Route
from emulator.domain.assumptions import LENIENT, STRICT, Assumptions
from emulator.domain.handset import Population, Profile
from emulator.domain.recipients import cellphone
from emulator.domain.timeline import Pace

Part = dict[str, Any]  # of a world file
DAY = timedelta(days=1)


def written(account: Account) -> Part:
    """Return the document that ``fixture.account_of`` reads as *account*."""
    lifetime = account.token_lifetime
    return _said(
        seed=account.seed,
        account=_person(account),
        push_url=account.push_url,
        push_retries=[each.total_seconds() for each in account.push_retries],
        binds=[_bind(each) for each in account.access.binds.values()],
        smpp=_centre(account.access.centre),
        prices={
            each.name: money.written(getattr(account.prices, each.name))
            for each in fields(account.prices)
        },
        services=dict(sorted(account.services.items())),
        countries=[
            {"country": each.id, "name": each.name}
            for each in account.countries.values()
        ],
        routes=[_route(each) for each in account.routes.values()],
        audios=[_item(each) for each in account.audios.values()],
        media=[_item(each) for each in account.media.values()],
        links=[_link(each) for each in account.links.values()],
        short_link_base=account.short_link_base,
        keywords=[_keyword(each) for each in account.keywords],
        remittents=[cellphone(each) for each in sorted(account.remittents)],
        whitelist=sorted(account.whitelist),
        population=_weights(account.population),
        handsets=_handsets(account.population),
        profiles=[_profile(each) for each in account.population.profiles],
        pace=_pace(account.pace),
        **_choices(account.assumptions),
        refusals={
            name: {"status": each.status, "es": each.es, "en": each.en}
            for name, each in sorted(account.refusals.items())
        },
        merged_limit=account.merged_limit,
        token_lifetime_days=None if lifetime is None else lifetime / DAY,
    )


def _said(**parts: Any) -> Part:
    """Return the parts that there are."""
    return {name: part for name, part in parts.items() if part is not None}


def _person(account: Account) -> Part:
    return {
        "user": account.user,
        "name": account.name,
        "surname": account.surname,
        "time_zone": str(account.zone),
        "credit": money.written(account.credit),
    }


def _route(route: Route) -> Part:
    return _said(
        route=route.id,
        name=route.name,
        clic_name=route.clic_name,
        country=route.country,
        price=money.written(route.price),
        description=route.description,
    )


def _item(item: Item) -> Part:
    return _said(id=item.id, name=item.name, url=item.url)


def _link(link: Link) -> Part:
    return {
        "id": link.id,
        "title": link.title,
        "url": link.url,
        "created": dates.stamp(link.created_at),
    }


def _keyword(keyword: Keyword) -> Part:
    return _said(
        keyword=keyword.word,
        type=keyword.kind,
        response=keyword.response,
        response_url=keyword.response_url,
        push_url=keyword.push_url,
        created=dates.stamp(keyword.created_at),
        expires=dates.stamp(keyword.expires_at),
    )


def _bind(bind: Bind) -> Part:
    return _said(
        system_id=bind.system_id,
        password=bind.password,
        coding=str(bind.coding),
        route=bind.route,
        senders=list(bind.senders),
        binds=bind.binds,
        window=bind.window,
        rate=bind.rate,
        receipts=asdict(bind.receipts),
    )


def _centre(centre: Centre) -> Part:
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in asdict(centre).items()
    }


def _weights(population: Population) -> list[Part]:
    return [
        {"outcome": outcome.name.lower(), "weight": weight}
        for outcome, weight in sorted(population.weights.items())
    ]


def _handsets(population: Population) -> list[Part]:
    return [
        {"cellphone": cellphone(number), "outcome": outcome.name.lower()}
        for number, outcome in sorted(population.known.items())
    ]


def _profile(profile: Profile) -> Part:
    return {
        "share": profile.share,
        "after": profile.after.total_seconds(),
        "texts": list(profile.texts),
    }


def _pace(pace: Pace) -> Part:
    durations = {
        each.name: getattr(pace, each.name)
        for each in fields(pace)
        if each.name != "patience"
    }
    seconds = {name: each.total_seconds() for name, each in durations.items()}
    return {**seconds, "patience": pace.patience}


def _choices(assumptions: Assumptions) -> Part:
    """Return the nearer of the two modes, and what is chosen otherwise."""
    apart = {
        strict: {
            name: assumptions[name]
            for name, choice in mode.items()
            if choice != assumptions[name]
        }
        for strict, mode in ((False, LENIENT), (True, STRICT))
    }
    strict = len(apart[True]) < len(apart[False])
    return {"strict": strict, "assumptions": apart[strict]}
