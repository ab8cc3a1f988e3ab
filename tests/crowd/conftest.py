"""The tests of this folder in an order of chance, which every worker agrees upon."""

from random import Random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--order-seed", type=int, default=0)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    Random(config.getoption("--order-seed")).shuffle(items)
