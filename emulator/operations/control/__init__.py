"""The operations of the control API, by noun."""
