"""Does an output hold what its ledger says, and nothing else? Everything in it is recomputed from its masks."""

from pipeline.verification.findings import Finding, Made, Report, forget
from pipeline.verification.outputs import verify

__all__ = ["Finding", "Made", "Report", "forget", "verify"]
