"""Whether an output is what its ledger says, and how far it is."""
