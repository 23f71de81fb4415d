"""What counts as proof that a step did its work, at each verification level."""

from typing import Any

from coordinator.tables import AgentStatus, StepExecution, VerificationLevel, utc_now

# Clients see this text, so it is the recorded one.
NO_PROOF_SYSTEM = (
    "ZK verification using full verification fallback (requires ZK-SNARKs integration)"
)


def prove(row: StepExecution, level: VerificationLevel) -> dict[str, Any]:
    """The JSON that is stored as `step_proof`."""
    began = utc_now()
    verified = row.status == AgentStatus.COMPLETED and bool(row.output_data) and not row.error_message
    checks = ["completion", "output_presence", "error_free"]
    if level != VerificationLevel.BASIC and verified:
        if 0 < (row.execution_time or 0) < 3600:
            checks.append("reasonable_execution_time")
        else:
            verified = False
        if 0 < (row.memory_usage or 0) < 8192:
            checks.append("reasonable_memory_usage")
    proof = {
        "verified": verified,
        "proof": None,
        "verification_time": (utc_now() - began).total_seconds(),
        "verification_level": level.value,
        "checks": checks,
    }
    if level == VerificationLevel.ZERO_KNOWLEDGE:
        proof["note"] = NO_PROOF_SYSTEM
    return proof
