"""The convolutional stem: it computes what timm's MobileNetV2 does, and refuses other weights."""

import pytest
import torch
from torch import Tensor

from mrovseg.errors import CheckpointError
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.stem import FINE_CHANNELS, ConvStem, load_mobilenetv2
from tests.mrovseg.networks import SMALL_CLIP


def timm_network(name: str = "mobilenetv2_100") -> torch.nn.Module:
    """Return timm's network with random weights and batch norms that do something."""
    import timm  # noqa: PLC0415 -- after mrovseg.clip, which lets torchvision be imported beside a CPU torch

    torch.manual_seed(0)
    network: torch.nn.Module = timm.create_model(
        name, features_only=True, pretrained=False, pad_type="same", out_indices=(1, 2, 3)
    )
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values, low, high in (
                (layer.running_mean, -0.2, 0.2),
                (layer.running_var, 0.5, 1.5),
                (layer.weight.data, 0.5, 1.5),
                (layer.bias.data, -0.2, 0.4),
            ):
                if values is not None:
                    values.uniform_(low, high)
    return network.eval()


def weights_of(network: torch.nn.Module) -> dict[str, Tensor]:
    return dict(network.state_dict())


def test_it_computes_what_timm_does() -> None:
    network, stem = timm_network(), ConvStem(48)
    load_mobilenetv2(stem, weights_of(network))
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        fine4, fine8, last = network(images)
        tokens, fine = stem.with_fine(images)
    assert fine.keys() == FINE_CHANNELS.keys()
    for ours, theirs in ((fine[4], fine4), (fine[8], fine8), (tokens, stem.to_tokens(last))):
        torch.testing.assert_close(ours / theirs.std(), theirs / theirs.std(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["mobilenetv2_050", "resnet18"])
def test_weights_of_another_network_are_refused(name: str) -> None:
    import timm  # noqa: PLC0415 -- see above

    with pytest.raises(CheckpointError, match="mobilenetv2_100"):
        load_mobilenetv2(ConvStem(48), timm.create_model(name, pretrained=False).state_dict())


def test_a_tower_takes_it_in_place_of_its_patch_embedding() -> None:
    clip = build({**SMALL_CLIP, "stem": "mobilenetv2"}).eval()
    encoder = ImageEncoder(clip.visual)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        tokens, fine = encoder(images, {0, encoder.depth})
        expected = clip.encode_image(images, normalize=True)
    torch.testing.assert_close(encoder.project(tokens[encoder.depth][:, 0]), expected)
    assert {stride: tuple(m.shape) for stride, m in fine.items()} == {4: (2, 24, 16, 16), 8: (2, 32, 8, 8)}
    assert encoder.fine_channels == FINE_CHANNELS
