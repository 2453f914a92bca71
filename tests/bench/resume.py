"""Is resuming cheap? A finished run of 10,000 windows given again, and `status` on its output.

`python -m tests.bench.resume` prints the seconds of the run, of the same run given again, their ratio, and those of
`status`. It ends with 1 where resuming took more than 2 % of the run, or `status` more than 2 s. The cluster is up
before the clock starts; what Ray takes to start here is printed too.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import ray

from pipeline.audit.status import status
from pipeline.output import Output
from tests.pipeline.flows import paint, run_flow

WINDOWS_A_SIDE, WINDOW_PX = 100, 32
MOST_SHARE, MOST_STATUS_S = 0.02, 2.0


def main() -> int:
    """Run, run again, look."""
    side_px = WINDOWS_A_SIDE * WINDOW_PX
    with tempfile.TemporaryDirectory() as name:
        scene, output = paint(Path(name) / "a.tif", height=side_px, width=side_px), Path(name) / "out"
        began_s = time.monotonic()
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=512 * 2**20)
        ray_s = time.monotonic() - began_s
        took_s = []
        for _ in range(2):
            began_s = time.monotonic()
            result = run_flow([scene], output, window_px=WINDOW_PX, chunk_px=WINDOW_PX)
            took_s.append(time.monotonic() - began_s)
        began_s = time.monotonic()
        found = status(Output(str(output)))
        status_s = time.monotonic() - began_s
    if (result.windows_done, result.windows_skipped, found.done, found.left) != (0, 10_000, 10_000, 0):
        raise SystemExit(f"expected 10,000 windows that are done, got {result}, {found.done}, {found.left}")
    print(
        json.dumps(
            {
                "windows": found.done,
                "Ray started in s": round(ray_s, 1),
                "run s": round(took_s[0], 1),
                "resumed run s": round(took_s[1], 2),
                "share": round(took_s[1] / took_s[0], 4),
                "at most": MOST_SHARE,
                "status s": round(status_s, 2),
                "status at most s": MOST_STATUS_S,
            },
            indent=1,
        )
    )
    return int(took_s[1] > MOST_SHARE * took_s[0] or status_s > MOST_STATUS_S)


if __name__ == "__main__":
    sys.exit(main())
