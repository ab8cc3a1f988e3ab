"""What ``make bench`` measures: the emulator against a bare Starlette hello."""
