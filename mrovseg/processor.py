"""What a processor makes of bfloat16, and the way round a fault of virtual machines that ends processes."""

import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # of Linux
TILE_LEAF = 0x1D  # of CPUID: how large the tiles of AMX are
BFLOAT16 = {"amx_bf16", "avx512_bf16", "bf16"}  # of x86, and of Arm
WITHOUT_TILES = "AVX512_CORE_FP16"  # what oneDNN calls the instructions just below those of AMX


def avoid_hidden_tiles() -> None:
    """Keep oneDNN off AMX where it would end the process; whoever set ONEDNN_MAX_CPU_ISA is asked no further.

    oneDNN reads the variable at its first operation, so this must come before.
    """
    if CPUINFO.exists() and hides_tiles(CPUINFO.read_text()):
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", WITHOUT_TILES)


def multiplies_bfloat16() -> bool:
    """Whether this machine's processor has instructions for products in bfloat16, or does not say.

    Without them torch widens and rounds one number after the other, and is slower than in single precision.
    """
    return not CPUINFO.exists() or has_bfloat16(CPUINFO.read_text())


def has_bfloat16(cpuinfo: str) -> bool:
    """Whether a processor, as Linux describes it, is of x86 or Arm and has such instructions, or is of another kind."""
    about = _about(cpuinfo)
    names = about.get("flags", about.get("Features"))
    return names is None or not BFLOAT16.isdisjoint(names.split())


def hides_tiles(cpuinfo: str) -> bool:
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
