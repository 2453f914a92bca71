"""The model wing: MROVSeg, a multi-resolution open-vocabulary segmentation network on one CLIP.

It segments chips and knows no cluster, no map and no store; `jobs` introduces it to `pipeline`.
"""

from mrovseg.device import avoid_broken_amx

avoid_broken_amx()  # here, because it must come before torch's first operation
