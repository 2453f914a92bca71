"""A convolutional stem for a ViT: the layers of MobileNetV2 down to one token for 16 x 16 px."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad, relu6

from mrovseg.errors import CheckpointError

# Sandler et al. 2018 (arXiv 1801.04381), table 2, down to stride 16: expansion, channels, blocks, stride of the first.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
FIRST_CHANNELS = 32
FINE_STAGES = {4: 1, 8: 2}  # the stages whose maps are kept beside the tokens, by their stride
FINE_CHANNELS = {stride: STAGES[stage][1] for stride, stage in FINE_STAGES.items()}
BATCH_NORM_EPSILON = 1e-5


class ConvStem(nn.Module):
    """Images to a ViT's tokens, in place of its patch embedding.

    There is no batch norm: that of pretrained weights is folded into the convolutions, so what an image yields depends
    on nothing else.
    """

    def __init__(self, width: int) -> None:
        """Make the layers; `width` is that of the ViT's tokens."""
        super().__init__()
        self.first = SameConv(3, FIRST_CHANNELS, stride=2)
        self.stages = nn.ModuleList()
        channels = FIRST_CHANNELS
        for expansion, out, blocks, stride in STAGES:
            strides = [stride] + [1] * (blocks - 1)
            steps = zip(pairwise([channels] + [out] * blocks), strides, strict=True)
            self.stages.append(
                nn.Sequential(*(InvertedResidual(a, b, expansion=expansion, stride=s) for (a, b), s in steps))
            )
            channels = out
        self.to_tokens = nn.Conv2d(channels, width, 1)
        self._scale_weights()

    def _scale_weights(self) -> None:
        """Draw weights under which variances stay as they are from layer to layer (He et al. 2015)."""
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d):
                linear = name.endswith(("narrow", "to_tokens"))
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if linear else "relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c y x"]:
        """Return the tokens as a map."""
        return self.with_fine(images)[0]

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        """Return what `load_mobilenetv2` fills: all but the last layer."""
        return (p for name, p in self.named_parameters() if not name.startswith("to_tokens"))

    def with_fine(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b c y x"], dict[int, Tensor]]:
        """Return the tokens as a map, and the finer maps by their stride in px."""
        # With channels last a step of training takes two thirds of the time on a CPU.
        x = relu6(self.first(images.contiguous(memory_format=torch.channels_last)))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return self.to_tokens(x), {stride: maps[stage] for stride, stage in FINE_STAGES.items()}


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow; added to the input where shapes allow."""

    def __init__(self, channels: int, out: int, *, expansion: int, stride: int) -> None:
        """Make the convolutions; nothing is widened with an expansion of 1."""
        super().__init__()
        wide = channels * expansion
        self.widen = nn.Conv2d(channels, wide, 1) if expansion > 1 else None
        self.filter = SameConv(wide, wide, stride=stride, groups=wide)
        self.narrow = nn.Conv2d(wide, out, 1)
        self.adds = stride == 1 and channels == out

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        """Return the filtered map."""
        wide = x if self.widen is None else relu6(self.widen(x))
        narrowed: Tensor = self.narrow(relu6(self.filter(wide)))
        return x + narrowed if self.adds else narrowed


class SameConv(nn.Conv2d):
    """A 3 x 3 convolution of even sides; with stride 2 it pads below and to the right alone, as TensorFlow's."""

    def __init__(self, channels: int, out: int, *, stride: int, groups: int = 1) -> None:
        """Make the layer."""
        super().__init__(channels, out, 3, stride=stride, groups=groups, padding=0 if stride > 1 else 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        """Convolve."""
        return super().forward(x if self.padding[0] else pad(x, (0, 1, 0, 1)))


def load_mobilenetv2(stem: ConvStem, weights: Mapping[str, Tensor]) -> None:
    """Fill a stem, but for its last layer, with the weights of timm's `mobilenetv2_100`, pretrained with same padding.

    Raises CheckpointError when they are those of another network.
    """
    layers = [m for name, m in stem.named_modules() if isinstance(m, nn.Conv2d) and name != "to_tokens"]
    convolutions = [name for name, w in weights.items() if w.ndim == 4]  # noqa: PLR2004
    norms = [name.removesuffix(".running_mean") for name in weights if name.endswith(".running_mean")]
    for layer, conv, norm in zip(layers, convolutions, norms, strict=False):
        weight, bias = _folded(weights, conv, norm)
        if weight.shape != layer.weight.shape or layer.bias is None:
            raise CheckpointError(
                f"{conv} has the shape {tuple(weight.shape)} where timm's mobilenetv2_100 has "
                f"{tuple(layer.weight.shape)}; give its weights"
            )
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    if min(len(convolutions), len(norms)) < len(layers):
        raise CheckpointError(
            f"timm's mobilenetv2_100 begins with {len(layers)} convolutions with batch norms, these weights have "
            f"{len(convolutions)} and {len(norms)}"
        )


def _folded(
    weights: Mapping[str, Tensor], conv: str, norm: str
) -> tuple[Float[Tensor, "d c y x"], Float[Tensor, " d"]]:
    """Return the weight and bias of a convolution and the batch norm after it as one."""
    mean, variance, gain, shift = (
        weights[f"{norm}.{part}"].float() for part in ("running_mean", "running_var", "weight", "bias")
    )
    scale = gain * (variance + BATCH_NORM_EPSILON).rsqrt()
    return weights[conv].float() * scale[:, None, None, None], shift - mean * scale
