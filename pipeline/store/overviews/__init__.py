"""Coarser levels of a mask store: what is made of the level before, chunk by chunk, and noted once it is whole."""

from pipeline.store.overviews.finished import FinishedWindows
from pipeline.store.overviews.notes import OverviewsNote, read_overviews_note
from pipeline.store.overviews.writing import write_overviews

__all__ = ["FinishedWindows", "OverviewsNote", "read_overviews_note", "write_overviews"]
