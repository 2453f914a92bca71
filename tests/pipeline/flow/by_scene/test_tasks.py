import time
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from pipeline import flow
from pipeline.errors import OutputError


def _slowly_first(scene_id: str) -> str:
    time.sleep(0.5 if scene_id == "0" else 0.0)
    return f"made of {scene_id}"


def _together(first: str, second: str) -> str:
    return first + second


def _refused(scene_id: str) -> str:
    raise OutputError(f"{scene_id} cannot be written")


@pytest.mark.usefixtures("ray_cluster")
def test_what_is_made_of_scenes_comes_in_their_order() -> None:
    ids = [str(number) for number in range(20)]

    assert list(flow.map_scenes(_slowly_first, ids, cpus=0.1)) == [f"made of {each}" for each in ids]
    assert list(flow.map_scenes(partial(_together, "a"), ["b", "c"], cpus=0.1)) == ["ab", "ac"]


@pytest.mark.usefixtures("ray_cluster")
def test_a_task_that_cannot_write_ends_it_with_its_own_error(tmp_path: Path) -> None:
    endless = (f"{tmp_path}/{number}" for number in count())

    with pytest.raises(OutputError, match="0 cannot be written"):
        list(flow.map_scenes(_refused, endless, cpus=0.1))
