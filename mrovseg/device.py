"""On what a network runs and how precisely, and what a CPU makes of bfloat16."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Precision = Literal["bfloat16", "float32"]
PRECISIONS = ("auto", "bfloat16", "float32")
CPUINFO = Path("/proc/cpuinfo")  # of Linux
TILE_LEAF = 0x1D  # of CPUID: how large the tiles of AMX are
BFLOAT16 = {"amx_bf16", "avx512_bf16", "bf16"}  # of x86, and of Arm
WITHOUT_TILES = "AVX512_CORE_FP16"  # what oneDNN calls the instructions just below those of AMX


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The kind of device and the precision of every process of a run."""

    device: Literal["cpu", "cuda"] = "cpu"
    precision: Precision = "float32"

    @classmethod
    def chosen(cls, asked: str, *, gpu: bool) -> "Execution":
        """Choose where a process has a `gpu` or none, and half precision on one where `asked` is "auto".

        >>> Execution.chosen("auto", gpu=False)
        Execution(device='cpu', precision='float32')
        """
        device: Literal["cpu", "cuda"] = "cuda" if gpu and built_for_gpus() else "cpu"
        if asked == "auto":
            return cls(device=device, precision="bfloat16" if device == "cuda" else "float32")
        return cls(device=device, precision="bfloat16" if asked == "bfloat16" else "float32")


def built_for_gpus() -> bool:
    """Whether this build of torch can use a GPU at all."""
    import torch  # noqa: PLC0415 - settings name the precisions where there is no torch

    return torch.version.cuda is not None or torch.version.hip is not None


def avoid_broken_amx() -> None:
    """Keep oneDNN off AMX where it would end the process; whoever set ONEDNN_MAX_CPU_ISA is asked no further.

    oneDNN reads the variable at its first operation, so this must come before.
    """
    if CPUINFO.exists() and has_broken_amx(CPUINFO.read_text()):
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", WITHOUT_TILES)


def has_fast_bfloat16() -> bool:
    """Whether this machine's processor has instructions for products in bfloat16, or does not say.

    Without them torch widens and rounds one number after the other, and is slower than in single precision.
    """
    return not CPUINFO.exists() or has_bfloat16(CPUINFO.read_text())


def has_bfloat16(cpuinfo: str) -> bool:
    """Whether a processor, as Linux describes it, is of x86 or Arm and has such instructions, or is of another kind."""
    about = _about(cpuinfo)
    names = about.get("flags", about.get("Features"))
    return names is None or not BFLOAT16.isdisjoint(names.split())


def has_broken_amx(cpuinfo: str) -> bool:
    """Whether a processor, as Linux describes it, has AMX but does not say how large its tiles are.

    Some virtual machines show the instructions and cut the leaves of CPUID off below the one of tiles. oneDNN (3.12)
    then configures none, and its first product of matrices in bfloat16 is an illegal instruction.
    """
    about = _about(cpuinfo)
    highest = int(about.get("cpuid level", TILE_LEAF))
    return "amx_tile" in about.get("flags", "").split() and highest < TILE_LEAF


def _about(cpuinfo: str) -> dict[str, str]:
    """Return what is said of the first of the processors."""
    first, *_ = cpuinfo.split("\n\n")
    return {key.strip(): value for key, _, value in (line.partition(":") for line in first.splitlines())}
