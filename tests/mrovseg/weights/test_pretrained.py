"""Names of CLIPs: what is found under them, and which are refused before anything is fetched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mrovseg.errors import CheckpointError, ModelConfigError
from mrovseg.network.clip import ImageEncoder, build
from mrovseg.network.config import CLIP_MEAN
from mrovseg.weights.pretrained import find, model_config
from tests.mrovseg.networks import SMALL, SMALL_CLIP
from tests.mrovseg.weights.layouts import random_state, write_folder, write_plain


@pytest.mark.parametrize("name", ["RN50", "ViT-nothing", "convnext_base", "EVA02-B-16", "ViT-B-16-SigLIP"])
def test_only_vits_that_open_clip_knows_are_taken(name: str) -> None:
    with pytest.raises(ModelConfigError, match="not a ViT that open_clip knows"):
        model_config(name)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("ViT-L-14-CLIPA", "hf_tokenizer_name"),
        ("ViT-H-14-worldwide", "hf_tokenizer_name"),
        ("roberta-ViT-B-32", "hf_model_name"),
        ("coca_ViT-B-32", "custom_text"),
    ],
)
def test_other_text_towers_and_tokenizers_are_refused(name: str, named: str) -> None:
    with pytest.raises(ModelConfigError, match=f"another text tower or tokenizer .*{named}.*49408 tokens"):
        model_config(name)


def test_a_vit_that_pools_otherwise_is_refused() -> None:
    config = dict(SMALL.clip) | {"vision_cfg": dict(SMALL.clip["vision_cfg"]) | {"pool_type": "avg"}}
    with pytest.raises(ModelConfigError, match="class token"):
        ImageEncoder(build(config).visual)


@pytest.mark.parametrize(
    ("model", "tag", "remedy"),
    [
        ("ViT-B-16", "openai", "QuickGELU and ViT-B-16 computes the other.*take ViT-B-16-quickgelu"),
        ("ViT-L-14-336", "OpenAI", "take ViT-L-14-336-quickgelu"),
        ("ViT-B-16-quickgelu", "laion2b_s34b_b88k", "GELU and .* take ViT-B-16$"),
    ],
)
def test_a_tag_of_the_other_activation_is_refused(model: str, tag: str, remedy: str) -> None:
    with pytest.raises(CheckpointError, match=remedy):
        find(model, tag)


def test_an_unknown_tag_or_no_weights_are_answered_with_the_tags() -> None:
    with pytest.raises(
        CheckpointError, match=r"'laion3' is no file, nor a tag of ViT-B-32; its tags: openai, "
    ):
        find("ViT-B-32", "laion3")
    with pytest.raises(CheckpointError, match=r"ViT-S-32 needs weights: a file, or one of its tags \(none\)"):
        find("ViT-S-32", None)


def test_a_name_with_weights_of_its_own_takes_no_others() -> None:
    with pytest.raises(CheckpointError, match="weights of its own; leave 'openai' out"):
        find("local-dir:somewhere", "openai")


def test_a_folder_is_read_as_open_clip_wrote_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_folder(random_state(SMALL_CLIP), folder, SMALL_CLIP, mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.1])
    found = find(f"local-dir:{folder}", None)
    assert (found.mean, found.std) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    assert found.clip == SMALL_CLIP
    assert found.file.name == "open_clip_model.safetensors"
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": dict(SMALL_CLIP)}))
    assert find(f"local-dir:{folder}", None).mean == CLIP_MEAN


def test_a_folders_file_is_the_only_one_or_the_one_of_a_known_name(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_folder({}, folder, SMALL_CLIP)
    (folder / "open_clip_model.safetensors").rename(folder / "epoch_3.pt")
    assert find(f"local-dir:{folder}", None).file.name == "epoch_3.pt"
    (folder / "epoch_4.pt").touch()
    with pytest.raises(CheckpointError, match=r"must hold .* such as open_clip_model.safetensors.* holds 2"):
        find(f"local-dir:{folder}", None)
    (folder / "open_clip_pytorch_model.bin").touch()
    assert find(f"local-dir:{folder}", None).file.name == "open_clip_pytorch_model.bin"


@pytest.mark.parametrize("text", ["", "[]", '{"vision_cfg": {}}', '{"model_cfg": {"embed_dim": 3}}'])
def test_a_folder_without_its_description_is_refused(tmp_path: Path, text: str) -> None:
    write_plain({}, tmp_path / "model.pth")
    (tmp_path / "open_clip_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"open_clip_config.json must be open_clip's description"):
        find(f"local-dir:{tmp_path}", None)
    (tmp_path / "open_clip_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"open_clip_config.json must be open_clip's description"):
        find(f"local-dir:{tmp_path}", None)


@pytest.mark.parametrize(
    ("size", "said"),
    [(100, "squares of whole patches of 16 px"), ([64, 32], "image_size .* must be a whole number")],
)
def test_images_that_are_no_squares_of_whole_patches_are_refused(
    tmp_path: Path, size: object, said: str
) -> None:
    vision = {**SMALL_CLIP["vision_cfg"], "image_size": size}
    write_folder({}, tmp_path / "model", {**SMALL_CLIP, "vision_cfg": vision})
    with pytest.raises(ModelConfigError, match=said):
        find(f"local-dir:{tmp_path / 'model'}", None)


def test_it_can_be_the_first_that_imports_open_clip() -> None:
    """Beside a CPU build of torch, too, whose import of torchvision needs help."""
    assert (
        subprocess.run([sys.executable, "-c", "import mrovseg.weights.pretrained"], check=False).returncode
        == 0
    )
