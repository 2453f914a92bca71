"""Multi-Res Adapter: fuse the stitched slices with the low view, cell by cell."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate


class MultiResAdapter(nn.Module):
    """Fuse one tap's high map F_H and low map F_L into one map of decoder width.

        r(F) = p(F) + PW(GELU(DW3x3(p(F))))    p: norm and 1x1 to decoder width
        X_H  = r(F_H)                          on the stitched map, so kernels straddle slice borders
        X_L  = bilinear r(F_L)
        Y    = a X_H + (1 - a) X_L,   a = sigmoid(conv1x1(GELU(DW3x3([X_H; X_L]))))   one value a cell

    after the multi-resolution adapter of arXiv 2408.14776; its exact layers are not published, these are ours.
    `switch` turns it into one of the ablation's variants.
    """

    def __init__(self, channels: int, width: int, switch: str = "full") -> None:
        """Make the layers; the gate starts at one half."""
        super().__init__()
        self.switch = switch
        self.norm = nn.LayerNorm(channels)
        self.reduce = nn.Conv2d(channels, width, 1)
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.pointwise = nn.Conv2d(width, width, 1)
        self.gate_depthwise = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.gate = nn.Conv2d(2 * width, 1, 1)
        if self.gate.bias is not None:  # as it is: the test is for the type checker
            nn.init.zeros_(self.gate.bias)

    def project(self, features: Float[Tensor, "b c y x"]) -> Float[Tensor, "b d y x"]:
        """Normalise the channels and reduce them to decoder width."""
        normed = self.norm(features.movedim(1, -1)).movedim(-1, 1)
        reduced: Tensor = self.reduce(normed)
        return reduced

    def refine(self, features: Float[Tensor, "b d y x"]) -> Float[Tensor, "b d y x"]:
        """Mix neighbours, depthwise separably, beside the features themselves."""
        if self.switch == "no-depthwise":
            return features
        mixed: Tensor = self.pointwise(gelu(self.depthwise(features)))
        return features + mixed

    def alpha(
        self, high: Float[Tensor, "b d y x"], low: Float[Tensor, "b d y x"]
    ) -> Float[Tensor, "b #one #y #x"]:
        """Return the weight of the high map in each cell, in [0, 1]."""
        fixed = {"high": 1.0, "low": 0.0, "half": 0.5}.get(self.switch)
        if fixed is not None:
            return high.new_full((len(high), 1, 1, 1), fixed)
        return torch.sigmoid(self.gate(gelu(self.gate_depthwise(torch.cat([high, low], dim=1)))))

    def forward(
        self, high: Float[Tensor, "b c y x"], low: Float[Tensor, "b c g g"]
    ) -> Float[Tensor, "b d y x"]:
        """Return the fused map at the high map's size."""
        x_high = self.refine(self.project(high))
        x_low = interpolate(
            self.refine(self.project(low)), size=high.shape[-2:], mode="bilinear", align_corners=False
        )
        alpha = self.alpha(x_high, x_low)
        return alpha * x_high + (1 - alpha) * x_low
