"""Checkpoints: written, read back, refused."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mrovseg.errors import CheckpointError, VocabularyError
from mrovseg.network.config import SENTENCES, ModelConfig
from mrovseg.weights import checkpoint, encoding, files, loading
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words import sentences
from mrovseg.words.vocabulary import parse
from tests.mrovseg.networks import SMALL, all_weights


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return all_weights(SMALL)


@pytest.fixture
def saved(tmp_path: Path, weights: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "folder" / "small.safetensors"
    checkpoint.save(path, config=SMALL, weights=weights, known_phrases=["road", "water"])
    return path


def test_what_is_saved_is_loaded(saved: Path, weights: dict[str, np.ndarray]) -> None:
    loaded = checkpoint.load(str(saved))
    assert (loaded.name, loaded.config, loaded.known_phrases) == ("small", SMALL, ("road", "water"))
    assert loaded.weights.keys() == weights.keys()
    for name, array in weights.items():
        assert np.array_equal(loaded.weights[name], array), name
    assert list(saved.parent.iterdir()) == [saved]
    assert set(loaded.image_weights) == {n for n in weights if n.startswith(("visual.", "head."))}
    assert loaded.scale == pytest.approx(1 / 0.07, rel=1e-4)  # what a fresh CLIP has
    assert loaded.no_object is not None
    assert np.linalg.norm(loaded.no_object) == pytest.approx(1)


def test_the_digest_is_the_files(saved: Path, weights: dict[str, np.ndarray]) -> None:
    first = checkpoint.load(str(saved)).digest
    checkpoint.save(saved, config=SMALL, weights=weights, known_phrases=["road", "water"])
    assert checkpoint.load(str(saved)).digest == first
    checkpoint.save(saved, config=SMALL, weights=weights, known_phrases=None)
    assert checkpoint.load(str(saved)).digest != first
    assert checkpoint.load(str(saved)).known_phrases is None


def test_half_floats_are_widened(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    path = tmp_path / "half.safetensors"
    half = {name: array.astype(np.float16) for name, array in weights.items()}
    checkpoint.save(path, config=SMALL, weights=half, known_phrases=None)
    loaded = checkpoint.load(str(path)).weights
    assert {array.dtype for array in loaded.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(loaded["visual.proj"], half["visual.proj"].astype(np.float32))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint 'nowhere'.*embedded 'tiny'"):
        checkpoint.load("nowhere")


@pytest.mark.parametrize("keep", [0, 5, 300, -1])
def test_a_damaged_file_is_named(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"small\.safetensors is damaged"):
        checkpoint.load(str(saved))


def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path)
    with pytest.raises(CheckpointError, match="no checkpoint of mrovseg"):
        checkpoint.load(str(path))


def described(header: str, weights: dict[str, np.ndarray], path: Path) -> Path:
    save_file(weights, path, metadata={"mrovseg": header})
    return path


@pytest.mark.parametrize(
    "header",
    [
        "",
        "no JSON",
        "[1, 2]",
        '"text"',
        "null",
        "[" * 100_000,
        '{"format": 2',
        '{"format": NaN}',
        "\udcff".encode("utf-8", "replace").decode(),
    ],
)
def test_a_header_that_is_no_json_object_is_one_line(
    tmp_path: Path, weights: dict[str, np.ndarray], header: str
) -> None:
    with pytest.raises(CheckpointError, match=r"odd\.safetensors") as raised:
        checkpoint.load(str(described(header, weights, tmp_path / "odd.safetensors")))
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "changed",
    [
        {"config": None},
        {"config": []},
        {"config": {}},
        {"config.clip": None},
        {"config.clip.vision_cfg": 7},
        {"config.clip.vision_cfg.layers": "six"},
        {"config.clip.vision_cfg.layers": 10**9},
        {"config.clip.vision_cfg.width": 10**9},
        {"config.clip.vision_cfg.patch_size": 0},
        {"config.clip.vision_cfg.image_size": -1},
        {"config.clip.vision_cfg.image_size": None},
        {"config.clip.embed_dim": 1.5},
        {"config.head": 5},
        {"config.head.taps": 3},
        {"config.head.queries": 10**12},
        {"config.head.unknown": 1},
        {"config.mean": 0.5},
        {"config.slices": True},
        {"config.slices": 10**6},
        {"config.top_k": None},
        {"known_phrases": 5},
        {"known_phrases": ["road", 7]},
        {"known_phrases": "road"},
        {"taught_phrases": {}},
    ],
    ids=str,
)
def test_a_description_of_the_wrong_shape_is_one_line(
    tmp_path: Path, saved: Path, weights: dict[str, np.ndarray], changed: dict[str, object]
) -> None:
    _, about = files.read_arrays(saved)
    ((place, value),) = changed.items()
    *parents, last = place.split(".")
    node = about
    for key in parents:
        node = node[key]
    node[last] = value
    with pytest.raises(CheckpointError, match=r"odd\.safetensors does not describe") as raised:
        checkpoint.load(str(described(json.dumps(about), weights, tmp_path / "odd.safetensors")))
    assert "\n" not in str(raised.value)


def test_a_halo_that_older_files_speak_of_changes_nothing(
    tmp_path: Path, saved: Path, weights: dict[str, np.ndarray]
) -> None:
    _, about = files.read_arrays(saved)
    about["config"]["halo_px"] = 16
    older = checkpoint.load(str(described(json.dumps(about), weights, tmp_path / "older.safetensors")))
    assert older.config == checkpoint.load(str(saved)).config
    assert "halo_px" not in older.config.to_dict()


@pytest.mark.parametrize("scale", [None, np.ones(3, np.float32)])
def test_a_scale_that_is_no_number_is_one_line(
    tmp_path: Path, saved: Path, weights: dict[str, np.ndarray], scale: np.ndarray | None
) -> None:
    _, about = files.read_arrays(saved)
    others = {name: array for name, array in weights.items() if name != "logit_scale"}
    odd = others if scale is None else others | {"logit_scale": scale}
    with pytest.raises(CheckpointError, match="logit_scale"):
        checkpoint.load(str(described(json.dumps(about), odd, tmp_path / "odd.safetensors")))


def test_weights_of_another_network_are_refused(weights: dict[str, np.ndarray]) -> None:
    assert SMALL.head is not None
    image = {name: array for name, array in weights.items() if name.startswith(("visual.", "head."))}
    wider = dataclasses.replace(SMALL, head=dataclasses.replace(SMALL.head, queries=13))
    with pytest.raises(CheckpointError, match="do not fit"):
        loading.network(wider, image)
    image.pop("visual.proj")
    with pytest.raises(CheckpointError, match=r"(?s)do not fit.*proj"):
        loading.network(SMALL, image)


def test_the_text_tower_of_a_file_gives_unit_vectors_of_its_words(saved: Path) -> None:
    loaded = checkpoint.load(str(saved))
    vectors = encoding.encode_text(loaded, ["road", "water", "road"])
    assert vectors.shape == (3, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_prompts_like_nothing_trained_are_left_out_and_named(tmp_path: Path) -> None:
    clip = {**SMALL.clip, "embed_dim": sentences.DIMENSIONS, "text": SENTENCES}
    config, path = dataclasses.replace(SMALL, clip=clip), tmp_path / "speaking.safetensors"
    checkpoint.save(path, config=config, weights=all_weights(config), known_phrases=["road", "water"])
    embedded, unlike = embed_vocabulary(
        checkpoint.load(str(path)), parse("road,highway,zyzzyva; elephant; lake")
    )
    assert unlike == ["zyzzyva", "elephant"]
    assert embedded.class_index[embedded.class_index < embedded.classes].tolist() == [0, 0, 2]
    with pytest.raises(VocabularyError, match="elephant"):
        embed_vocabulary(checkpoint.load(str(path)), parse("elephant"))


def test_classes_without_masks_in_training_are_left_to_the_patches(tmp_path: Path) -> None:
    clip = {**SMALL.clip, "embed_dim": sentences.DIMENSIONS, "text": SENTENCES}
    config, path = dataclasses.replace(SMALL, clip=clip), tmp_path / "speaking.safetensors"
    known, words = ["road", "river", "trees"], parse("road; water,pond; forest; lake")

    def untaught(config: ModelConfig, taught: list[str] | None) -> tuple[int, ...]:
        weights = all_weights(config)
        checkpoint.save(path, config=config, weights=weights, known_phrases=known, taught_phrases=taught)
        return embed_vocabulary(checkpoint.load(str(path)), words)[0].untaught

    assert untaught(config, ["road", "trees"]) == (1, 3)
    assert untaught(config, ["road", "river"]) == (2,)
    assert untaught(config, known) == ()
    assert untaught(config, None) == ()
    assert untaught(config.headless(), ["road"]) == ()
    assert config.head is not None
    averaged = dataclasses.replace(config, head=dataclasses.replace(config.head, averaged=True))
    assert untaught(averaged, ["road"]) == ()


def test_every_row_of_a_full_token_table_is_kept(saved: Path, weights: dict[str, np.ndarray]) -> None:
    table = checkpoint.load(str(saved)).weights["text.token_embedding.weight"]
    assert table.shape[0] == 49_408
    assert table.any(axis=1).all()
    np.testing.assert_array_equal(table, weights["text.token_embedding.weight"])
