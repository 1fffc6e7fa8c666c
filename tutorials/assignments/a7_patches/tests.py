import numpy as np
from solution import nine_patches, receptive_box, receptive_field, top_nine

from nst_numpy import look
from nst_numpy.course import expect

conv, pool = (3, 1, 1), (2, 2, 0)
RELU2_1 = [conv, conv, pool, conv]
RELU3_1 = [conv, conv, pool, conv, conv, pool, conv]

# %% a7.field
expect.same(receptive_field([]), (1, 1, 0), "receptive_field of no layer")
expect.same(receptive_field([conv]), (3, 1, -1), "receptive_field of relu1_1")
expect.same(receptive_field(RELU2_1), (10, 2, -4), "receptive_field of relu2_1")
### BEGIN HIDDEN TESTS
expect.same(receptive_field(RELU3_1), (24, 4, -10), "receptive_field of relu3_1")
expect.same(receptive_field([(7, 3, 2), (5, 2, 1)]), (19, 6, -5), "receptive_field of other layers")
### END HIDDEN TESTS

# %% a7.box
expect.same(receptive_box(RELU2_1, 5, 6, 32, 32), (6, 8, 16, 18), "receptive_box of a unit inside")
expect.same(receptive_box(RELU2_1, 0, 15, 32, 32), (0, 26, 6, 32), "receptive_box in a corner")
### BEGIN HIDDEN TESTS
for row, col in [(0, 0), (10, 3), (13, 19), (5, 0)]:
    want = look.receptive_box("relu3_1", row, col, (56, 80))
    expect.same(receptive_box(RELU3_1, row, col, 56, 80), want, "receptive_box of relu3_1")
### END HIDDEN TESTS

# %% a7.nine
maps = np.zeros((3, 2, 3))
maps[0, 1, 2], maps[1, 0, 1], maps[1, 1, 0], maps[2, 1, 1] = 5, 7, 6, 6
expect.same(
    top_nine(maps.copy(), k=2),
    [(1, 0, 1), (2, 1, 1)],
    "top_nine(maps, k=2), with one place a picture",
)
expect.same(
    np.shape(top_nine(maps.copy())), (3, 3), "the shape of top_nine(maps) with three pictures"
)
### BEGIN HIDDEN TESTS
maps = np.random.default_rng(71441).integers(0, 40, (20, 4, 6)).astype(float)
flat = maps.reshape(20, -1)
order = sorted(range(20), key=lambda n: -flat[n].max())[:9]
want = [(n, *divmod(list(flat[n]).index(flat[n].max()), 6)) for n in order]
n, place = min(((n, int(flat[n].argmin())) for n in range(20)), key=lambda p: flat[p[0]][p[1]])
lowest = (n, *divmod(place, 6))
expect.same(top_nine(maps.copy()), want, "top_nine of twenty pictures, some equally strong")
expect.same(top_nine(-1 - maps)[0], lowest, "top_nine of maps below 0")
### END HIDDEN TESTS

# %% a7.cut
maps = np.zeros((2, 8, 8))
maps[0, 3, 4], maps[1, 0, 0] = 1, 2
pictures = np.arange(2 * 16 * 16 * 3).reshape(2, 16, 16, 3)
handed = pictures.copy(), maps.copy(), list(RELU2_1)
patches = expect.parts(nine_patches(*handed), 2, "nine_patches of two pictures")
expect.same(patches[0], pictures[1, 0:6, 0:6], "the strongest patch, in a corner")
expect.same(patches[1], pictures[0, 2:12, 4:14], "the second patch")
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(71442)
pictures, maps = (
    rng.integers(0, 256, (12, 40, 48, 3)),
    rng.permutation(12 * 120).reshape(12, 10, 12),
)
handed = pictures.copy(), maps.copy(), list(RELU3_1)
patches = expect.parts(nine_patches(*handed), 9, "nine_patches of twelve pictures")
best = np.argsort(-maps.reshape(12, -1).max(axis=1))
for patch, n in zip(patches, best[:9], strict=True):
    row, col = divmod(int(maps[n].argmax()), 12)
    box = look.receptive_box("relu3_1", row, col, (40, 48))
    expect.same(patch, pictures[n, box.top : box.bottom, box.left : box.right], "a patch")
### END HIDDEN TESTS
