"""ImageFolder and preprocess: from files to arrays."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image

import tinygrad_fr as tg
from tinygrad_fr.data import ArrayDataset, DataLoader, ImageFolder, folder, preprocess
from tinygrad_fr.errors import (
    ArgumentError,
    DTypeError,
    FileError,
    IndexingError,
    MissingExtraError,
)

FLOWERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "flowers"


@pytest.fixture
def root(tmp_path):
    """Two classes, five images of one grey each, and things to ignore."""
    for name, files in {"rose": ["b.JPG", "a.png"], "daisy": ["c.bmp", "d.gif", "e.webp"]}.items():
        (tmp_path / name).mkdir()
        for i, file in enumerate(files):
            Image.new("RGB", (12, 8), (40 * (i + 1),) * 3).save(tmp_path / name / file)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "rose" / "._a.png").write_bytes(b"of a Mac")
    (tmp_path / "rose" / "notes.txt").write_text("text")
    (tmp_path / "readme.md").write_text("text")
    return tmp_path


def noise(mode, size=(12, 8)):
    shape = (*size[::-1], len(mode)) if len(mode) > 1 else size[::-1]
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


# --- folders ---------------------------------------------------------------------------------


def test_sub_folders_are_classes_in_sorted_order(root):
    images = ImageFolder(root, 4)
    assert images.classes == ("daisy", "rose")
    assert [path.name for path in images.paths] == ["c.bmp", "d.gif", "e.webp", "a.png", "b.JPG"]
    np.testing.assert_array_equal(images.labels, [0, 0, 0, 1, 1])
    assert images.labels.dtype == np.int64
    assert len(images) == 5


def test_an_integer_gives_one_image_and_its_label(root):
    image, label = ImageFolder(str(root), (4, 6))[3]
    assert image.shape == (3, 4, 6)
    assert image.dtype == np.float32
    assert label == 1
    np.testing.assert_allclose(image, 80 / 255, rtol=1e-6)


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(
    "indices", [[1, 3, 1], np.array([1, 3, 1]), slice(1, 3), [], np.ones(5, bool)]
)
def test_several_images_are_those_one_by_one(root, indices, cache):
    images = ImageFolder(root, 4, channels=1, cache=cache)
    for _ in range(2):
        batch, labels = images[indices]
        chosen = np.arange(5)[indices]
        assert batch.shape == (len(chosen), 1, 4, 4)
        for image, label, i in zip(batch, labels, chosen, strict=True):
            np.testing.assert_array_equal(image, images[i][0])
            assert label == images.labels[i]


def test_images_follow_the_default_dtype(root):
    tg.set_default_dtype("float64")
    try:
        assert ImageFolder(root, 4).arrays()[0].dtype == np.float64
    finally:
        tg.set_default_dtype("float32")


def test_all_images_at_once_make_a_dataset(root):
    images = ImageFolder(root, 4)
    data = ArrayDataset(*images.arrays(), classes=images.classes)
    assert data.arrays[0].shape == (5, 3, 4, 4)


def test_files_are_decoded_once_and_parts_share_the_cache(root, monkeypatch):
    decoded = []
    real = folder.pixels
    monkeypatch.setattr(folder, "pixels", lambda p, *rest: (decoded.append(p), real(p, *rest))[1])
    images = ImageFolder(root, 4)
    first, second = images.split(0.6, seed=0)
    assert (len(first), len(second)) == (3, 2)
    assert {*first.paths, *second.paths} == set(images.paths)
    assert first.classes == images.classes
    for part in first, second, images, images:
        part.arrays()
    assert sorted(decoded) == sorted(images.paths)
    for path, label in zip(second.paths, second.labels, strict=True):
        assert images.classes[label] == path.parent.name


def test_a_loader_reads_a_folder_in_a_thread_and_without_threads(root, monkeypatch):
    def epoch():
        return list(DataLoader(ImageFolder(root, 4), 2, shuffle=True, seed=0))

    threaded = epoch()

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for (x, y), (a, b) in zip(threaded, epoch(), strict=True):
        np.testing.assert_array_equal(x, a)
        np.testing.assert_array_equal(y, b)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_a_broken_file_is_named_and_left_out(root, name):
    whole = root / "rose" / name
    noise("RGB", (64, 64)).save(whole)
    whole.write_bytes(whole.read_bytes()[:-500])
    (root / "daisy" / "page.jpg").write_text("<html>")
    with pytest.warns(UserWarning, match="left out") as caught:
        images = ImageFolder(root, 4)
    assert [name in str(caught[1].message), "page.jpg" in str(caught[0].message)] == [True, True]
    assert caught[0].filename == __file__
    assert len(images) == 5


def test_a_file_that_breaks_later_is_named(root):
    images = ImageFolder(root, 4)
    images.paths[0].write_bytes(b"")
    with pytest.raises(FileError, match=r"c\.bmp is not an image, .*check the file"):
        images.arrays()
    images.paths[0].unlink()
    with pytest.raises(FileError, match=r"no image .*c\.bmp"):
        images[0]


def test_an_example_that_does_not_exist_is_named(root):
    with pytest.raises(IndexingError, match="there are 5, numbered from 0 to 4"):
        ImageFolder(root, 4)[5]


def test_a_missing_folder_is_named(root):
    with pytest.raises(FileError, match=r"no folder .*nowhere"):
        ImageFolder(root / "nowhere", 4)


def test_a_folder_without_class_folders_is_refused(root):
    with pytest.raises(FileError, match="one sub-folder of images per class"):
        ImageFolder(root / "rose", 4)


def test_a_class_without_images_is_named(root):
    (root / "tulip").mkdir()
    with pytest.raises(FileError, match="tulip holds no image: fill it or remove it"):
        ImageFolder(root, 4)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_pipe_is_not_waited_for(root):
    os.mkfifo(root / "rose" / "pipe.png")
    assert len(ImageFolder(root, 4)) == 5
    with pytest.raises(FileError, match=r"pipe\.png is not an image"):
        preprocess(root / "rose" / "pipe.png", 4)


@pytest.mark.parametrize("path", ["a\0b.png", "x" * 300, "x/" * 4000 + "a.png"])
def test_paths_that_cannot_be_are_named(path):
    with pytest.raises(FileError, match="is not an image"):
        preprocess(path, 4)
    with pytest.raises(FileError, match="there is no folder"):
        ImageFolder(path, 4)


@pytest.mark.parametrize("path", [b"photos", 3, None])
def test_what_is_no_path_is_no_folder(path):
    with pytest.raises(ArgumentError, match="is no path"):
        ImageFolder(path, 4)


def test_a_file_is_no_folder(root):
    with pytest.raises(FileError, match=r"no folder .*readme\.md: check its name"):
        ImageFolder(root / "readme.md", 4)


def test_a_class_of_broken_files_alone_is_named(root):
    (root / "tulip").mkdir()
    (root / "tulip" / "1.png").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match=r"1\.png is left out: it is not a whole image"),
        pytest.raises(FileError, match="tulip holds no image"),
    ):
        ImageFolder(root, 4)


def test_folders_instead_of_images_are_refused(root):
    with pytest.raises(FileError, match=r"holds folders instead of images: move .* up, or give"):
        ImageFolder(root.parent, 4)


def test_folders_beside_images_are_named_in_a_warning(root):
    (root / "rose" / "garden.png").mkdir()  # a folder, whatever its name says
    with pytest.warns(UserWarning, match="rose are not looked into: move their images") as caught:
        images = ImageFolder(root, 4)
    assert [caught[0].filename, len(caught), len(images)] == [__file__, 1, 5]


def test_an_unreadable_folder_is_named(root, monkeypatch):
    real = Path.iterdir

    def iterdir(path):
        if path.name == "rose":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(FileError, match=r"rose cannot be read .*denied.*: check who may read it"):
        ImageFolder(root, 4)


def test_an_unreadable_file_is_named_and_left_out(root, monkeypatch):
    real = Image.open

    def refuse(path, *rest):
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.warns(UserWarning, match=r"a\.png is left out.*denied"):
        assert len(ImageFolder(root, 4)) == 4


def test_a_link_to_nothing_is_named_and_left_out(root):
    (root / "rose" / "link.png").symlink_to(root / "nowhere.png")
    with pytest.warns(UserWarning, match=r"link\.png is left out"):
        assert len(ImageFolder(root, 4)) == 5


def test_copies_of_an_image_are_images_of_their_own(root):
    (root / "daisy" / "copy.PNG").write_bytes((root / "rose" / "a.png").read_bytes())
    images = ImageFolder(root, 4)
    assert [path.name for path in images.paths][:2] == ["c.bmp", "copy.PNG"]
    np.testing.assert_array_equal(images[1][0], images[4][0])
    assert (images.labels[1], images.labels[4]) == (0, 1)


@pytest.mark.skipif(sys.getfilesystemencoding() == "ascii", reason="files have no accents here")
def test_names_may_hold_spaces_and_accents(tmp_path):
    for name in ("fleur d'été", "\u00e9glantine {x}"):
        (tmp_path / name).mkdir()
        Image.new("L", (3, 3), 51).save(tmp_path / name / "à côté %s.png")
    images = ImageFolder(tmp_path, 2, 1)
    assert images.classes == ("fleur d'été", "\u00e9glantine {x}")
    np.testing.assert_allclose(images.arrays()[0], 0.2)


@pytest.mark.parametrize("size", [(7, 3), (3, 7), (50, 20)])
@pytest.mark.parametrize("source", [(12, 8), (1, 1), (300, 2)])
def test_any_size_becomes_any_other(tmp_path, size, source):
    (tmp_path / "a").mkdir()
    noise("RGB", source).save(tmp_path / "a" / "1.png")
    assert ImageFolder(tmp_path, size).arrays()[0].shape == (1, 3, *size)


def test_loaders_in_several_threads_may_share_the_cache(root, monkeypatch):
    wanted = ImageFolder(root, 4).arrays()[0]
    for _ in range(10):
        images = ImageFolder(root, 4)
        together, found = threading.Barrier(4), {}

        def work(i, images=images, together=together, found=found):
            together.wait(30)
            loader = DataLoader(images, 2, prefetch=i % 3)
            found[i] = [np.concatenate([x for x, _y in loader]) for _ in range(2)]

        workers = [threading.Thread(target=work, args=[i]) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        for i in range(4):
            for epoch in found[i]:
                np.testing.assert_array_equal(epoch, wanted)


@pytest.mark.parametrize("size", [0, (4, 0), (4,), (4, 4, 4), 2.5, (2.5, 3), "44", None])
def test_a_size_is_whole_numbers(root, size):
    with pytest.raises(ArgumentError, match="size is an integer of at least 1, or two"):
        ImageFolder(root, size)


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_channels_are_1_or_3(root, channels):
    with pytest.raises(ArgumentError, match="channels is one of 1, 3"):
        ImageFolder(root, 4, channels)


def test_a_missing_pillow_says_what_to_install(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r'pillow\. .*"tinygrad_fr\[data\]"'):
        ImageFolder(root, 4)


def test_importing_data_imports_nothing_heavy():
    code = (
        "import sys, tinygrad_fr.data\n"
        "print({'PIL', 'sklearn', 'concurrent.futures.thread'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


# --- one image -------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("RGB", 1), ("L", 1), ("L", 3)])
def test_preprocess_is_pillows_conversion_and_resizing(mode, channels):
    image = noise(mode)
    wanted = image.convert("L" if channels == 1 else "RGB").resize(
        (5, 4), Image.Resampling.BILINEAR
    )
    wanted = np.asarray(wanted).reshape(4, 5, channels).transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(preprocess(image, (4, 5), channels), wanted)


def test_preprocess_of_a_file_is_that_of_the_folder(root):
    images = ImageFolder(root, 4)
    np.testing.assert_array_equal(preprocess(str(images.paths[3]), 4), images[3][0])


def test_photographs_are_turned_upright(tmp_path):
    image = noise("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    image.save(tmp_path / "turned.png", exif=exif)
    upright = image.transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(preprocess(tmp_path / "turned.png", 8), preprocess(upright, 8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_ways_to_hold_a_camera_are_turned_upright(tmp_path, orientation):
    """A photograph in the corner (0, 0) of which is a white square, stored as the camera would."""
    upright = Image.new("L", (40, 24))
    upright.paste(255, (0, 0, 8, 8))
    methods = Image.Transpose
    stored = {
        2: methods.FLIP_LEFT_RIGHT, 3: methods.ROTATE_180, 4: methods.FLIP_TOP_BOTTOM,
        5: methods.TRANSPOSE, 6: methods.ROTATE_90, 7: methods.TRANSVERSE, 8: methods.ROTATE_270,
    }  # fmt: skip
    image = upright.transpose(stored[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    found = preprocess(tmp_path / "photo.jpg", (24, 40), 1)
    np.testing.assert_allclose(found, preprocess(upright, (24, 40), 1), atol=0.05)


MODES = [
    ("1", "png"), ("L", "png"), ("LA", "png"), ("P", "png"), ("P", "gif"), ("RGB", "png"),
    ("RGB", "JPG"), ("RGBA", "png"), ("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "tiff"),
    ("LAB", "tif"), ("I;16", "png"), ("I;16", "tif"), ("I", "tif"), ("F", "tif"), ("RGB", "bmp"),
    ("RGBA", "webp"), ("RGB", "ppm"), ("L", "pgm"), ("L", "jpeg"),
]  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("mode", "suffix"), MODES)
def test_a_folder_may_hold_every_kind_of_image(tmp_path, mode, suffix, channels):
    """Left half black, right half white, in every mode."""
    grey = np.zeros((8, 16), np.uint8)
    grey[:, 8:] = 255
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "LAB":
        flat = np.full_like(grey, 128)
        image = Image.merge("LAB", [Image.fromarray(plane) for plane in (grey, flat, flat)])
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a" / f"1.{suffix}")
    if mode == "YCbCr" and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow below 13 cannot read the TIFF of this mode that it writes")
    images = ImageFolder(tmp_path, (4, 8), channels).arrays()[0]
    assert images.shape == (1, channels, 4, 8)
    np.testing.assert_allclose(images[..., :3], 0, atol=0.02)
    np.testing.assert_allclose(images[..., 5:], 1, atol=0.02)


def test_a_moving_image_gives_its_first_frame(tmp_path):
    frames = [Image.new("L", (4, 4), value) for value in (51, 255)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(preprocess(tmp_path / "film.gif", 2, 1), 0.2, atol=0.01)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_large_photograph_is_what_it_is_decoded_in_full(tmp_path, mode):
    small = noise("RGB", (40, 30)).resize((1600, 1200), Image.Resampling.BICUBIC).convert(mode)
    small.save(tmp_path / "large.jpg", quality=95)
    with Image.open(tmp_path / "large.jpg") as opened:
        opened.load()
        for size in (28, (20, 64), 299, 700):
            whole = preprocess(opened, size)
            found = preprocess(tmp_path / "large.jpg", size)
            np.testing.assert_allclose(found, whole, atol=0.02)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path, mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    image.save(tmp_path / "drawing.png")
    assert preprocess(tmp_path / "drawing.png", 4).min() == 1


def test_grey_of_16_bits_is_not_clipped(tmp_path):
    grey = np.linspace(0, 65535, 16).astype(np.uint16).reshape(4, 4)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_allclose(preprocess(tmp_path / "grey.png", 4, 1)[0], grey / 65535, atol=0.01)


def test_other_things_are_not_images():
    with pytest.raises(DTypeError, match="Pillow image or the path of a file, not ndarray"):
        preprocess(np.ones((4, 4)), 4)


# --- the flowers -----------------------------------------------------------------------------


@pytest.mark.skipif(not FLOWERS.is_dir(), reason="needs shared/data/flowers")
def test_the_flowers_are_read():
    images = ImageFolder(FLOWERS, 50, channels=1)
    assert images.classes == ("daisy", "dandelion", "rose", "sunflower", "tulip")
    pixels, labels = images.arrays()
    assert pixels.shape == (len(labels), 1, 50, 50)
    assert 0 <= pixels.min() < 0.2 < 0.8 < pixels.max() <= 1


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[0.0, 1.0], [0.5, 0.25]], np.float32), [0.0, 1.0, 0.5, 0.25]),
        (np.array([[0, 65535], [32768, 16384]], np.int32), [0.0, 1.0, 0.5, 0.25]),
        (np.array([[0, 255], [128, 64]], np.int32), [0.0, 1.0, 0.5, 0.25]),
    ],
)
def test_images_of_wide_numbers_keep_their_shades(tmp_path, pixels, expected):
    Image.fromarray(pixels).save(tmp_path / "wide.tif")
    found = preprocess(tmp_path / "wide.tif", 2, 1)
    np.testing.assert_allclose(found.ravel(), expected, atol=0.005)
