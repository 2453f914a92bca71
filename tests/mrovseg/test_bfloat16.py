"""AMX whose tiles a virtual machine hides is not used."""

import os
import subprocess
import sys

import pytest

from mrovseg.device import has_bfloat16, has_broken_amx

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
    assert has_broken_amx(PROCESSORS.format(flags=flags, level=level)) is hidden


def test_what_says_nothing_of_its_cpuid_hides_nothing() -> None:
    """Processors of Arm, and no processor at all."""
    assert not has_broken_amx("processor\t: 0\nFeatures\t: fp asimd\n")
    assert not has_broken_amx("")


@pytest.mark.parametrize(
    ("cpuinfo", "has"),
    [
        (PROCESSORS.format(flags="avx512f avx512_bf16", level=28), True),
        (PROCESSORS.format(flags="amx_tile amx_bf16", level=29), True),
        (PROCESSORS.format(flags="avx2 avx512f avx512_vnni", level=28), False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),
        ("", True),
    ],
)
def test_a_processor_says_whether_it_multiplies_bfloat16(cpuinfo: str, *, has: bool) -> None:
    assert has_bfloat16(cpuinfo) is has


def test_a_product_in_half_precision_ends_well_on_this_machine() -> None:
    clean = {key: value for key, value in os.environ.items() if key != "ONEDNN_MAX_CPU_ISA"}
    assert subprocess.run([sys.executable, "-c", PRODUCT], check=False, env=clean).returncode == 0
