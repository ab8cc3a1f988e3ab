"""One record for each channel, and whatever lists channels lists these."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import chain
from typing import get_args, get_type_hints

import pytest
import yaml

from emulator.domain.channel import (
    CAMPAIGN_TABLES,
    CHANNELS,
    AnyCampaign,
    RecipientKey,
    format_key,
    get_channel,
)
from emulator.world.state import WorldState
from tests.support.emulator import START, Api, make_emulator, read_control, run_control
from tests.support.processes import ROOT

NAMES = [*CHANNELS]
CAMPAIGN_TYPES = {each.__name__ for each in get_args(AnyCampaign)}
INSTANTS = [START + timedelta(days=each) for each in (-40, -20, -12, -3, 0, 2)]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with closing(make_emulator()) as api:
        size = {"campaigns": 22, "recipients": 40}
        run_control(api, "POST", "world/populate", json=size)
        yield api


def campaigns_of(api: Api, name: str) -> list[AnyCampaign]:
    tables = api.world.list_campaign_tables()
    placed = chain.from_iterable(each.values() for each in tables)
    found = [each for each in placed if each.channel == name]
    assert found
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_campaign_lies_where_its_channel_says(api: Api, name: str) -> None:
    for each in campaigns_of(api, name):
        channel = get_channel(each)
        assert channel is CHANNELS[name]
        assert getattr(api.world, channel.table)[each.id] is each
        assert api.world.get_channel_campaign(name, each.id) is each


@pytest.mark.parametrize("name", NAMES)
def test_what_a_channel_says_of_all_and_of_one_agrees(api: Api, name: str) -> None:
    channel = CHANNELS[name]
    for campaign in campaigns_of(api, name):
        count = channel.count_recipients(campaign)
        assert len(channel.get_keys(campaign)) == count > 0
        assert all(len(one) == count for one in channel.get_fields(campaign).values())
        for now in INSTANTS:
            states = [*channel.list_statuses(campaign, range(count), now)]
            rows = [channel.describe_recipient(campaign, it, now) for it in range(3)]
            assert Counter(states) == channel.count_statuses(campaign, now)
            assert [each["status"] for each in rows] == states[:3]
            assert 0 <= channel.count_final(campaign, now) <= count


@pytest.mark.parametrize("name", NAMES)
def test_a_recipient_is_found_by_its_key_and_no_other(api: Api, name: str) -> None:
    channel = CHANNELS[name]
    for campaign in campaigns_of(api, name):
        keys: list[RecipientKey] = [*channel.get_keys(campaign)]
        for place, key in enumerate(keys):
            row = channel.describe_recipient(campaign, place, START)
            assert row["to"] == format_key(key)
            assert channel.is_sent_to(campaign, key)
            assert place in channel.find_places(campaign, key)
        for other in (1, "no.such@example.org"):
            assert not channel.is_sent_to(campaign, other)
            assert not [*channel.find_places(campaign, other)]


def test_every_table_of_campaigns_belongs_to_a_channel() -> None:
    types = get_args(AnyCampaign)
    fields = get_type_hints(WorldState).items()

    assert {*CAMPAIGN_TABLES} == {
        name for name, hint in fields if {*get_args(hint)} & {*types}
    }


def test_the_control_api_and_the_panel_list_the_channels() -> None:
    schemas = read_control().document.tree["components"]["schemas"]
    panel = ROOT / "emulator" / "web" / "panel"
    page = (panel / "templates" / "regions" / "campaigns.html").read_text("utf-8")
    words = yaml.safe_load((panel / "words.yaml").read_text("utf-8"))
    listed = ", ".join(f'"{each}"' for each in NAMES)

    assert schemas["Channel"]["enum"] == NAMES
    assert schemas["Campaign"]["properties"]["channel"]["enum"] == NAMES
    assert schemas["ItemKind"]["enum"] == [*NAMES, "reply"]
    assert f"in [{listed}]" in page
    assert {f"channel_{each}" for each in NAMES} <= words.keys()


def test_nothing_asks_of_which_type_a_campaign_is() -> None:
    """What differs stands in the record of the channel."""
    asked = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in (ROOT / "emulator").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "isinstance"
        if CAMPAIGN_TYPES & {*re.findall(r"\w+", ast.unparse(call))}
    ]

    assert asked == []
