"""What the edges share: the gate before whatever dials out, and work that a callback
of the event loop begins.
"""
