"""What the commands of the shell say, to a world that lives in this process."""

from contextlib import closing

from click.testing import CliRunner

from emulator.client import Emulator
from emulator.command.main import main
from emulator.serving.standby import Standby
from tests.support.orders import HANDSETS, NUMBER, SMS, make_recipients, make_sms
from tests.support.servers import open_world
from tests.support.transcripts import Scribe

COMMANDS = (
    ("healthcheck",),
    ("token", "create", "second"),
    ("token", "list"),
    ("token", "delete", "nothing"),
    ("reply", NUMBER, "si"),
    ("advance",),
    ("advance", "90"),
    ("advance", "1.5m"),
    ("advance", "2h"),
    ("advance", "1d"),
    ("advance", "2026-03-09T00:00:00Z"),
    ("advance", "yesterday"),
    ("reply", NUMBER, "INFO"),
    ("reply", NUMBER, "si", "--message", "7"),
    ("reply", "12", "si"),
    ("settle",),
    ("fault",),
    ("fault", "status=503"),
    ("fault", "operation=createCampaign", "status=429", "retry_after=7", "nth=2"),
    ("fault", "refusal=SERVER_ERROR", "phase=after", "first=1", "token=demo"),
    ("fault", "operation=submit_sm", "command_status=ESME_RTHROTTLED"),
    ("fault", "preset=flaky", "number=5512345678"),
    ("fault", "status=503", "body=no", 'headers={"A": "b"}', 'body_has={"a": 1}'),
    ("fault", "operation=moPush", "push=late", "seconds=5"),
    ("fault", "f1", "disabled=true"),
    ("fault", "f99", "disabled=true"),
    ("fault", "status"),
    ("fault", "colour=red"),
    ("fault", "status=503", "wire=hang"),
    ("fault", "--clear"),
    ("populate", "--campaigns", "2", "--recipients", "3"),
    ("populate", "--campaigns", "0"),
)


def test_shell(scribe: Scribe) -> None:
    """Type each command, one after the other."""
    with (
        closing(Standby("demo")) as standby,
        Emulator(standby.url) as server,
        open_world(server) as world,
    ):
        order = make_sms(recipients=make_recipients(NUMBER, *HANDSETS))
        world.request("POST", SMS, json=order)
        for words in COMMANDS:
            more = () if words == ("healthcheck",) else ("--world", world.world)
            typed = [*words, "--url", world.url, *more]
            done = CliRunner().invoke(main, typed, terminal_width=88)
            said = done.output.replace(world.url, "http://emulator.test")
            scribe.lines += [f"$ {' '.join(words)}", said.rstrip()]
            scribe.lines += [f"  ends with {done.exit_code}"] if done.exit_code else []
