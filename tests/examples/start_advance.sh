smsclouds-emulator advance 11s
