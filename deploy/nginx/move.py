"""Move the worlds of a process to where the balancer leads now.

python deploy/nginx/move.py http://127.0.0.1:7704 http://127.0.0.1:7672 [WORLD ...]

The first is the process, asked at its own port, the second the balancer. Without names
it is every world but the default one, which each process has.
"""

import os
import sys

from emulator.client import Emulator

SECRET = os.environ.get("EMULATOR_CONTROL_SECRET")


def move(process: str, balancer: str, *names: str) -> None:
    with Emulator(process, secret=SECRET) as default:
        worlds = names or [each.name for each in default.worlds]
        for name in worlds:
            if name != default.world or names:
                moved(name, process, balancer)
                print(name, flush=True)


def moved(name: str, process: str, balancer: str) -> None:
    """Have one world go on behind the balancer, and end where it was."""
    with (
        Emulator(process, world=name, secret=SECRET) as here,
        Emulator(balancer, token=f"world-{name}", secret=SECRET) as there,
    ):
        rate = here.clock.rate
        here.clock.freeze()  # so that nothing is sent from both
        there.restore(here.snapshot())
        here.delete()
        there.clock.run(rate)


if __name__ == "__main__":
    move(*sys.argv[1:])
