"""Tables line up."""

from jobs.show import table


def test_columns_line_up_and_numbers_are_grouped() -> None:
    text = table.render(["class", "pixels", "area"], [["a", 1234567, None], ["long name", 8, "0.5"]])
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "1,234,567" in lines[1]
    assert lines[1].endswith("-")
