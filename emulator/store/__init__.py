"""The edge to the disk: worlds that outlive the process."""


class StoreError(Exception):
    """A data directory that cannot be used; the message says what to do."""
