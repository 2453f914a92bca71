"""The door to open_clip: what training does to the encoder before its first step."""

import torch
from torch.nn.functional import conv2d, interpolate

from mrovseg.clip import ImageEncoder, build, whiten
from tests.mrovseg.networks import SMALL_CLIP


def test_a_whitened_stem_gives_uncorrelated_responses_of_like_variance() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(build(SMALL_CLIP).visual)
    smooth = interpolate(torch.randn(8, 3, 32, 32), scale_factor=4, mode="bilinear")
    images = 50 * torch.randn(8, 3, 1, 1) + smooth + 0.5 * torch.randn_like(smooth)
    whiten(encoder, images)
    responses = conv2d(images, encoder.visual.conv1.weight, stride=16).movedim(1, 0).flatten(1)
    covariance = responses.cov()
    assert covariance.diagonal().min() >= 0.49  # the least variance is damped by itself
    assert covariance.diagonal().max() <= 1.01
    assert (covariance - covariance.diagonal().diag()).abs().max() < 0.02
