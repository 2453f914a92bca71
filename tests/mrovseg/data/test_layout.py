"""Data sets read from files that lie as their publishers lay them out."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrovseg.data.definition import Definition, embedded_files
from mrovseg.data.labelled import LabelledImage
from mrovseg.data.layout import Layout, categories, read_segments
from mrovseg.data.reading import read_pairs
from mrovseg.errors import DataError
from tests.mrovseg.pictures import PILLOW

BLACK, WHITE, BLUE = (0, 0, 0), (255, 255, 255), (0, 0, 255)
POTSDAM_TEST = {2: (13, 14), 3: (13, 14), 4: (13, 14, 15), 5: (13, 14, 15), 6: (13, 14, 15), 7: (13,)}


@dataclass(frozen=True)
class Case:
    """Images of a layout, black and red ones in turn: `{}` in their paths stands for each of `stems`.

    `row` is what stands in the mask of a black one, with the labels that it should become; a red one's is the same
    turned about. `listed` is a file that lists the images, and what it says.
    """

    definition: str
    image: str
    mask: str
    row: list[int] | list[tuple[int, int, int]]
    labels: list[int]
    stems: tuple[object, ...] = ("1", "2")
    split: str = "val"
    dtype: type[np.unsignedinteger] = np.uint8
    listed: tuple[str, str] | None = None
    palette: bool = False

    def write(self, root: Path) -> None:
        for number, stem in enumerate(self.stems):
            image, mask = root / self.image.format(stem), root / self.mask.format(stem)
            row = np.array(self.row[:: -1 if number % 2 else 1], self.dtype)[None]
            for file in (image, mask):
                file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (len(self.row), 1), (250 * (number % 2), 0, 0)).save(image)
            picture = Image.fromarray(row)
            if self.palette:
                picture.putpalette([(5 * i) % 256 for i in range(768)])
            picture.save(mask)
        if self.listed:
            file = root / self.listed[0]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.listed[1])


CASES = [
    Case(
        "ade20k-150",
        "images/validation/ADE_val_0000000{}.jpg",
        "annotations/validation/ADE_val_0000000{}.png",
        [0, 1, 150, 151],
        [255, 1, 150, 255],
    ),
    Case(
        "ade20k-847",
        "images_detectron2/validation/ADE_val_0000000{}.jpg",
        "annotations_detectron2/validation/ADE_val_0000000{}.tif",
        [0, 255, 846, 65535],
        [1, 256, 847, 65535],
        dtype=np.uint16,
    ),
    Case(
        "pascal-context-59",
        "val/image/2008_00000{}.jpg",
        "val/label/2008_00000{}.png",
        [0, 58, 59, 255],
        [1, 59, 255, 255],
    ),
    Case(
        "pascal-context-459",
        "train/image/2008_00000{}.jpg",
        "train/label/2008_00000{}.tif",
        [0, 458, 459, 65535],
        [1, 459, 65535, 65535],
        split="train",
        dtype=np.uint16,
    ),
    Case(
        "pascal-voc-20",
        "JPEGImages/2007_00000{}.jpg",
        "SegmentationClass/2007_00000{}.png",
        [0, 1, 20, 255],
        [255, 1, 20, 255],
        listed=("ImageSets/Segmentation/val.txt", "2007_000001\n2007_000002\n"),
        palette=True,
    ),
    Case(
        "pascal-voc-21",
        "JPEGImages/2007_00000{}.jpg",
        "SegmentationClass/2007_00000{}.png",
        [0, 1, 20, 255],
        [1, 2, 21, 255],
        listed=("ImageSets/Segmentation/val.txt", "2007_000001\n2007_000002\n"),
        palette=True,
    ),
    Case(
        "coco-stuff-171",
        "images/val2017/00000000000{}.jpg",
        "annotations/val2017/00000000000{}.png",
        [0, 11, 12, 181, 255],
        [1, 255, 12, 171, 255],
    ),
    Case(
        "cityscapes",
        "leftImg8bit/val/{}_leftImg8bit.png",
        "gtFine/val/{}_gtFine_labelIds.png",
        [0, 7, 29, 33],
        [255, 1, 255, 19],
        stems=("frankfurt/frankfurt_000000_000294", "munster/munster_000000_000019"),
    ),
    Case("loveda", "Val/Rural/images_png/{}.png", "Val/Rural/masks_png/{}.png", [0, 1, 7], [255, 1, 7]),
    Case(
        "potsdam",
        "2_Ortho_RGB/top_potsdam_{}_RGB.tif",
        "5_Labels_all_noBoundary/top_potsdam_{}_label_noBoundary.tif",
        [WHITE, BLUE, (255, 0, 0), BLACK],
        [1, 2, 6, 255],
        stems=tuple(f"{i}_{j}" for i, js in POTSDAM_TEST.items() for j in js),
    ),
    Case(
        "vaihingen",
        "ISPRS_semantic_labeling_Vaihingen/top/top_mosaic_09cm_{}.tif",
        "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE/top_mosaic_09cm_{}_noBoundary.tif",
        [(255, 255, 0), BLUE, BLACK],
        [5, 2, 255],
        stems=tuple(f"area{i}" for i in (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38)),
    ),
    Case(
        "isaid",
        "val/images/images/P000{}.png",
        "val/Semantic_masks/images/images/P000{}_instance_color_RGB.png",
        [BLACK, (0, 0, 63), (0, 100, 155), WHITE],
        [1, 2, 16, 255],
    ),
    Case(
        "openearthmap",
        "{0[0]}/images/{0[1]}.tif",
        "{0[0]}/labels/{0[1]}.tif",
        [0, 1, 8],
        [255, 1, 8],
        stems=(("aachen", "aachen_1"), ("accra", "accra_2")),
        listed=("val.txt", "aachen_1.tif\naccra_2.tif\nsanta-rosa_3.tif\n"),
    ),
    Case(
        "uavid",
        "uavid_val/seq16/Images/00000{}.png",
        "uavid_val/seq16/Labels/00000{}.png",
        [BLACK, (192, 0, 192), (64, 0, 128), WHITE],
        [1, 4, 8, 255],
    ),
    Case("udd5", "val/src/DJI_000{}.JPG", "val/gt/DJI_000{}.png", [0, 4, 5], [1, 5, 255]),
    Case("vdd", "test/src/DJI_000{}.JPG", "test/gt/DJI_000{}.png", [0, 6, 7], [1, 7, 255], split="test"),
    Case(
        "floodnet",
        "val/val-org-img/1016{}.jpg",
        "val/val-label-img/1016{}_lab.png",
        [0, 9, 10],
        [1, 10, 255],
    ),
    Case(
        "dubai",
        "Tile 1/images/image_part_00{}.jpg",
        "Tile 1/masks/image_part_00{}.png",
        [(0x3C, 0x10, 0x98), (0x9B, 0x9B, 0x9B), BLACK],
        [1, 255, 255],
        split="all",
    ),
]


ALL = sorted(embedded_files())


def read(name: str, root: Path, split: str) -> list[LabelledImage]:
    definition = Definition.named(name)
    layout = definition.layout(split)
    images, masks = zip(*layout.pairs(root), strict=True)
    segments = read_segments(root / layout.segments) if layout.segments else None
    return list(read_pairs(definition, images, masks, segments, reader=PILLOW))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.definition)
def test_a_published_layout_is_read(case: Case, tmp_path: Path) -> None:
    case.write(tmp_path)
    images = read(case.definition, tmp_path, case.split)
    red = [bool(image.pixels[..., 0].min() > 200) for image in images]
    assert len(images) == len(case.stems)
    assert sum(red) == len(images) // 2
    for image, is_red in zip(images, red, strict=True):
        assert image.labels.tolist() == [case.labels[:: -1 if is_red else 1]]
        assert image.labels.dtype == case.dtype
        assert image.pixels.shape == (1, len(case.row), 3)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.definition)
def test_another_root_is_refused_by_what_was_looked_for(case: Case, tmp_path: Path) -> None:
    case.write(tmp_path / "below")
    layout = Definition.named(case.definition).layout(case.split)
    with pytest.raises(DataError) as refusal:
        layout.pairs(tmp_path)
    assert layout.images in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_every_layout_is_written_here() -> None:
    with_layout = {name for name in ALL if Definition.named(name).layouts}
    assert with_layout == {case.definition for case in CASES} | {"coco-panoptic"}


def test_real_files_are_found_and_labelled(shared_data: Path) -> None:
    """Scenes of nine parts each, whose masks are partly colours and partly palettes."""
    definition = Definition.named("dubai")
    pairs = definition.layout("all").pairs(shared_data / "semseg/dubai")
    assert len(pairs) > 0
    assert len(pairs) % 9 == 0
    firsts = pairs[::9]
    for one in read_pairs(
        definition, [image for image, _ in firsts], [mask for _, mask in firsts], reader=PILLOW
    ):
        assert (one.labels != 255).mean() > 0.9


def write_panoptic(root: Path) -> None:
    """Write two masks of COCO panoptic: void, a cat, two persons and a rug."""
    colours = [[BLACK, (1, 0, 0), (0, 1, 0), (2, 3, 1), (255, 255, 255)], [(1, 0, 0)] * 5]
    segments = [{1: 17, 256: 1, 2 + 3 * 256 + 65536: 1, 0xFFFFFF: 200}, {1: 92}]
    annotations = []
    for stem, row, of_mask in zip(("000000000139", "000000000285"), colours, segments, strict=True):
        image, mask = root / f"val2017/{stem}.jpg", root / f"annotations/panoptic_val2017/{stem}.png"
        for file in (image, mask):
            file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 1)).save(image)
        Image.fromarray(np.array([row], np.uint8)).save(mask)
        info = [{"id": id_, "category_id": category, "iscrowd": 0} for id_, category in of_mask.items()]
        annotations.append({"file_name": mask.name, "segments_info": info})
    (root / "annotations/panoptic_val2017.json").write_text(json.dumps({"annotations": annotations}))


def test_panoptic_masks_are_read_by_their_segments(tmp_path: Path) -> None:
    write_panoptic(tmp_path)
    first, second = read("coco-panoptic", tmp_path, "val")
    names = ("", *Definition.named("coco-panoptic").vocabulary.names)
    assert first.labels[0, 0] == 255
    assert [names[i] for i in first.labels[0, 1:]] == ["cat", "person", "person", "rug-merged"]
    assert {names[i] for i in second.labels[0]} == {"banner"}


def test_panoptic_masks_without_their_segments_are_refused(tmp_path: Path) -> None:
    write_panoptic(tmp_path)
    definition = Definition.named("coco-panoptic")
    images, masks = zip(*definition.layout("val").pairs(tmp_path), strict=True)
    with pytest.raises(DataError, match="need the JSON file of their split"):
        list(read_pairs(definition, images, masks, reader=PILLOW))
    with pytest.raises(DataError, match="segments 7, 9 of the mask are not in segments_info"):
        categories(np.array([[[7, 0, 0], [9, 0, 0], [8, 0, 0]]], np.uint8), {8: 1})
    file = tmp_path / "annotations/panoptic_val2017.json"
    file.write_text('{"annotations": [{"file_name": "a.png"}]}')
    with pytest.raises(DataError, match="must be a COCO panoptic JSON file"):
        read_segments(file)
    with pytest.raises(DataError, match="must be a COCO panoptic JSON file"):
        read_segments(tmp_path / "missing.json")


def test_masks_are_found_by_name_and_not_by_order(tmp_path: Path) -> None:
    for name in ("a1.jpg", "a2.jpg", "a10.jpg", "m1.png", "m2.png", "m10.png", "m0.png"):
        (tmp_path / name).touch()
    pairs = Layout("a*.jpg", "m*.png").pairs(tmp_path)
    assert [(image.name, mask.name) for image, mask in pairs] == [
        ("a1.jpg", "m1.png"),
        ("a10.jpg", "m10.png"),
        ("a2.jpg", "m2.png"),
    ]


def test_missing_masks_are_named(tmp_path: Path) -> None:
    for name in ("a1.jpg", "a2.jpg", "a3.jpg", "m2.png"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"2 of 3 images have no mask, such as .*m1\.png, .*m3\.png"):
        Layout("a*.jpg", "m*.png").pairs(tmp_path)


def test_listed_images_must_be_there(tmp_path: Path) -> None:
    for name in ("a1.jpg", "a2.jpg", "m1.png", "m2.png"):
        (tmp_path / name).touch()
    ((image, _),) = Layout("a*.jpg", "m*.png", names=("2",)).pairs(tmp_path)
    assert image.name == "a2.jpg"
    with pytest.raises(DataError, match=r"1 of 2 images of the split are not among .*, such as 3"):
        Layout("a*.jpg", "m*.png", names=("2", "3")).pairs(tmp_path)
    assert len(Layout("a*.jpg", "m*.png", names=("2", "3"), partial=True).pairs(tmp_path)) == 1
    with pytest.raises(DataError, match="2 of 2 images of the split are not among"):
        Layout("a*.jpg", "m*.png", names=("3", "4"), partial=True).pairs(tmp_path)
    with pytest.raises(DataError, match=r"no .*val\.txt, which lists"):
        Layout("a*.jpg", "m*.png", names="val.txt").pairs(tmp_path)


@pytest.mark.parametrize(("images", "masks"), [("a/*.jpg", "b/*/*.png"), ("a.jpg", "b.png")])
def test_a_mask_must_follow_from_its_image(images: str, masks: str) -> None:
    with pytest.raises(DataError, match="equally many"):
        Layout(images, masks)


def test_coloured_masks_are_no_levels(tmp_path: Path) -> None:
    for name in ("image.png", "mask.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    with pytest.raises(DataError, match=r"mask\.png has colours; masks of vdd have one level"):
        list(
            read_pairs(
                Definition.named("vdd"), [tmp_path / "image.png"], [tmp_path / "mask.png"], reader=PILLOW
            )
        )
