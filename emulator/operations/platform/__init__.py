"""The operations of the platform, by chapter of its manual."""
