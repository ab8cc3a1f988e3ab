"""An account as a world file writes it: the inverse of ``account_reader``.

JSON-able and the same for equal accounts.  Everything is said, defaults included, and
every instant with its offset, so that changing one thing changes nothing else.
"""

from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from emulator.domain import dates, money
from emulator.domain.access import BindConfig, SmscConfig
from emulator.domain.account import Account, Keyword, Link, MediaFile, Route
from emulator.domain.assumptions import LENIENT_CHOICES, STRICT_CHOICES, Assumptions
from emulator.domain.handset import Population, ReplyProfile
from emulator.domain.recipients import format_cellphone
from emulator.domain.timeline import Pace

WrittenPart = dict[str, Any]  # of a world file
DAY = timedelta(days=1)


def account_to_json(account: Account) -> WrittenPart:
    """Return the document that ``fixture.parse_account`` reads as *account*."""
    lifetime = account.token_lifetime
    return _drop_absent(
        seed=account.seed,
        account=_person_to_json(account),
        push_url=account.push_url,
        push_retries=[each.total_seconds() for each in account.push_retries],
        binds=[_bind_to_json(each) for each in account.access.binds.values()],
        smpp=_smsc_config_to_json(account.access.centre),
        prices={
            each.name: money.to_exact_amount(getattr(account.prices, each.name))
            for each in fields(account.prices)
        },
        services=dict(sorted(account.services.items())),
        countries=[
            {"country": each.id, "name": each.name}
            for each in account.countries.values()
        ],
        routes=[_route_to_json(each) for each in account.routes.values()],
        audios=[_item_to_json(each) for each in account.audios.values()],
        media=[_item_to_json(each) for each in account.media.values()],
        links=[_link_to_json(each) for each in account.links.values()],
        short_link_base=account.short_link_base,
        keywords=[_keyword_to_json(each) for each in account.keywords],
        remittents=[format_cellphone(each) for each in sorted(account.remittents)],
        whitelist=sorted(account.whitelist),
        population=_weights_to_json(account.population),
        handsets=_handsets_to_json(account.population),
        profiles=[_profile_to_json(each) for each in account.population.profiles],
        pace=_pace_to_json(account.pace),
        **_choices_to_json(account.assumptions),
        refusals={
            name: {"status": each.status, "es": each.es, "en": each.en}
            for name, each in sorted(account.refusals.items())
        },
        merged_limit=account.merged_limit,
        token_lifetime_days=None if lifetime is None else lifetime / DAY,
    )


def _drop_absent(**parts: Any) -> WrittenPart:
    """Return the parts that there are."""
    return {name: part for name, part in parts.items() if part is not None}


def _person_to_json(account: Account) -> WrittenPart:
    return {
        "user": account.user,
        "name": account.name,
        "surname": account.surname,
        "time_zone": str(account.zone),
        "credit": money.to_exact_amount(account.credit),
    }


def _route_to_json(route: Route) -> WrittenPart:
    return _drop_absent(
        route=route.id,
        name=route.name,
        clic_name=route.clic_name,
        country=route.country,
        price=money.to_exact_amount(route.price),
        description=route.description,
    )


def _item_to_json(item: MediaFile) -> WrittenPart:
    return _drop_absent(id=item.id, name=item.name, url=item.url)


def _link_to_json(link: Link) -> WrittenPart:
    return {
        "id": link.id,
        "title": link.title,
        "url": link.url,
        "created": dates.format_timestamp(link.created_at),
    }


def _keyword_to_json(keyword: Keyword) -> WrittenPart:
    return _drop_absent(
        keyword=keyword.word,
        type=keyword.kind,
        response=keyword.response,
        response_url=keyword.response_url,
        push_url=keyword.push_url,
        created=dates.format_timestamp(keyword.created_at),
        expires=dates.format_timestamp(keyword.expires_at),
    )


def _bind_to_json(bind: BindConfig) -> WrittenPart:
    return _drop_absent(
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


def _smsc_config_to_json(centre: SmscConfig) -> WrittenPart:
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in asdict(centre).items()
    }


def _weights_to_json(population: Population) -> list[WrittenPart]:
    return [
        {"outcome": outcome.name.lower(), "weight": weight}
        for outcome, weight in sorted(population.weights.items())
    ]


def _handsets_to_json(population: Population) -> list[WrittenPart]:
    return [
        {"cellphone": format_cellphone(number), "outcome": outcome.name.lower()}
        for number, outcome in sorted(population.known.items())
    ]


def _profile_to_json(profile: ReplyProfile) -> WrittenPart:
    return {
        "share": profile.share,
        "after": profile.after.total_seconds(),
        "texts": list(profile.texts),
    }


def _pace_to_json(pace: Pace) -> WrittenPart:
    durations = {
        each.name: getattr(pace, each.name)
        for each in fields(pace)
        if each.name != "patience"
    }
    seconds = {name: each.total_seconds() for name, each in durations.items()}
    return {**seconds, "patience": pace.patience}


def _choices_to_json(assumptions: Assumptions) -> WrittenPart:
    """Return the nearer of the two modes, and what is chosen otherwise."""
    apart = {
        strict: {
            name: assumptions.chosen[name]
            for name, choice in mode.items()
            if choice != assumptions.chosen[name]
        }
        for strict, mode in ((False, LENIENT_CHOICES), (True, STRICT_CHOICES))
    }
    strict = len(apart[True]) < len(apart[False])
    return {"strict": strict, "assumptions": apart[strict]}
