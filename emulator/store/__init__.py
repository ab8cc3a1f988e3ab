"""The edge to the disk: worlds that outlive the process."""

DATABASE_NAME = "worlds.sqlite"  # the file of a data directory


class StoreError(Exception):
    """A data directory that cannot be used; the message says what to do."""
