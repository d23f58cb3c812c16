"""Random transforms of batches of images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_fr.data import RandomCrop, RandomHorizontalFlip, RandomRotation, RandomShift
from tinygrad_fr.errors import ArgumentError, DTypeError, ShapeError

FILLS = pytest.mark.parametrize("fill", ["reflect", "edge", 0.5])
ALL = [
    RandomHorizontalFlip(),
    RandomShift(2),
    RandomShift((0, 3), fill="edge"),
    RandomCrop((3, 4)),
    RandomCrop(5, padding=2, fill=0),
    RandomRotation(30),
    RandomRotation((-5, 20), fill=1.0),
]
batches = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=4, max_dims=4, max_side=6),
    elements=st.floats(-1, 1, width=32),
)


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(n=5, channels=3, height=6, width=8, dtype=np.float32):
    return rng().random((n, channels, height, width)).astype(dtype)


def same_up_to_order(a, b):
    np.testing.assert_array_equal(np.sort(a, axis=None), np.sort(b, axis=None))


# --- all of them -----------------------------------------------------------------------------


@pytest.mark.parametrize("transform", ALL, ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_batch_is_left_alone_and_its_dtype_kept(transform, dtype):
    images = noise(dtype=dtype)
    before = images.copy()
    images.flags.writeable = False
    result = transform(images, rng())
    assert result.dtype == dtype
    assert result.shape[:2] == images.shape[:2]
    assert not np.shares_memory(result, images)
    np.testing.assert_array_equal(images, before)
    if not isinstance(transform, RandomCrop):
        assert result.shape == images.shape


@pytest.mark.parametrize("transform", ALL, ids=str)
def test_the_generator_decides_alone(transform):
    images = noise(30)
    np.testing.assert_array_equal(transform(images, rng(1)), transform(images, rng(1)))
    assert (transform(images, rng(1)) != transform(images, rng(2))).any()


@pytest.mark.parametrize("transform", ALL, ids=str)
def test_each_image_has_a_fate_of_its_own(transform):
    images = np.repeat(noise(1), 50, axis=0)
    assert len(np.unique(transform(images, rng()), axis=0)) > 1


@pytest.mark.parametrize("transform", ALL, ids=str)
def test_the_layout_in_memory_does_not_matter(transform):
    images = noise()
    channels_last = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(transform(channels_last, rng()), transform(images, rng()))


@pytest.mark.parametrize("transform", ALL, ids=str)
@pytest.mark.parametrize("n", [0, 1])
def test_a_batch_may_be_small(transform, n):
    assert len(transform(noise(n), rng())) == n


@pytest.mark.parametrize("transform", ALL, ids=str)
def test_a_transform_wants_a_batch_of_floating_images(transform):
    with pytest.raises(ShapeError, match=r"batch of images \(N, C, H, W\), not \(6, 8\): add axes"):
        transform(noise()[0, 0], rng())
    with pytest.raises(DTypeError, match="floating images, not uint8: divide bytes by 255"):
        transform(noise().astype(np.uint8), rng())


# --- flip ------------------------------------------------------------------------------------


@given(images=batches, p=st.floats(0, 1))
def test_a_flip_keeps_the_pixels_of_each_image(images, p):
    for before, after in zip(images, RandomHorizontalFlip(p)(images, rng()), strict=True):
        same_up_to_order(before, after)
        assert (after == before).all() or (after == before[..., ::-1]).all()


@given(images=batches, p=st.floats(0, 1), seed=st.integers(0, 9))
def test_two_equal_flips_undo_each_other(images, p, seed):
    flip = RandomHorizontalFlip(p)
    np.testing.assert_array_equal(flip(flip(images, rng(seed)), rng(seed)), images)


@given(images=batches)
def test_p_0_flips_nothing_and_p_1_everything(images):
    np.testing.assert_array_equal(RandomHorizontalFlip(0)(images, rng()), images)
    np.testing.assert_array_equal(RandomHorizontalFlip(1)(images, rng()), images[..., ::-1])


def test_the_share_of_flipped_images_is_p():
    images = np.tile(np.array([0.0, 1.0]), (10_000, 1, 1, 1))
    flipped = RandomHorizontalFlip(0.3)(images, rng())[:, 0, 0, 0]
    assert abs(flipped.mean() - 0.3) < 0.02


# --- shift -----------------------------------------------------------------------------------


@FILLS
@given(images=batches)
def test_a_shift_by_0_changes_nothing(fill, images):
    np.testing.assert_array_equal(RandomShift(0, fill)(images, rng()), images)


@FILLS
def test_each_image_moves_by_whole_pixels(fill):
    images = noise(60, 2, 5, 7)
    how = {"mode": fill} if isinstance(fill, str) else {"constant_values": fill}
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (3, 3)), **how)
    seen = set()
    for i, after in enumerate(RandomShift((2, 3), fill)(images, rng())):
        places = [
            (y, x)
            for y in range(5)
            for x in range(7)
            if (padded[i, :, y : y + 5, x : x + 7] == after).all()
        ]
        assert len(places) == 1
        seen.update(places)
    assert {y for y, _ in seen} == set(range(5))
    assert {x for _, x in seen} == set(range(7))


def test_a_shift_moves_all_channels_alike():
    images = np.repeat(noise(9, 1), 3, axis=1)
    result = RandomShift(3)(images, rng())
    np.testing.assert_array_equal(result[:, 0], result[:, 2])


# --- crop ------------------------------------------------------------------------------------


@given(
    images=batches,
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    padding=st.integers(0, 3),
)
def test_a_crop_has_its_size_or_is_refused(images, size, padding):
    crop = RandomCrop(size, padding)
    height, width = images.shape[2:]
    if size[0] > height + 2 * padding or size[1] > width + 2 * padding:
        with pytest.raises(ShapeError, match=r"does not fit into images of .*smaller size, or"):
            crop(images, rng())
    else:
        assert crop(images, rng()).shape == (*images.shape[:2], *size)


@given(images=batches)
def test_a_crop_of_the_whole_image_changes_nothing(images):
    np.testing.assert_array_equal(RandomCrop(images.shape[2:])(images, rng()), images)


def test_a_crop_is_a_piece_of_the_image():
    images = noise(20)
    for before, after in zip(images, RandomCrop(3)(images, rng()), strict=True):
        pieces = np.lib.stride_tricks.sliding_window_view(before, (3, 3), (1, 2))
        assert any((pieces[:, y, x] == after).all() for y in range(4) for x in range(6))


# --- rotation --------------------------------------------------------------------------------


@FILLS
@given(images=batches)
def test_a_rotation_by_0_changes_nothing(fill, images):
    np.testing.assert_array_equal(RandomRotation(0, fill)(images, rng()), images)


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3, 4])
def test_quarters_of_a_turn_are_those_of_numpy(quarters):
    images = noise(height=6, width=6, dtype=np.float64)
    turned = RandomRotation((90 * quarters, 90 * quarters))(images, rng())
    np.testing.assert_allclose(turned, np.rot90(images, quarters, (2, 3)), atol=1e-12)


@FILLS
@given(images=batches, degrees=st.floats(0, 180))
def test_a_rotation_invents_no_values(fill, images, degrees):
    turned = RandomRotation(degrees, fill)(images, rng())
    outside = [] if isinstance(fill, str) else [fill]
    assert turned.min() >= min([images.min(), *outside]) - 1e-6
    assert turned.max() <= max([images.max(), *outside]) + 1e-6


@FILLS
def test_an_even_image_stays_even_inside(fill):
    images = np.full((4, 1, 20, 20), 0.5)
    np.testing.assert_allclose(RandomRotation(40, fill)(images, rng()), 0.5, rtol=1e-12)


def test_angles_go_to_the_largest_in_both_directions():
    """The angle is read off a slope, which rotation turns."""
    x = np.mgrid[-10.0:11, -10.0:11][1]
    images = np.broadcast_to(x, (200, 1, 21, 21)).copy()
    turned = RandomRotation(15, "edge")(images, rng())[:, 0]
    angles = np.degrees(np.arctan2(turned[:, 10, 10] - turned[:, 11, 10], turned[:, 10, 11]))
    assert -15 <= angles.min() < -14
    assert 14 < angles.max() <= 15


@pytest.mark.parametrize(
    ("fill", "mode"), [("edge", "border"), ("reflect", "reflection"), (0, "zeros")]
)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 12)])
def test_a_rotation_is_pytorchs_grid_sample(fill, mode, height, width):
    torch = pytest.importorskip("torch")
    images = noise(1, 2, height, width, np.float64)
    angle = 25.0
    turned = RandomRotation((angle, angle), fill)(images, rng())
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    grid = np.stack(
        [(x * cos - y * sin) * 2 / (width - 1), (x * sin + y * cos) * 2 / (height - 1)], -1
    )
    wanted = torch.nn.functional.grid_sample(
        torch.tensor(images), torch.tensor(grid[None]), padding_mode=mode, align_corners=True
    )
    np.testing.assert_allclose(turned, wanted.numpy(), atol=1e-12)


# --- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomHorizontalFlip(1.5), "p lies between 0 and 1, not 1.5"),
        (lambda: RandomHorizontalFlip(float("nan")), "p lies between 0 and 1"),
        (lambda: RandomHorizontalFlip("half"), "p lies between 0 and 1, not 'half'"),
        (
            lambda: RandomShift(-1),
            "pixels is an integer of at least 0, or two",
        ),
        (lambda: RandomShift(2.5), "pixels is an integer"),
        (lambda: RandomShift((1, 2, 3)), "pixels is an integer"),
        (lambda: RandomShift(2, fill="zeros"), 'fill is "reflect", "edge" or a number, not \'zer'),
        (lambda: RandomShift(2, fill=None), "fill is"),
        (lambda: RandomCrop(0), "size is an integer of at least 1, or two"),
        (lambda: RandomCrop(3, padding=-1), "padding is an integer of at least 0"),
        (lambda: RandomCrop(3, fill=float("inf")), "fill is .* not inf"),
        (lambda: RandomRotation(-10), r"an angle from 0 on, or \(from, to\), not -10"),
        (lambda: RandomRotation((10, -10)), r"or \(from, to\), not \(10, -10\)"),
        (lambda: RandomRotation((1, 2, 3)), "degrees is"),
        (lambda: RandomRotation("10"), "degrees is .* not '10'"),
        (lambda: RandomRotation(10, fill="wrap"), "fill is"),
    ],
)
def test_wrong_arguments_are_refused_at_once(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_a_transform_says_what_it_is():
    assert repr(RandomCrop(3, 1)) == "RandomCrop(size=3, padding=1, fill='reflect')"
