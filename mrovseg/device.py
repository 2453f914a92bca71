"""On what a network runs and how precisely, decided before any process does."""

from dataclasses import dataclass
from typing import Literal

Precision = Literal["bfloat16", "float32"]
PRECISIONS = ("auto", "bfloat16", "float32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The kind of device and the precision of every process of a run."""

    device: Literal["cpu", "cuda"] = "cpu"
    precision: Precision = "float32"

    @classmethod
    def chosen(cls, asked: str, *, gpu: bool) -> "Execution":
        """Choose where a process has a `gpu` or none, and half precision on one where `asked` is "auto".

        >>> Execution.chosen("auto", gpu=False)
        Execution(device='cpu', precision='float32')
        """
        device: Literal["cpu", "cuda"] = "cuda" if gpu and built_for_gpus() else "cpu"
        if asked == "auto":
            return cls(device=device, precision="bfloat16" if device == "cuda" else "float32")
        return cls(device=device, precision="bfloat16" if asked == "bfloat16" else "float32")


def built_for_gpus() -> bool:
    """Whether this build of torch can use a GPU at all."""
    import torch  # noqa: PLC0415 - settings name the precisions where there is no torch

    return torch.version.cuda is not None or torch.version.hip is not None
