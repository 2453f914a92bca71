"""Segment scenes by words: `mrovseg segment SCENES... --classes "building,house; road" -o OUT`."""

import argparse
import functools
import io
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow.parquet as pq

from jobs import run_record, table
from jobs.exit_codes import ExitCode, ends_with_code
from jobs.settings import SegmentSettings, add_arguments, asked, segment_settings
from jobs.wiring import make_segmenter, warn_of_unlike_prompts
from mrovseg import checkpoint as checkpoints
from mrovseg.segmenter import OTHER_THRESHOLD, embed_vocabulary
from pipeline import flow, objects
from pipeline.chips import ChipLayout
from pipeline.flow import RunResult
from pipeline.sources import list_scenes

LISTED_FAILURES = 20


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Read the flags, run, and say what was made where."""
    parser = argparse.ArgumentParser(prog="mrovseg segment", description=__doc__)
    add_arguments(parser)
    settings = segment_settings(asked(parser.parse_args(argv)))
    result = segment(settings)
    print(class_table(settings.output))
    _say_where(settings.output, result)
    return ExitCode.DONE_WITH_FAILURES if result.failures else ExitCode.DONE


def segment(settings: SegmentSettings) -> RunResult:
    """Run the flow over the scenes with a segmenter of the checkpoint.

    Raises ConfigError or ModelError before anything is started, PipelineError when the output cannot be
    written. What goes wrong with a scene or a window is in the result and in the output's failures.
    """
    checkpoint = checkpoints.load(settings.checkpoint)
    vocabulary, unlike = embed_vocabulary(checkpoint, settings.vocabulary)
    warn_of_unlike_prompts(unlike)
    threshold = OTHER_THRESHOLD if settings.threshold is None else settings.threshold
    scenes = list(list_scenes(settings.scenes))
    run_record.claim(
        settings.output,
        run_record.describe(settings, checkpoint=checkpoint, threshold=threshold, scenes=scenes),
    )
    return flow.run(
        scenes,
        output=settings.output,
        classes=settings.vocabulary.names,
        make_segmenter=functools.partial(
            make_segmenter, config=checkpoint.config, vocabulary=vocabulary, threshold=threshold
        ),
        weights=checkpoint.image_weights,
        layout=ChipLayout(core_px=checkpoint.config.core_px, halo_px=checkpoint.config.halo_px),
        settings=settings.flow,
        reading=settings.reading,
    )


def class_table(output: str) -> str:
    """Sum the summary of an output over its scenes, a line a class."""
    records = pq.read_table(
        io.BytesIO(objects.get_bytes(objects.join(output, "summary.parquet")))
    ).to_pylist()
    by_class: dict[int, list[dict[str, Any]]] = {}
    for record in records:
        by_class.setdefault(record["class_id"], []).append(record)
    everything = sum(record["pixels"] for record in records)
    lines = [_line(by_class[class_id], everything) for class_id in sorted(by_class)]
    return table.render(["class", "pixels", "share", "area km2", "mean score"], lines)


def _line(records: Sequence[dict[str, Any]], everything: int) -> list[object]:
    pixels = sum(record["pixels"] for record in records)
    areas = [record["area_m2"] for record in records]
    area = None if None in areas else f"{sum(areas) / 1e6:.4f}"
    scored = [record["pixels"] * record["mean_score"] for record in records if record["pixels"]]
    return [
        records[0]["class_name"],
        pixels,
        f"{pixels / everything:.1%}" if everything else None,
        area,
        f"{sum(scored) / pixels:.2f}" if pixels else None,
    ]


def _say_where(output: str, result: RunResult) -> None:
    print(f"\nwindows: {result.windows_done} done, {result.windows_skipped} done before", end="")
    print(f", {result.windows_failed} failed\nmasks:   {objects.join(output, 'scenes')}")
    print(f"summary: {objects.join(output, 'summary.parquet')}")
    if result.failures:
        print(f"failures: {objects.join(output, 'failures.parquet')}", file=sys.stderr)
        _say_failures(result.failures)


def _say_failures(failures: Iterable[Any]) -> None:
    listed = list(failures)
    for failure in listed[:LISTED_FAILURES]:
        print(f"  {failure}", file=sys.stderr)
    if len(listed) > LISTED_FAILURES:
        print(f"  and {len(listed) - LISTED_FAILURES} more", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
