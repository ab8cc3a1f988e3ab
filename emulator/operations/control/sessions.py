"""SMPP by the control API: its addresses, bound sessions, messages in parts."""

from collections.abc import Iterator

from emulator.domain import dates, segments
from emulator.domain.emulator_refusals import NO_SUCH_SESSION
from emulator.domain.platform_refusals import WRONG_FORMAT
from emulator.domain.refusals import Refusal
from emulator.domain.segments import MessagePart
from emulator.domain.smpp import Submission
from emulator.domain.targets import find_host_objection
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.world import World
from emulator.world.bound_session import BoundSession
from emulator.worlds import OutboundBind, WorldDirectory

ANY_WORD = "any"  # a password, where every one is good


def get_smpp(
    worlds: WorldDirectory, world: World, _call: OperationCall
) -> OperationResult:
    """Return where SMPP is served, and a bind of the world; the ports may be off."""
    host, port = _split_address(worlds, "smpp")
    tls_host, tls_port = _split_address(worlds, "smpps")
    system_id = _choose_system_id(worlds, world)
    password = world.account.access.get_bind(system_id).password
    return OperationResult(
        {
            "host": host or tls_host,
            "port": port,
            "tls_port": tls_port,
            "system_id": system_id,
            "password": ANY_WORD if password is None else password,
        }
    )


def send_outbind(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    """Connect to a client that listens, so that it binds; do not wait for its bind.

    Refuses an address where nothing is called, whatever ``--push-allow`` says; a name
    that leads to one is not called, and the log says why.

    Source: SMPP 3.4, 2.2.1 and 4.1.7.
    """
    system_id = _choose_system_id(worlds, world)
    password = world.account.access.get_bind(system_id).password or ANY_WORD
    body = call.body
    if objection := find_host_objection(body["host"]):
        raise Refusal(WRONG_FORMAT, objection, field="host")
    if worlds.bind_outbound is not None:
        worlds.bind_outbound(
            OutboundBind(body["host"], int(body["port"]), system_id, password)
        )
    return OperationResult(
        {"host": body["host"], "port": body["port"], "system_id": system_id}
    )


def list_sessions(world: World, _call: OperationCall) -> OperationResult:
    """List the sessions that are bound to the world, the oldest first."""
    return OperationResult(
        [_describe_session(each) for each in world.sessions.values()]
    )


def disconnect_session(world: World, call: OperationCall) -> OperationResult:
    """Close the connection of a session, without an unbind."""
    link = world.sessions.get(call.params["session"])
    if link is None:
        why = f"world {world.name} has no such session"
        raise Refusal(NO_SUCH_SESSION, why)
    link.disconnect()
    return OperationResult(_describe_session(link))


def list_long_messages(world: World, _call: OperationCall) -> OperationResult:
    """List the messages that come in parts, complete or not, the oldest first.

    Parts belong together where client, sender, recipient and reference are the same.
    """
    return OperationResult(
        [_describe_long_message(world, each) for each in _group_parts(world)]
    )


def _group_parts(world: World) -> Iterator[list[Submission]]:
    groups: dict[object, list[Submission]] = {}
    for each in world.submissions.values():
        if each.part is not None:
            key = (each.replace_key, each.part.reference, each.part.total)
            groups.setdefault(key, []).append(each)
    yield from groups.values()


def _describe_long_message(world: World, group: list[Submission]) -> Row:
    first = group[0]
    parts: list[tuple[MessagePart, str]] = [
        (each.part, world.campaigns[each.id].template.text)
        for each in group
        if each.part is not None
    ]
    whole = segments.join_parts(parts)
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


def _describe_session(link: BoundSession) -> Row:
    return {
        "session": link.number,
        "system_id": link.system_id,
        "kind": link.kind,
        "peer": link.peer,
        "tls": link.tls,
        "version": link.version,
        "bound": dates.format_timestamp(link.bound_at),
        "submitted": link.submitted,
        "delivered": link.delivered,
    }


def _split_address(
    worlds: WorldDirectory, scheme: str
) -> tuple[str | None, int | None]:
    if scheme not in worlds.smpp_addresses:
        return None, None
    host, _, port = worlds.smpp_addresses[scheme].rpartition(":")
    return host, int(port)


def _choose_system_id(worlds: WorldDirectory, world: World) -> str:
    """Return a system_id that leads to *world*: one of its binds', or its name's."""
    binds = world.account.access.binds
    own = (each for each in binds if worlds.binds.find_owner(each) == world.name)
    return next(own, f"world-{world.name}")
