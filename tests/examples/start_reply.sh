smsclouds-emulator reply 4498987282 "BAJA"
