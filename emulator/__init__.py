"""An emulator of the Smsclouds V3 platform."""
