# pip install testcontainers pytest

from collections.abc import Iterator

import pytest
from smsclouds_requests import Smsclouds  # it is in examples/python
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from emulator.client import Emulator

PHONE = "4498987282"


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    ready = HttpWaitStrategy(7672, "/_emulator/readyz").for_status_code(200)
    container = DockerContainer("smsclouds-emulator:0.1.0").with_exposed_ports(7672)
    with container.waiting_for(ready):
        host, port = container.get_container_host_ip(), container.get_exposed_port(7672)
        yield f"http://{host}:{port}"


def test_a_reply_comes_out_of_the_container(url: str) -> None:
    texts: list[str] = []
    with Emulator(url, token="world-one") as world:
        Smsclouds(url, world.token).send("hola", [PHONE], "order 1")
        world.settle()

        # The container need not reach this process: who listens fetches the pushes.
        with world.receive(lambda push: texts.append(push.response)):
            world.phone(PHONE).reply("BAJA")
            world.settle()

    assert texts == ["BAJA"]
