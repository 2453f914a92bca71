"""What the reconstruction must hold whatever its weights: the numbered identities of the design, and more."""

import dataclasses
import functools
import io
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate, normalize

from mrovseg.labels.labeller import Labeller
from mrovseg.network import patches
from mrovseg.network.attention import mask_region, masked_attention, region_bias
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.config import TINY, HeadConfig, ModelConfig
from mrovseg.network.model import EncodedViews, MROVSeg, autocast
from mrovseg.network.views.chip_encoder import ChipEncoder
from mrovseg.network.views.slices import as_map, split, stitch, views
from mrovseg.segmenter import MrovsegSegmenter
from mrovseg.weights import checkpoint, loading
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.pretrained import model_config
from mrovseg.weights.vocabulary import embed_vocabulary
from tests.mrovseg.networks import SMALL, SMALL_HEAD, all_weights, as_batch, chips, network, vocabulary
from tests.mrovseg.one_chip import label_chip, map_of


def with_switch(config: ModelConfig, switch: str) -> ModelConfig:
    assert config.head is not None
    return dataclasses.replace(config, head=dataclasses.replace(config.head, switch=switch))


# 1. The low view's class token through all blocks is CLIP's own image vector.


@pytest.mark.parametrize(
    "clip",
    [
        pytest.param(SMALL.clip, id="small"),
        pytest.param(TINY.clip, id="tiny"),
        pytest.param("ViT-B-16-quickgelu", id="base", marks=pytest.mark.slow),
    ],
)
def test_the_class_token_through_all_blocks_is_clips_image_vector(clip: str | Mapping[str, object]) -> None:
    torch.manual_seed(0)
    model = build(model_config(clip) if isinstance(clip, str) else clip).eval()
    encoder = ImageEncoder(model.visual).eval()
    images = torch.randn(2, 3, encoder.side_px, encoder.side_px)
    with torch.inference_mode():
        expected = model.encode_image(images, normalize=True)
        got = encoder.project(encoder.tokens(images, {encoder.depth})[encoder.depth][:, 0])
    assert torch.allclose(got, expected, atol=1e-4)


def test_a_quickgelu_configuration_is_built_with_quickgelu() -> None:
    def activation(name: str) -> str:
        with torch.device("meta"):
            return type(build(model_config(name)).visual.transformer.resblocks[0].mlp.gelu).__name__

    assert activation("ViT-B-16-quickgelu") == "QuickGELU"
    assert activation("ViT-B-16") == "GELU"


# 2. Slices.


@given(s=st.integers(1, 4), b=st.integers(1, 3), side=st.sampled_from([3, 8]))
def test_stitch_undoes_split(s: int, b: int, side: int) -> None:
    image = torch.arange(b * 2 * (s * side) ** 2).reshape(b, 2, s * side, s * side).float()
    slices = split(image, side_px=side)
    assert slices.shape == (b * s * s, 2, side, side)
    assert torch.equal(stitch(slices, slices_a_side=s), image)


def test_slices_are_row_major() -> None:
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    assert torch.equal(split(image, side_px=2)[5, 0], image[0, 0, 2:4, 4:6])


def test_views_are_the_low_views_and_then_the_slices_of_each_chip() -> None:
    batch = torch.rand(2, 3, 12, 12)
    seen = views(batch, side_px=4)
    assert seen.shape == (2 + 2 * 9, 3, 4, 4)
    low = interpolate(batch, size=(4, 4), mode="bilinear", antialias=True)
    assert torch.equal(seen[:2], low)
    assert torch.equal(seen[2 + 9 + 1], batch[1, :, :4, 4:8])


def test_swapping_two_slices_swaps_two_blocks_of_the_high_map() -> None:
    model = network(SMALL)
    batch = as_batch(chips(SMALL, 1)).clone()
    side, g = SMALL.slice_px, model.encoder.grid
    swapped = batch.clone()
    swapped[..., :side, :side], swapped[..., side:, side:] = (
        batch[..., side:, side:],
        batch[..., :side, :side],
    )
    with torch.inference_mode():
        before, after = model.encode(batch, {0, 2}).high, model.encode(swapped, {0, 2}).high
    for depth in (0, 2):
        expected = before(depth).clone()
        expected[..., :g, :g], expected[..., g:, g:] = before(depth)[..., g:, g:], before(depth)[..., :g, :g]
        assert torch.allclose(after(depth), expected, atol=1e-5)
        assert not torch.allclose(after(depth), before(depth), atol=1e-3)


def test_one_encoder_call_sees_what_separate_calls_see() -> None:
    model = network(SMALL)
    batch = as_batch(chips(SMALL, 2))
    images = (batch - model.mean) / model.std
    with torch.inference_mode():
        seen = model.encode(batch, {0, 4})
        alone = model.encoder.tokens(images[1:, :, 64:, :64], {0, 4})
    for depth in (0, 4):
        assert torch.allclose(seen.high(depth)[1:, :, 4:, :4], as_map(alone[depth]), atol=1e-5)


# 3. One slice that is the low view: the gate has nothing to choose.


def test_with_one_slice_the_gate_does_not_matter() -> None:
    config = dataclasses.replace(SMALL, slices=1)
    batch = as_batch(chips(config, 2))
    results = []
    with torch.inference_mode():
        for switch in ("full", "high", "low", "half"):
            model = network(with_switch(config, switch))
            seen = model.encode(batch, {0, 4})
            for depth in (0, 4):
                assert torch.allclose(seen.low(depth), seen.high(depth), atol=1e-4)
            results.append(model(batch))
    for other in results[:-1]:
        assert torch.allclose(other.masks, results[-1].masks, atol=1e-3)
        assert torch.allclose(other.embeddings, results[-1].embeddings, atol=1e-4)


# 4. The gate's ends.


@pytest.mark.parametrize(("gate", "switch"), [(-1e4, "low"), (1e4, "high"), (0.0, "half")])
def test_a_closed_gate_is_one_map_only(gate: float, switch: str) -> None:
    model, fixed = network(SMALL), network(with_switch(SMALL, switch))
    assert model.head is not None
    for adapter in (*model.head.adapters, *model.head.fine_adapters):
        torch.nn.init.zeros_(adapter.get_parameter("gate.weight"))
        torch.nn.init.constant_(adapter.get_parameter("gate.bias"), gate)
    batch = as_batch(chips(SMALL))
    with torch.inference_mode():
        got, expected = model(batch), fixed(batch)
    assert torch.equal(got.masks, expected.masks)
    assert torch.equal(got.embeddings, expected.embeddings)


def test_high_only_does_not_see_the_low_map_and_low_only_not_the_high_one() -> None:
    for switch, blind_to in (("high", 1), ("low", 0)):
        model = network(with_switch(SMALL, switch))
        assert model.head is not None
        maps = [torch.randn(1, 64, 8, 8), torch.randn(1, 64, 4, 4)]
        before = model.head.adapters[1](*maps)
        maps[blind_to] = torch.randn_like(maps[blind_to])
        assert torch.equal(model.head.adapters[1](*maps), before)
        maps[1 - blind_to] = torch.randn_like(maps[1 - blind_to])
        assert not torch.allclose(model.head.adapters[1](*maps), before)


def test_kernels_straddle_slice_borders() -> None:
    adapter = network(with_switch(SMALL, "high")).head.adapters[0]  # type: ignore[union-attr] # it has one
    high, low = torch.randn(1, 64, 8, 8), torch.randn(1, 64, 4, 4)
    before = adapter(high, low)
    high[..., 3] += torch.randn(64, 8)  # the last column of the left slices
    assert not torch.allclose(adapter(high, low)[..., 4], before[..., 4])
    assert torch.equal(adapter(high, low)[..., 5:], before[..., 5:])


# 5. Nobody sees the queries.


def attended(
    model: MROVSeg, seen: EncodedViews, bias: torch.Tensor, *, split_at: int = SMALL_HEAD.split
) -> torch.Tensor:
    tail = range(split_at, model.encoder.depth)
    return masked_attention(
        model.encoder,
        start=seen.first(split_at),
        low=[seen.low(d) for d in tail],
        high=[seen.high(d) for d in tail],
        bias=bias,
    )


def test_shadow_tokens_are_those_of_the_encoder_alone_bit_for_bit() -> None:
    model = network(SMALL)
    caught: dict[int, torch.Tensor] = {}

    def catch(number: int) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
            caught[number] = output

        return hook

    for number in range(1, model.encoder.depth + 1):
        model.encoder.block(number).register_forward_hook(catch(number))
    batch = as_batch(chips(SMALL))
    with torch.inference_mode():
        model(batch)
        with_queries = dict(caught)
        alone = model.encoder.tokens(
            views((batch - model.mean) / model.std, side_px=64), set(range(model.encoder.depth))
        )
    assert with_queries
    for depth in range(1, model.encoder.depth):
        assert torch.equal(with_queries[depth], alone[depth])


def test_a_query_does_not_see_the_others() -> None:
    model = network(SMALL)
    bias = torch.randn(1, model.encoder.heads, 6, 8, 8)
    with torch.inference_mode():
        seen = model.encode(as_batch(chips(SMALL, 1)), {2, 3})
        together = attended(model, seen, bias)
        for chosen in ([0], [4, 1]):
            assert torch.allclose(attended(model, seen, bias[:, :, chosen]), together[:, chosen], atol=1e-5)


def test_queries_with_the_same_bias_are_the_same() -> None:
    model = network(SMALL)
    bias = torch.randn(1, model.encoder.heads, 1, 8, 8).expand(-1, -1, 3, -1, -1)
    with torch.inference_mode():
        copies = attended(model, model.encode(as_batch(chips(SMALL, 1)), {2, 3}), bias)
    assert torch.allclose(copies[:, 0], copies[:, 2], atol=1e-6)
    assert torch.allclose(copies.norm(dim=-1), torch.ones(1, 3), atol=1e-5)


def test_what_a_region_leaves_out_does_not_matter() -> None:
    """Regions of whole patches of the low view: patches outside have e^-20 of their weight."""
    model = network(SMALL)
    region = torch.zeros(1, 1, 8, 8)
    region[..., 2:6, :4] = 1
    low, high = torch.randn(1, 64, 4, 4), torch.randn(1, 64, 8, 8)
    changed_low, changed_high = torch.randn(1, 64, 4, 4), torch.randn(1, 64, 8, 8)
    changed_low[..., 1:3, :2], changed_high[..., 2:6, :4] = low[..., 1:3, :2], high[..., 2:6, :4]

    def vectors(low_map: torch.Tensor, high_map: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
        bias = region_bias(coverage, model.encoder.heads)
        start = torch.linspace(-1, 1, 64)[None]
        return masked_attention(model.encoder, start=start, low=[low_map], high=[high_map], bias=bias)

    with torch.inference_mode():
        before, after = vectors(low, high, region), vectors(changed_low, changed_high, region)
        everywhere = [
            vectors(*maps, torch.ones_like(region)) for maps in ((low, high), (changed_low, changed_high))
        ]
    assert torch.allclose(before, after, atol=1e-5)
    assert not torch.allclose(everywhere[0], everywhere[1], atol=1e-3)


def test_a_query_reads_inside_its_mask_and_everywhere_where_that_is_empty() -> None:
    masks = torch.full((1, 2, 4, 4), -1.0)
    masks[0, 0, :2, :3] = 2.0
    assert mask_region(masks, 2).tolist() == [[[[1, 0.5], [0, 0]], [[1, 1], [1, 1]]]]


def test_attention_equals_the_softmax_written_out() -> None:
    """One block, one head at a time, in plain loops: the formula of the design."""
    model = network(SMALL)
    encoder, block = model.encoder, model.encoder.block(4)
    c, h = encoder.width, encoder.heads
    d = c // h
    bias = torch.randn(1, h, 2, 8, 8)
    with torch.inference_mode():
        seen = model.encode(as_batch(chips(SMALL, 1)), {3})
        got = attended(model, seen, bias, split_at=3)[0, 1]
        w, b = block.attn.in_proj_weight, block.attn.in_proj_bias
        start = seen.first(3)[0]
        query = block.ln_1(start)
        keys_low = block.ln_1(seen.low(3)[0].flatten(1).T)
        keys_high = block.ln_1(seen.high(3)[0].flatten(1).T)
        mixed = []
        for a in range(h):
            at = slice(a * d, (a + 1) * d)

            def part(x: torch.Tensor, i: int, at: slice = at) -> torch.Tensor:
                projected: torch.Tensor = x @ w[i * c : (i + 1) * c].T + b[i * c : (i + 1) * c]
                return projected[..., at]

            q = part(query, 0) / d**0.5
            low_bias = bias[0, a, 1].reshape(4, 2, 4, 2).amax(dim=(1, 3)).flatten()
            logits = torch.cat(
                [
                    part(keys_low, 1) @ q + low_bias,
                    part(keys_high, 1) @ q + bias[0, a, 1].flatten() - np.log(4),
                    (part(query, 1) @ q)[None],
                ]
            )
            values = torch.cat([part(keys_low, 2), part(keys_high, 2), part(query, 2)[None]])
            mixed.append(logits.softmax(0) @ values)
        out = start + block.attn.out_proj(torch.cat(mixed))
        expected = encoder.project(out + block.mlp(block.ln_2(out)))
    assert torch.allclose(got, expected, atol=1e-5)


# 6. A region steers a query toward what is inside it.


@pytest.fixture(scope="module")
def trained() -> checkpoint.Checkpoint:
    return checkpoint.load(EMBEDDED)


def painted_regions(
    seed: int, config: ModelConfig, *, least_px: int
) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Return a painted chip and its regions: (class 0..4, mask)."""
    from pipeline.geometry.window import Window  # noqa: PLC0415
    from pipeline.testing.painted import LAND_COVER, paint  # noqa: PLC0415 - this test alone needs the pipeline

    pixels, truth = paint(Window(512, 512, config.chip_px, config.chip_px), seed=seed)
    labels = LAND_COVER[truth]
    present = [i for i in range(1, 6) if (labels == i).sum() >= least_px]
    return pixels, [(i - 1, labels == i) for i in present]


def crop_of(pixels: np.ndarray, mask: np.ndarray) -> torch.Tensor:
    """Cut the bounding box of a region, all of its surroundings included."""
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = pixels[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return torch.from_numpy(box.copy()).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize(
    "bfloat16", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["float32", "bfloat16"]
)
def test_a_bias_inside_a_true_mask_moves_queries_toward_the_class(
    trained: checkpoint.Checkpoint, *, bfloat16: bool
) -> None:
    from mrovseg.data.definition import Definition  # noqa: PLC0415 - read here, where a missing checkpoint has failed already

    config = trained.config
    assert config.head is not None
    words, _ = embed_vocabulary(trained, Definition.named("land-cover").vocabulary)
    texts = torch.from_numpy(words.vectors)
    model = loading.network(config, trained.image_weights)
    side, grid = config.slice_px, model.encoder.grid * config.slices
    gains = []
    for seed in range(1000, 1008):
        pixels, regions = painted_regions(seed, config, least_px=config.chip_px**2 // 50)
        masks = torch.from_numpy(np.stack([mask for _, mask in regions]))[None].float()
        coverage = interpolate(masks, size=(grid, grid), mode="area")
        with torch.inference_mode(), autocast(torch.device("cpu"), bfloat16=bfloat16):
            depths = {config.head.split, *range(config.head.split, model.encoder.depth)}
            seen = model.encode(as_batch(pixels[None]), depths)
            bias = region_bias(coverage, model.encoder.heads)
            steered = attended(model, seen, bias, split_at=config.head.split)[0]
            boxes = torch.cat(
                [
                    interpolate(crop_of(pixels, m), size=(side, side), antialias=True, mode="bilinear")
                    for _, m in regions
                ]
            )
            tokens = model.encoder.tokens((boxes - model.mean) / model.std, {model.encoder.depth})
            plain = model.encoder.project(tokens[model.encoder.depth][:, 0])
        for vectors, sign in ((steered, 1), (plain, -1)):
            best = (vectors @ texts.T).numpy()
            for row, (class_id, _) in enumerate(regions):
                gains.append(sign * best[row, words.class_index == class_id].max())
    assert np.sum(gains) > 0


# 7. Labels are a function of what is kept.


def stored_and_loaded(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return dict(np.load(io.BytesIO(file.getvalue()), allow_pickle=False))


@pytest.mark.parametrize(
    ("head", "untaught"),
    [(SMALL_HEAD, ()), (SMALL_HEAD, (1,)), (None, ())],
    ids=["head", "head and features", "dense"],
)
def test_labels_from_stored_proposals_are_those_of_the_run(
    head: HeadConfig | None, untaught: tuple[int, ...]
) -> None:
    config = dataclasses.replace(SMALL, head=head)
    words, others = (
        dataclasses.replace(each, untaught=untaught, no_object=each.no_object if head else None)
        for each in (vocabulary(4), vocabulary(3, seed=9))
    )
    weights = all_weights(config)
    label = functools.partial(label_chip, side=config.chip_px)
    made = functools.partial(MrovsegSegmenter, config, weights_of_image(weights), step_px=64, threshold=0.1)
    segmenter, again, images = made(words), made(others), chips(config, 1)
    arrays = map_of(segmenter, images)
    run, kept = label(segmenter, arrays), stored_and_loaded(arrays)
    of = functools.partial(Labeller, threshold=0.1, stride_px=segmenter.stride_px)
    for first, second in zip(run, label(of(vocabulary=words), kept), strict=True):
        assert first.tobytes() == second.tobytes()
    for first, second in zip(
        label(again, map_of(again, images)), label(of(vocabulary=others), kept), strict=True
    ):
        assert first.tobytes() == second.tobytes()
    assert len(np.unique(run.score)) > 1


def weights_of_image(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in weights.items() if name.startswith(("visual.", "head."))}


# The training-free mode.


def test_features_are_the_mean_of_both_views_patches() -> None:
    config = dataclasses.replace(SMALL, head=None)
    model = network(config)
    batch = as_batch(chips(config, 1))
    with torch.inference_mode():
        seen = ChipEncoder(model).encode(chips(config, 1))
        features = patches.chip_features(seen, chip_px=128, stride_px=16)
        images = (batch - model.mean) / model.std
        low, high = (
            patches.patch_features(model.encoder, model.encoder.tokens(part, {3})[3])
            for part in (views(images, side_px=64)[:1], images[..., 64:, 64:])
        )
        low = interpolate(low, size=(8, 8), mode="bilinear")
    expected = normalize((high[0, :, 2, 1] + low[0, :, 6, 5]) / 2, dim=0)
    np.testing.assert_allclose(features[0, :, 6, 5], expected, atol=1e-5)


def test_self_self_attention_of_one_token_is_three_times_its_value() -> None:
    """Each of the three softmaxes over one token is 1."""
    encoder = network(dataclasses.replace(SMALL, head=None)).encoder
    block = encoder.block(encoder.depth)
    token = torch.randn(1, 1, encoder.width)
    with torch.inference_mode():
        c = encoder.width
        value = block.ln_1(token) @ block.attn.in_proj_weight[2 * c :].T + block.attn.in_proj_bias[2 * c :]
        assert torch.allclose(
            patches.self_self_attention(encoder, token), block.attn.out_proj(3 * value), atol=1e-5
        )


def test_self_self_attention_keeps_the_blocks_own_scale() -> None:
    """Some encoders scale the channels of what a block adds."""
    vision = {**SMALL.clip["vision_cfg"], "ls_init_value": 0.5}
    scaled = network(dataclasses.replace(SMALL, clip={**SMALL.clip, "vision_cfg": vision}, head=None)).encoder
    token = torch.randn(1, 3, scaled.width)
    block = scaled.block(scaled.depth)
    with torch.inference_mode():
        got = patches.self_self_attention(scaled, token)
        block.ls_1 = torch.nn.Identity()
        assert torch.allclose(got, 0.5 * patches.self_self_attention(scaled, token), atol=1e-6)
