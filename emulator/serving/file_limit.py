"""How many files and sockets the system lets the process open."""

from importlib import import_module
from typing import Any

RESERVED_FILES = 128  # for all but the connections of clients


def raise_file_limit(connections: int) -> int:
    """Raise the limit as far as *connections* need it and the system allows.

    Return how many connections there can be.  Windows has no such limit.
    """
    try:
        resource: Any = import_module("resource")
    except ImportError:
        return connections
    wanted = connections + RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # a system may allow less than it says
        most = soft
    return min(connections, max(most - RESERVED_FILES, most // 2))
