"""The command `mrovseg VERB ...`: every verb is a module of this package with a `main(argv)`."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from jobs.exit_codes import ends_with_code

VERBS = {
    "segment": "segment scenes by words into mask stores, statistics and a list of failures",
    "status": "say how far an output is, while a run is on or not",
    "verify": "look for what is missing, extra or altered in an output, and say how to repair it",
    "plan": "say what `segment` would have to do, and do nothing",
    "inspect": "say what scenes' headers say, and how their pixels would be read",
    "convert": "make a checkpoint of a CLIP that others trained",
    "train": "train a checkpoint",
    "evaluate": "measure a checkpoint against true masks",
    "ablation": "measure what the parts of the network are worth",
    "info": "say what a checkpoint is, what it costs and how fast it runs here",
    "demo": "paint a scene, segment it, compare with the painted truth, draw a picture",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code (see `jobs.exit_codes`)."""
    arguments = _parser().parse_args(argv)
    module = importlib.import_module(f"jobs.{arguments.verb}")
    return ends_with_code(module.main)(arguments.rest)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mrovseg",
        description="Open-vocabulary segmentation of very large scenes.",
        epilog="verbs:\n" + "".join(f"  {verb:10}{what}\n" for verb, what in VERBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help="see below; VERB --help tells more")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="what the verb takes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
