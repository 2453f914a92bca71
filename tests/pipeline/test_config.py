import math
from typing import Any

import jaxtyping
import pytest

from pipeline.config import FlowSettings
from pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window_px", 0),
        ("window_px", 2048.0),
        ("window_px", 1500),
        ("chunk_px", -1024),
        ("chunk_px", True),
        ("overlap_px", -4),
        ("overlap_px", 288.0),
        ("overlap_px", False),
        ("actors", 0),
        ("actor_cpus", 0),
        ("actor_cpus", "1"),
        ("task_cpus", math.nan),
        ("task_cpus", -0.1),
        ("actor_gpus", -1.0),
        ("actor_gpus", math.inf),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(
    key: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {key: value}
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks before ours
    said = "gpus" if key == "actor_gpus" else key  # as its flag and its key of a file are called
    with pytest.raises(ConfigError, match=f"^{said} must be"):
        FlowSettings(**settings)


def test_a_window_of_several_chunks_and_no_gpu_are_fine() -> None:
    assert FlowSettings(window_px=3072, chunk_px=1024, actor_gpus=0).actors is None
