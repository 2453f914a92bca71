"""What `mrovseg info` says of a checkpoint."""

import re

import pytest

from jobs.model import info
from jobs.run.exit_codes import ExitCode
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED


def test_the_embedded_checkpoint_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert info.main([]) == ExitCode.DONE
    said = capsys.readouterr().out
    checkpoint = checkpoints.load(EMBEDDED)
    assert checkpoint.digest in said
    parameters = sum(weights.size for weights in checkpoint.image_weights.values())
    assert re.search(rf"^sum +{parameters:,} ", said, re.MULTILINE)
    assert float(re.findall(r"here: ([\d.]+) Mpx/s", said)[0]) > 0
    trained, frozen = (int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:trained|frozen),", said))
    head = [weights for name, weights in checkpoint.image_weights.items() if name.startswith("head.")]
    assert (trained, trained + frozen) == (sum(weights.size for weights in head), parameters)
    assert f"{4 * parameters / 2**20:.1f} MiB of memory" in said
    told_by_patches = re.search(r"^told by patches.*: (.*)$", said, re.MULTILINE)
    assert told_by_patches is not None
    assert "airport" in told_by_patches[1]
    assert "building" not in told_by_patches[1]
    assert int(re.findall(r"memory at its peak (\d+) MiB of the process", said)[0]) > 4 * parameters / 2**20


def test_a_checkpoint_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert info.main(["nowhere"]) == ExitCode.BAD_USAGE
    assert "nowhere" in capsys.readouterr().err
