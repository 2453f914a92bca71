"""AMX whose tiles a virtual machine hides is not used."""

import os
import subprocess
import sys

import pytest

from mrovseg.processor import hides_tiles

PROCESSORS = "processor\t: 0\ncpuid level\t: {level}\nflags\t\t: fpu {flags} sse2\n\nprocessor\t: 1\n"
PRODUCT = """
import mrovseg, torch
torch.nn.Linear(192, 192, dtype=torch.bfloat16)(torch.zeros(256, 192, dtype=torch.bfloat16))
"""


@pytest.mark.parametrize(
    ("flags", "level", "hidden"),
    [
        ("amx_bf16 amx_tile", 28, True),
        ("amx_bf16 amx_tile", 29, False),
        ("amx_bf16 amx_tile", 32, False),
        ("avx512_bf16", 28, False),
    ],
)
def test_tiles_are_hidden_where_there_is_amx_without_their_leaf(
    flags: str, level: int, *, hidden: bool
) -> None:
    assert hides_tiles(PROCESSORS.format(flags=flags, level=level)) is hidden


def test_what_says_nothing_of_its_cpuid_hides_nothing() -> None:
    """Processors of Arm, and no processor at all."""
    assert not hides_tiles("processor\t: 0\nFeatures\t: fp asimd\n")
    assert not hides_tiles("")


def test_a_product_in_half_precision_ends_well_on_this_machine() -> None:
    clean = {key: value for key, value in os.environ.items() if key != "ONEDNN_MAX_CPU_ISA"}
    subprocess.run([sys.executable, "-c", PRODUCT], check=True, env=clean)
