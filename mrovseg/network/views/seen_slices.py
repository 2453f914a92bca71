"""What an encoder made of the slices it saw lately, found by their pixels."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class EncodedSlice:
    """A slice's tokens by depth, its finer maps by stride, and its patches in the space of text."""

    tokens: dict[int, Float[Tensor, "n c"]]
    fine: dict[int, Float[Tensor, "_c _y _x"]]
    features: Float[Tensor, "e g g"]

    @property
    def nbytes(self) -> int:
        """Bytes of all its tensors."""
        return sum(tensor.nbytes for tensor in (*self.tokens.values(), *self.fine.values(), self.features))


class SeenSlices:
    """Encoded slices by the bytes of their pixels, at most `most` and `limit_bytes`; the oldest go first.

    The oldest are those that came first, not those that were asked for longest ago: chips are walked through row by
    row, so that the slices a chip shares with the row above came about a row ago, and are not needed again.
    """

    def __init__(self, *, most: int, limit_bytes: int) -> None:
        """Begin with none."""
        self.most = most
        self.limit_bytes = limit_bytes
        self.nbytes = 0
        self._encoded: dict[bytes, EncodedSlice] = {}

    def __len__(self) -> int:
        return len(self._encoded)

    def find(self, pixels: bytes) -> EncodedSlice | None:
        """Return what was made of a slice, if that is still known."""
        return self._encoded.get(pixels)

    def keep(self, pixels: bytes, encoded: EncodedSlice) -> None:
        """Keep what was made of a slice that is not known, and drop the oldest beyond the limits."""
        self._encoded[pixels] = encoded
        self.nbytes += len(pixels) + encoded.nbytes
        while len(self) > self.most or self.nbytes > self.limit_bytes:
            oldest = next(iter(self._encoded))
            self.nbytes -= len(oldest) + self._encoded.pop(oldest).nbytes

    def clear(self) -> None:
        """Drop all."""
        self._encoded.clear()
        self.nbytes = 0
