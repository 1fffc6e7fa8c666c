"""VGG-16 and VGG-19 as lists of rows: Simonyan and Zisserman (2015).

Every convolution is 3×3, stride 1, pad 1; every pool is 2×2. `convX_Y` names the activation
before the ReLU, `reluX_Y` after it, `poolX` after the pool.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.notes import note
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.network import EngineName, Network
from nst_numpy.rows import AvgPool, Conv, LayerParams, MaxPool, ReLU, Row
from nst_numpy.weights import BLOCKS, read_weights

PoolKind = Literal["avg", "max"]
POOLS: dict[PoolKind, type[Row]] = dict(zip(get_args(PoolKind), (AvgPool, MaxPool), strict=True))
SIZE = 224  # pixels of the pictures that it was trained with; any other will do


def vgg_rows(blocks: Sequence[Sequence[int]], pool: PoolKind = "avg") -> dict[str, Row]:
    """List the rows of a VGG, given each block's convolutions by their number of filters.

    >>> list(vgg_rows([[64], [128, 128]]))
    ['conv1_1', 'relu1_1', 'pool1', 'conv2_1', 'relu2_1', 'conv2_2', 'relu2_2', 'pool2']
    """
    rows: dict[str, Row] = {}
    for block, filters in enumerate(blocks, start=1):
        for i, count in enumerate(filters, start=1):
            rows[f"conv{block}_{i}"] = Conv(count, 3, pad=1)
            rows[f"relu{block}_{i}"] = ReLU()
        rows[f"pool{block}"] = POOLS[pool](2)  # type: ignore[call-arg]
    return rows


VGG16, VGG19 = (
    vgg_rows([[filters] * count for count, filters in BLOCKS[name]]) for name in ("vgg16", "vgg19")
)


class VGG(Network):
    """A fixed VGG: activations of a picture, and gradients back to its pixels.

    Parameters
    ----------
    params : mapping of str to (kernel, bias)
        `conv1_1`, `conv1_2`, …: kernels (3, 3, C_in, C_out), biases (C_out,), all of one
        floating dtype, which decides the precision of everything. They cannot be written to
        through the network.
    pool : {"avg", "max"}
        The paper's choice for pictures is "avg"; the network was trained with "max".
    engine : {"fused", "plain"}
        "plain" is the definition, two loops; "fused" the same, fast.
    """

    cast_remedy = "use preprocess(image, dtype=np.{dtype})"

    def __init__(
        self,
        params: Mapping[str, LayerParams],
        pool: PoolKind = "avg",
        engine: EngineName = "fused",
    ) -> None:
        if pool not in POOLS:
            kinds = " or ".join(map(repr, POOLS))
            raise SettingError(f"VGG: pool must be {kinds}, not {pool!r}")
        self.pool = pool
        blocks: dict[str, list[int]] = {}
        for name, (w, _) in params.items():
            blocks.setdefault(name.partition("_")[0], []).append(w.shape[-1])
        layers = vgg_rows(list(blocks.values()), pool)
        expected = [name for name, row in layers.items() if isinstance(row, Conv)]
        if not params or list(params) != expected:
            given = ", ".join(params) or "nothing"
            names = ", ".join(expected) or "conv1_1, conv1_2 and so on"
            raise ShapeError(f"VGG: params must be named {names}, not {given}")
        w, _ = next(iter(params.values()))
        if w.ndim != 4:
            raise ShapeError(f"VGG, conv1_1: w must be (3, 3, C_in, C_out), not {w.shape}")
        side = max(SIZE, 2 ** len(blocks))
        fixed = {name: (_fixed(w), _fixed(b)) for name, (w, b) in params.items()}
        super().__init__(layers, fixed, (side, side, w.shape[2]), dtype=w.dtype, engine=engine)

    @property
    def table(self) -> dict[str, Row]:
        """The rows by name, under their former name."""
        return self.layers

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        pool: PoolKind = "avg",
        dtype: DTypeLike = np.float32,
        engine: EngineName = "fused",
        *,
        quiet: bool = False,
    ) -> "VGG":
        """Read a VGG-16 or VGG-19 from an HDF5 or .npz file; None is the bundled VGG-16.

        Files of Keras 1, 2 and 3 are read, those of Theano, a VGG within another model, float16:
        see `load_weights`. Where kernels had to be brought into our form, a line on stderr says
        what was recognised and done, unless `quiet`.

        Raises
        ------
        WeightsError
            If the file is missing, corrupt or of another network.
        """
        loaded = read_weights(path, dtype=dtype)
        if loaded.note and not quiet:
            note(loaded.note)
        return cls(loaded.params, pool, engine)

    @classmethod
    def random(
        cls,
        channels: Sequence[int],
        rng: np.random.Generator,
        *,
        convolutions: Sequence[int] | None = None,
        pool: PoolKind = "avg",
        dtype: DTypeLike = np.float64,
        engine: EngineName = "fused",
    ) -> "VGG":
        """Make a small VGG with random filters: one number of channels a block.

        For tests and lessons. Filters are scaled so that activations keep their size
        (He et al. 2015).
        """
        counts = [1] * len(channels) if convolutions is None else convolutions
        params, c_in = {}, 3
        for block, (count, c_out) in enumerate(zip(counts, channels, strict=True), start=1):
            for i in range(1, count + 1):
                w = rng.standard_normal((3, 3, c_in, c_out)) * np.sqrt(2 / (9 * c_in))
                b = 0.1 * rng.standard_normal(c_out)
                params[f"conv{block}_{i}"] = (w.astype(dtype), b.astype(dtype))
                c_in = c_out
        return cls(params, pool, engine)


def _fixed(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
