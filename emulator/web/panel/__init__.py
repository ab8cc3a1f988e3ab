"""The panel: what the control API replies, as pages that a person enjoys."""
