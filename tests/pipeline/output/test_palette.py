import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.output.palette import COLORS, OTHER_COLOR, checked_color, class_colors, rgba

NAMES = st.lists(st.text(alphabet="abcde ", min_size=1).map(str.strip).filter(bool), unique=True, max_size=30)

# What the eye makes of linear RGB (Machado, Oliveira and Fernandes 2009), without red and without green cones.
SEEN = {
    "normal": np.eye(3),
    "no red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def cielab(color: str, seen: np.ndarray) -> np.ndarray:
    srgb = np.array(rgba(color)[:3]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ np.clip(seen @ linear, 0, 1) / XYZ.sum(axis=1)
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize("eye", SEEN)
def test_any_two_colours_can_be_told_apart(eye: str) -> None:
    every = [cielab(color, SEEN[eye]) for color in (OTHER_COLOR, *COLORS)]
    least = min(np.linalg.norm(a - b) for i, a in enumerate(every) for b in every[:i])
    assert least >= (30 if eye == "normal" else 15)


@given(NAMES)
def test_each_class_has_a_colour_of_its_own_in_whatever_order_they_come(names: list[str]) -> None:
    colors = class_colors(names)
    assert len(set(colors)) == len(colors) == len(names) + 1
    assert all(checked_color(color) == color for color in colors)
    backwards = class_colors(names[::-1])
    assert backwards[1:] == colors[:0:-1]


@given(NAMES, NAMES)
def test_a_name_that_shares_its_colour_with_no_other_has_it_in_any_vocabulary(
    some: list[str], others: list[str]
) -> None:
    alone = {name: class_colors([name])[1] for name in {*some, *others}}
    for names in (some, others):
        found = dict(zip(names, class_colors(names)[1:], strict=True))
        for name in names:
            if sum(alone[name] == alone[each] for each in names) == 1:
                assert found[name] == alone[name]


@given(NAMES.filter(bool), st.integers(0, 2**24 - 1))
def test_a_chosen_colour_is_the_class_s_and_nobody_else_s(names: list[str], number: int) -> None:
    chosen = f"#{number:06X}"
    colors = class_colors(names, {names[0]: chosen, "no class": "#000000"})
    assert colors[1] == chosen.lower()
    assert chosen.lower() not in colors[2:]


def test_water_is_blue_capitals_and_blanks_aside() -> None:
    assert class_colors(["Water"]) == class_colors([" water "]) == (OTHER_COLOR, "#0077bb")


@pytest.mark.parametrize("color", ["red", "#fff", "#12345g", "112233", "#1122334", ""])
def test_what_is_no_colour_is_refused(color: str) -> None:
    with pytest.raises(ValueError, match="six digits"):
        class_colors(["a"], {"a": color})
