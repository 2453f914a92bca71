"""What is where in an output, as values: ``Output`` and ``SceneOutput`` know every path, and nobody else spells one.

They are how an output is written, and how whoever comes later reads it: ``output.open(uri)`` is the way in.

>>> from pipeline import output
>>> out = output.open("s3://bucket/out")
>>> out.summary.uri, out.scene("a-0123456789abcdef").masks.uri
('s3://bucket/out/summary.parquet', 's3://bucket/out/scenes/a-0123456789abcdef/masks.zarr')
"""

from pipeline.output.entries import Plan, entry_name, offsets_of, plan_of
from pipeline.output.failure_names import is_note, part_of, plan_note_name, refusal_note_name
from pipeline.output.mask_stores import is_mask_store
from pipeline.output.names import FILES, FOLDERS, MASKS, is_made, is_output_folder, is_scene_id
from pipeline.output.values import Output, SceneOutput, open  # noqa: A004 - people write `output.open`

__all__ = [
    "FILES",
    "FOLDERS",
    "MASKS",
    "Output",
    "Plan",
    "SceneOutput",
    "entry_name",
    "is_made",
    "is_mask_store",
    "is_note",
    "is_output_folder",
    "is_scene_id",
    "offsets_of",
    "open",
    "part_of",
    "plan_note_name",
    "plan_of",
    "refusal_note_name",
]
