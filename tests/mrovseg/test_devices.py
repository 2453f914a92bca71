"""Nothing of a training mixes devices: run on one that exists in name only, where every mix raises."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from mrovseg.data.labelled import LabelledSet
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.model import MROVSeg
from mrovseg.training.contrast_batch import Batch
from mrovseg.training.contrast_stage import ContrastLosses
from mrovseg.training.label_space import LabelSpace
from mrovseg.training.losses import UNMATCHED, class_loss, coverage, mask_losses
from mrovseg.training.mask_stage import MaskLosses
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL, vectors_of, vocabulary

FAR = torch.device("lazy")  # the one that a build of torch for CPUs lets tensors pretend to be on
SETS = [LabelledSet(parse("a; b"), []), LabelledSet(parse("c"), [], rest=parse("d"))]


@pytest.fixture(autouse=True)
def pretend() -> Iterator[None]:
    sizes = ShapeEnv(allow_scalar_outputs=True, allow_dynamic_output_shape_ops=True)
    with FakeTensorMode(allow_non_fake_inputs=True, shape_env=sizes):
        yield


def far(module: nn.Module) -> None:
    """Move a module; its own `to` cannot where devices are pretended."""
    for part in module.modules():
        for key, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[key] = nn.Parameter(parameter.detach().to(FAR))
        for key, buffer in part._buffers.items():
            part._buffers[key] = None if buffer is None else buffer.to(FAR)


def test_devices_that_mix_are_noticed() -> None:
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(2, device=FAR) + torch.zeros(2)


def test_the_masks_stage_stays_where_its_network_is() -> None:
    model = MROVSeg(SMALL, ImageEncoder(build(SMALL.clip).visual))
    far(model)
    training = MaskLosses(model, [vocabulary(3)], known=[3], points=16)
    predictions = model(torch.zeros(2, 3, 128, 128, dtype=torch.uint8, device=FAR))
    logits = training.class_logits(predictions.embeddings[0], training.vocabularies[0])
    target = torch.full((len(logits),), UNMATCHED, device=FAR)
    truth = torch.zeros(3, 128, 128, device=FAR)
    parts = [class_loss([logits], [target], [3])]
    parts += mask_losses(predictions.masks[0, :3], truth, truth, points=16)
    total = torch.stack(parts).sum()
    assert total.device == FAR
    total.backward()


def test_the_contrast_stage_stays_where_its_network_is() -> None:
    encoder, log_scale = ImageEncoder(build(SMALL.clip).visual), nn.Parameter(torch.tensor(1.0))
    contrast = ContrastLosses(SMALL, encoder, vectors_of, log_scale, bfloat16=False)
    far(contrast)
    batch = Batch(
        which=torch.tensor([0, 1]),
        chips=torch.zeros(2, 3, 128, 128, dtype=torch.uint8),
        labels=torch.zeros(2, 128, 128, dtype=torch.long),
        images=torch.zeros(2, 3, 64, 64, dtype=torch.uint8),
        words=torch.tensor([0, 1]),
        captioned=torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        captions=torch.tensor([0]),
    ).to(FAR)
    columns = LabelSpace.of(SETS, FAR)
    coverages = coverage(columns.to_columns(batch.which, batch.labels), classes=4, grid=8)
    texts = torch.cat([contrast.phrase_vectors(one.all_classes, np.random.default_rng(0)) for one in SETS])
    seen = contrast.network.encode(batch.chips, {2, 3, 4})
    allowed = (columns.own | columns.rest)[batch.which]
    patches = contrast._patches(seen, coverages, texts, allowed=allowed, rest=columns.rest[batch.which])
    assert (patches.device, batch.images.device, batch.words.device) == (FAR, FAR, FAR)
