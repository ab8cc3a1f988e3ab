"""The edge that leads out: pushes to the customer's servers."""
