"""SMPP as seen from outside it: where it is, who is bound, what came in parts."""

from collections.abc import Iterator

from emulator.domain import dates, segments
from emulator.domain.refusals import NO_SUCH_SESSION, WRONG_FORMAT, Refusal
from emulator.domain.segments import Part
from emulator.domain.smpp import Submission
from emulator.domain.targets import never
from emulator.world.bound_session import Link
from emulator.operations.call import Call, Reply, Row
from emulator.world import World
from emulator.worlds import Outbound, Worlds

ANYTHING = "any"  # a password, where every one is good


def get_smpp(worlds: Worlds, world: World, _call: Call) -> Reply:
    """Return where SMPP is served, and a bind of the world; the ports may be off."""
    host, port = _address(worlds, "smpp")
    tls_host, tls_port = _address(worlds, "smpps")
    system_id = _system_id(worlds, world)
    password = world.account.access.bind(system_id).password
    return Reply(
        {
            "host": host or tls_host,
            "port": port,
            "tls_port": tls_port,
            "system_id": system_id,
            "password": ANYTHING if password is None else password,
        }
    )


def send_outbind(worlds: Worlds, world: World, call: Call) -> Reply:
    """Call a client that listens, so that it binds; its bind is not waited for.

    Refuses an address where nothing is called, whatever ``--push-allow`` says; a name
    that leads to one is not called, and the log says why.

    Source: SMPP 3.4, 2.2.1 and 4.1.7.
    """
    system_id = _system_id(worlds, world)
    password = world.account.access.bind(system_id).password or ANYTHING
    body = call.body
    if objection := never(body["host"]):
        raise Refusal(WRONG_FORMAT, objection, field="host")
    if worlds.dial is not None:
        worlds.dial(Outbound(body["host"], int(body["port"]), system_id, password))
    return Reply({"host": body["host"], "port": body["port"], "system_id": system_id})


def list_sessions(world: World, _call: Call) -> Reply:
    """List the sessions that are bound to the world, the oldest first."""
    return Reply([_shown(each) for each in world.links.values()])


def cut_session(world: World, call: Call) -> Reply:
    """Close the connection of a session, without an unbind."""
    link = world.links.get(call.params["session"])
    if link is None:
        why = f"world {world.name} has no such session"
        raise Refusal(NO_SUCH_SESSION, why)
    link.cut()
    return Reply(_shown(link))


def list_long_messages(world: World, _call: Call) -> Reply:
    """List the messages that come in parts, complete or not, the oldest first.

    Parts belong together where client, sender, recipient and reference are the same.
    """
    return Reply([_joined(world, each) for each in _groups(world)])


def _groups(world: World) -> Iterator[list[Submission]]:
    groups: dict[object, list[Submission]] = {}
    for each in world.submissions.values():
        if each.part is not None:
            key = (each.likeness, each.part.reference, each.part.total)
            groups.setdefault(key, []).append(each)
    yield from groups.values()


def _joined(world: World, group: list[Submission]) -> Row:
    first = group[0]
    parts: list[tuple[Part, str]] = [
        (each.part, world.campaigns[each.id].template.text)
        for each in group
        if each.part is not None
    ]
    whole = segments.joined(parts)
    return {
        "system_id": first.system_id,
        "source": first.source.number.decode("latin-1"),
        "destination": first.destinations[0].number.decode("latin-1"),
        "reference": parts[0][0].reference,
        "total": whole.total,
        "parts": list(whole.numbers),
        "complete": whole.is_complete,
        "text": whole.text,
        "messages": [each.message for each in group],
    }


def _shown(link: Link) -> Row:
    return {
        "session": link.number,
        "system_id": link.system_id,
        "kind": link.kind,
        "peer": link.peer,
        "tls": link.tls,
        "version": link.version,
        "bound": dates.stamp(link.bound_at),
        "submitted": link.submitted,
        "delivered": link.delivered,
    }


def _address(worlds: Worlds, scheme: str) -> tuple[str | None, int | None]:
    if scheme not in worlds.addresses:
        return None, None
    host, _, port = worlds.addresses[scheme].rpartition(":")
    return host, int(port)


def _system_id(worlds: Worlds, world: World) -> str:
    """Return a system_id that leads to *world*: one of its binds', or its name's."""
    binds = world.account.access.binds
    own = (each for each in binds if worlds.bound(each) is world)
    return next(own, f"world-{world.name}")
