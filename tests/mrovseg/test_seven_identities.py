"""The seven identities of the design for `tiny` and a ViT-B-16 of random weights, in both precisions.

In bfloat16 (see `network.model.autocast`) a number has 8 significant bits: rounded once it is off by up to 2^-9 of
itself, and what the blocks add up in another order is off by a few such roundings. The tolerances, and the largest
differences that were found with either network:

    identity                         float32         bfloat16
    1 components of unit vectors     1e-4 (0)        1e-2 (1.5e-3)
    2 channels of unit variance      1e-4 (0)        2e-2 (0)
    3 components of unit vectors     1e-4 (9e-8)     2e-2 (5.3e-3)
      places on one side of a mask   0.9999 (1)      0.9 (0.953)
    4, 5, 7                          to the last bit in both: computed twice in the same way
    6 components of unit vectors     1e-5 (9e-8)     1e-3 (0)
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from mrovseg.labels.labeller import Labeller
from mrovseg.network.attention import masked_attention, region_bias
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.config import TINY, ModelConfig, reference_head
from mrovseg.network.model import EncodedViews, MROVSeg, Predictions, autocast
from mrovseg.network.views.slices import split, stitch, views
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import loading
from mrovseg.weights.pretrained import model_config
from tests.mrovseg.networks import all_weights, as_batch, chips, vocabulary
from tests.mrovseg.one_chip import label_chip, map_of

BASE = ModelConfig(clip=model_config("ViT-B-16-quickgelu"), slices=2, head=reference_head(12))
CONFIGS = {"tiny": dataclasses.replace(TINY, slices=2), "base": BASE}
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A network in a precision."""

    config: ModelConfig
    weights: dict[str, np.ndarray]
    bfloat16: bool

    def network(self, *, slices: int | None = None, switch: str = "full") -> MROVSeg:
        assert self.config.head is not None
        config = dataclasses.replace(
            self.config,
            slices=slices or self.config.slices,
            head=dataclasses.replace(self.config.head, switch=switch),
        )
        return loading.network(config, self.weights)

    def run(self, model: MROVSeg, batch: Tensor) -> Predictions:
        with torch.inference_mode(), autocast(CPU, bfloat16=self.bfloat16):
            predictions: Predictions = model(batch)
        return predictions

    def see(self, model: MROVSeg, batch: Tensor, depths: set[int]) -> EncodedViews:
        with torch.inference_mode(), autocast(CPU, bfloat16=self.bfloat16):
            return model.encode(batch, depths)

    def within(self, got: Tensor, expected: Tensor, *, single: float, half: float) -> bool:
        """Return whether no value differs by more than the tolerance of the precision; prints by how much."""
        difference = float((got.float() - expected.float()).abs().max())
        print(f"largest difference {difference:.2e}")
        return difference <= (half if self.bfloat16 else single)


@pytest.fixture(scope="module", params=["tiny", pytest.param("base", marks=pytest.mark.slow)])
def weights(request: pytest.FixtureRequest) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    config = CONFIGS[request.param]
    kept = {k: v for k, v in all_weights(config).items() if k.startswith(("visual.", "head."))}
    return config, kept


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def case(weights: tuple[ModelConfig, dict[str, np.ndarray]], request: pytest.FixtureRequest) -> Case:
    return Case(*weights, bfloat16=request.param == "bfloat16")


@contextmanager
def caught_outputs(encoder: ImageEncoder, depths: Iterable[int]) -> Iterator[dict[int, Tensor]]:
    """Catch what the encoder's blocks put out while this is open."""
    caught: dict[int, Tensor] = {}

    def catch(depth: int) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: Tensor) -> None:
            caught[depth] = output

        return hook

    hooks = [encoder.block(depth).register_forward_hook(catch(depth)) for depth in depths]
    yield caught
    for hook in hooks:
        hook.remove()


def normed(maps: Tensor) -> Tensor:
    """Bring each place's channels to unit variance, so that a tolerance means the same at every depth."""
    return layer_norm(maps.float().movedim(1, -1), maps.shape[1:2])


def test_1_the_class_token_through_all_blocks_is_clips_image_vector(case: Case) -> None:
    with torch.device("meta"):
        clip = build(case.config.clip)
    clip.visual.load_state_dict(
        {k: torch.from_numpy(v) for k, v in loading.weights_under(case.weights, "visual.").items()},
        assign=True,
    )
    encoder, side = ImageEncoder(clip.visual).eval(), case.config.slice_px
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), autocast(CPU, bfloat16=case.bfloat16):
        expected = clip.visual.eval()(images).float()
        got = encoder.project(encoder.tokens(images, {encoder.depth})[encoder.depth][:, 0])
    assert case.within(got, expected / expected.norm(dim=-1, keepdim=True), single=1e-4, half=1e-2)


def test_2_swapping_two_slices_swaps_two_blocks_of_the_high_map(case: Case) -> None:
    model, side = case.network(), case.config.slice_px
    coordinates = torch.arange(2.0 * (2 * side) ** 2).reshape(1, 2, 2 * side, 2 * side)
    assert torch.equal(stitch(split(coordinates, side_px=side), slices_a_side=2), coordinates)
    batch = as_batch(chips(case.config, 1)).clone()
    swapped, g = batch.clone(), model.encoder.grid
    swapped[..., :side, :side], swapped[..., side:, side:] = (
        batch[..., side:, side:],
        batch[..., :side, :side],
    )
    depths = {0, model.encoder.depth}
    before, after = case.see(model, batch, depths).high, case.see(model, swapped, depths).high
    for depth in depths:
        expected = before(depth).clone()
        expected[..., :g, :g], expected[..., g:, g:] = before(depth)[..., g:, g:], before(depth)[..., :g, :g]
        assert case.within(normed(after(depth)), normed(expected), single=1e-4, half=2e-2)
        assert not case.within(normed(after(depth)), normed(before(depth)), single=0.5, half=0.5)


def test_3_with_one_slice_the_gate_does_not_matter(case: Case) -> None:
    batch = as_batch(chips(dataclasses.replace(case.config, slices=1), 1))
    found = {
        switch: case.run(case.network(slices=1, switch=switch), batch) for switch in ("full", "high", "low")
    }
    for switch in ("full", "high"):
        assert case.within(found[switch].embeddings, found["low"].embeddings, single=1e-4, half=2e-2)
        # A query's next mask follows from where its last one is positive, and a rounding can turn a zero: in half
        # precision single masks move, so that what is compared is on which side of zero places are.
        same = ((found[switch].masks >= 0) == (found["low"].masks >= 0)).float().mean()
        print(f"places on the same side {same:.5f}")
        assert same >= (0.9 if case.bfloat16 else 0.9999)


@pytest.mark.parametrize(("gate", "switch"), [(-1e4, "low"), (1e4, "high")])
def test_4_a_closed_gate_is_one_map_only(case: Case, gate: float, switch: str) -> None:
    model = case.network()
    assert model.head is not None
    for adapter in (*model.head.adapters, *model.head.fine_adapters):
        torch.nn.init.zeros_(adapter.get_parameter("gate.weight"))
        torch.nn.init.constant_(adapter.get_parameter("gate.bias"), gate)
    batch = as_batch(chips(case.config, 1))
    got, expected = case.run(model, batch), case.run(case.network(switch=switch), batch)
    assert torch.equal(got.masks, expected.masks)
    assert torch.equal(got.embeddings, expected.embeddings)


def test_5_queries_change_no_token_bit_for_bit(case: Case) -> None:
    model, batch = case.network(), as_batch(chips(case.config, 1))
    depths = range(1, model.encoder.depth)
    with caught_outputs(model.encoder, depths) as caught:
        case.run(model, batch)
        with_queries = dict(caught)
    with torch.inference_mode(), autocast(CPU, bfloat16=case.bfloat16):
        images = views((batch - model.mean) / model.std, side_px=case.config.slice_px)
        alone = model.encoder.tokens(images, set(depths))
    assert with_queries.keys() == alone.keys()
    assert all(torch.equal(with_queries[depth], alone[depth]) for depth in depths)


def test_6_a_region_keeps_attention_inside(case: Case) -> None:
    """What no weights can undo: what lies outside a region does not matter, and without the bias it does.

    That a query then moves toward its class only a trained network can show: see `test_identities`.
    """
    model = case.network()
    c, g, heads = model.encoder.width, model.encoder.grid, model.encoder.heads
    region = torch.zeros(1, 1, 2 * g, 2 * g)
    region[..., 2:6, :4] = 1
    rng = torch.Generator().manual_seed(0)

    def maps() -> dict[str, list[Tensor]]:
        drawn = [torch.randn(1, c, side, side, generator=rng) for side in (g, 2 * g)]
        return {"low": drawn[:1], "high": drawn[1:]}

    first, other = maps(), maps()
    other["low"][0][..., 1:3, :2] = first["low"][0][..., 1:3, :2]
    other["high"][0][..., 2:6, :4] = first["high"][0][..., 2:6, :4]

    def vector(seen: dict[str, list[Tensor]], bias: Tensor) -> Tensor:
        start = torch.linspace(-1, 1, c)[None]
        with torch.inference_mode(), autocast(CPU, bfloat16=case.bfloat16):
            return masked_attention(model.encoder, start=start, low=seen["low"], high=seen["high"], bias=bias)

    inside = region_bias(region, heads)
    assert case.within(vector(first, inside), vector(other, inside), single=1e-5, half=1e-3)
    everywhere = torch.zeros_like(inside)
    assert not case.within(vector(first, everywhere), vector(other, everywhere), single=2e-3, half=2e-3)


@pytest.mark.parametrize(("head", "untaught"), [(True, ()), (True, (1,)), (False, ())])
def test_7_labels_from_kept_proposals_are_those_of_the_run(
    case: Case, *, head: bool, untaught: tuple[int, ...]
) -> None:
    config = case.config if head else case.config.headless()
    words, others = (
        dataclasses.replace(each, untaught=untaught, no_object=each.no_object if head else None)
        for each in (vocabulary(4, embed_dim=config.clip["embed_dim"], seed=seed) for seed in (0, 9))
    )
    weights = {k: v for k, v in case.weights.items() if head or k.startswith("visual.")}
    images, kept, step_px = chips(config, 1), [], config.chip_px // 2
    for vocabulary_of_run in (words, others):
        segmenter = MrovsegSegmenter(
            config, weights, vocabulary_of_run, step_px=step_px, threshold=0.1, bfloat16=case.bfloat16
        )
        kept.append(map_of(segmenter, images))
        run = label_chip(segmenter, kept[-1], side=config.chip_px)
        labeller = Labeller(vocabulary=vocabulary_of_run, threshold=0.1, stride_px=segmenter.stride_px)
        for first, second in zip(run, label_chip(labeller, kept[0], side=config.chip_px), strict=True):
            assert first.tobytes() == second.tobytes()
        assert len(np.unique(run.score)) > 1
    proposals = segmenter.propose(images)
    for name, axis in (("embeddings", -1), ("features", 1)):
        if name in proposals:
            np.testing.assert_allclose(np.linalg.norm(proposals[name], axis=axis), 1, atol=1e-5)
