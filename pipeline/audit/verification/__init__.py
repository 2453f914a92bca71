"""Does an output hold what its ledger says, and nothing else? Everything in it is recomputed from its masks."""

from pipeline.audit.verification.findings import Finding, Provenance, Report, forget
from pipeline.audit.verification.outputs import verify

__all__ = ["Finding", "Provenance", "Report", "forget", "verify"]
