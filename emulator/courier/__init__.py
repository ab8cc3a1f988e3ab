"""The edge for outgoing HTTP: pushes to the customer's servers."""
