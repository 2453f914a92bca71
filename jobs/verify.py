"""Look for what is missing, extra or altered in an output: `mrovseg verify OUT`."""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from jobs.run import run_record
from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.show import table
from pipeline import aoi
from pipeline.audit.verification import Finding, Provenance, Report
from pipeline.audit.verification import forget as forget_findings
from pipeline.audit.verification import verify as verified
from pipeline.errors import ConfigError
from pipeline.output import Output, lease
from pipeline.store import Contents

LISTED_FINDINGS = 40
TOLD_EVERY_S = 5.0


APP = command(
    "verify",
    usage="OUT [--forget] [--json]",
    about="Look for what is missing, extra or altered in an output, and say how to repair it.",
    examples=("mrovseg verify out", "mrovseg verify out --forget && mrovseg segment -o out"),
)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, look at everything, and say what was found."""
    return run(APP, argv)


@APP.default
def verify(
    output: Annotated[str, Parameter(help="what was given to `segment -o`", metavar="OUT")],
    /,
    *,
    forget: Annotated[bool, Parameter(help="remove what is damaged, so that a run makes it anew")] = False,
    as_json: Annotated[bool, Parameter(name="--json", help="every finding, for programs")] = False,
) -> int:
    """Look at everything, and say what was found."""
    made = Output(output)
    report, record = check(made, and_forget=forget)
    redo = redo_command(made, record)
    if as_json:
        print(json.dumps(_values(report, redo), indent=1))
    else:
        print("\n".join(_lines(made, report, redo, forgotten=forget)))
    return ExitCode.DONE_WITH_FAILURES if report.findings and not forget else ExitCode.DONE


def check(output: Output, *, and_forget: bool = False) -> tuple[Report, dict[str, Any]]:
    """Verify an output and return what was found and its record; remove what is damaged, if so asked.

    Raises ConfigError where no run ever began, or where one is on and something is to be removed.
    """
    record = run_record.earlier(output)
    if record is None:
        raise ConfigError(f"{output} holds no {output.run.name}: expected an output of `mrovseg segment`")
    if not run_record.is_whole(record):
        raise ConfigError(
            f"{output} holds a {output.run.name} that is not whole: expected an output of `mrovseg segment`"
        )
    run_record.check_format(output, record)
    if and_forget:
        with lease.hold(output):
            report = _verified(output, record, on=False)
            forget_findings(output, report.findings)
        return report, record
    found = lease.observe(output)
    on = found is not None and found[1]
    if on and found is not None:
        print(
            f"mrovseg: {found[0]} is on: what it writes meanwhile may be among the findings", file=sys.stderr
        )
    return _verified(output, record, on=on), record


def redo_command(output: Output, record: dict[str, Any]) -> str:
    """Return what to give a shell for an output to be repaired."""
    out = shlex.quote(output.uri)
    verb, first = ("relabel", "SOURCE") if run_record.SOURCE in record else ("segment", "SCENES")
    again = f"mrovseg {verb} -o {out}"
    if record["config"].get("redacted"):
        again = f"mrovseg {verb} {first} --classes CLASSES -o {out}"
    return f"mrovseg verify {out} --forget && {again}"


def _verified(output: Output, record: dict[str, Any], *, on: bool) -> Report:
    last = (record.get(run_record.RUNS) or [{}])[-1]
    area = record["config"].get("aoi")
    made = Provenance(
        classes=[each["name"] for each in record["vocabulary"]],
        window_px=record["grid"]["window_px"],
        chunk_px=record["grid"]["chunk_px"],
        contents=Contents.of_attributes(record),
        colors=record[run_record.COLORS],
        aoi=None if area is None else aoi.parse(area),
        made_by=run_record.provenance(record),
    )
    return verified(output, made=made, finished=not on and last.get("end") == "finished", tell=_Told())


@dataclass(slots=True)
class _Told:
    """Says how far the looking is, every few seconds."""

    at_s: float = field(default_factory=time.monotonic)

    def __call__(self, report: Report) -> None:
        if time.monotonic() - self.at_s >= TOLD_EVERY_S:
            self.at_s = time.monotonic()
            said = f"verified: {report.windows:,} windows of {report.scenes:,} scenes"
            print(f"{said}, {len(report.findings):,} findings", file=sys.stderr)


def _lines(output: Output, report: Report, redo: str, *, forgotten: bool) -> list[str]:
    lines = [f"{report.windows:,} windows of {report.scenes:,} scenes are done and were looked at"]
    if report.left:
        lines.append(
            f"left to do: {report.left:,} windows ({report.uncommitted:,} of their chunks are written)"
        )
    if report.stale:
        lines.append(f"left to do: {len(report.stale):,} tables, which the next run writes")
    if not report.findings:
        return [*lines, f"{output} is clean"]
    rows = [[finding.kind, finding.path, finding.message] for finding in report.findings[:LISTED_FINDINGS]]
    lines += ["", table.render(["finding", "object", ""], rows)]
    if len(report.findings) > LISTED_FINDINGS:
        lines.append(f"and {len(report.findings) - LISTED_FINDINGS:,} more; --json lists all")
    foreign = [finding for finding in report.findings if not finding.is_ours]
    if foreign:
        lines.append(f"{len(foreign):,} of them are not known to any run: remove by hand what is not yours")
    if len(foreign) < len(report.findings):
        done = "what is damaged is removed; to make it anew" if forgotten else "to make anew what is damaged"
        lines += ["", f"{done}:", f"  {redo.rsplit(' && ', maxsplit=1)[-1] if forgotten else redo}"]
    return lines


def _values(report: Report, redo: str) -> dict[str, Any]:
    return {
        "scenes": report.scenes,
        "windows": report.windows,
        "left": {"windows": report.left, "chunks": report.uncommitted, "tables": report.stale},
        "findings": [_finding(finding) for finding in report.findings],
        "redo": redo if any(finding.is_ours for finding in report.findings) else None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "path": finding.path,
        "scene_id": finding.scene_id,
        "message": finding.message,
        "repaired_by_redo": finding.is_ours,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
