"""The edge that speaks SMPP: an SMSC to which clients bind."""
