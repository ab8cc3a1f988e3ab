"""The edge that speaks SMPP: a message centre to which clients bind."""
