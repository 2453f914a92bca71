"""A fault of virtual machines that ends processes, and the way round it."""

import os
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # of Linux
TILE_LEAF = 0x1D  # of CPUID: how large the tiles of AMX are
WITHOUT_TILES = "AVX512_CORE_FP16"  # what oneDNN calls the instructions just below those of AMX


def avoid_hidden_tiles() -> None:
    """Keep oneDNN off AMX where it would end the process; whoever set ONEDNN_MAX_CPU_ISA is asked no further.

    oneDNN reads the variable at its first operation, so this must come before.
    """
    if CPUINFO.exists() and hides_tiles(CPUINFO.read_text()):
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", WITHOUT_TILES)


def hides_tiles(cpuinfo: str) -> bool:
    """Whether a processor, as Linux describes it, has AMX but does not say how large its tiles are.

    Some virtual machines show the instructions and cut the leaves of CPUID off below the one of tiles. oneDNN (3.12)
    then configures none, and its first product of matrices in bfloat16 is an illegal instruction.
    """
    first, *_ = cpuinfo.split("\n\n")
    about = {key.strip(): value for key, _, value in (line.partition(":") for line in first.splitlines())}
    highest = int(about.get("cpuid level", TILE_LEAF))
    return "amx_tile" in about.get("flags", "").split() and highest < TILE_LEAF
