"""Who is told of a run under way: the progress bar, the snapshots, a caller's own function."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nst_numpy.common.arrays import Array, Image
from nst_numpy.common.checks import is_whole
from nst_numpy.common.progress import bar, in_notebook
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.files import check_folder
from nst_numpy.optimize import asks_to_stop
from nst_numpy.pictures.embedding import jpeg
from nst_numpy.pictures.images import deprocess, save_image


@dataclass
class Progress:
    """What a callback is told after each iteration, over all scales.

    Attributes
    ----------
    iteration, iterations : int
        Done, and to do in all, at most: a scale that ends early makes them fewer.
    loss : float
        J of the picture so far, and `terms` its parts.
    seconds : float
        Since the run started.
    x : ndarray, (1, H, W, 3)
        The picture so far, as the network reads it.
    canvas : ndarray, (1, H + 2·margin, W + 2·margin, 3), optional
        The picture and its margin: J is that of the canvas.
    """

    iteration: int
    iterations: int
    loss: float
    terms: dict[str, float]
    seconds: float
    x: Array
    canvas: Array | None = None

    @property
    def image(self) -> Image:
        """The picture so far, uint8 (H, W, 3)."""
        return deprocess(self.x)

    @property
    def entry(self) -> dict[str, Any]:
        """What a run's history keeps of it, ready for JSON."""
        _, height, width, _ = self.x.shape
        return {
            "iteration": self.iteration,
            "height": height,
            "width": width,
            "loss": self.loss,
            "terms": self.terms,
            "seconds": round(self.seconds, 3),
        }


Callback = Callable[[Progress], object]


def tell(callbacks: Sequence[Callback], progress: Progress) -> bool:
    """Tell every callback, also after one that asks to stop; return whether one of them did."""
    answers = [callback(progress) for callback in callbacks]
    return any(map(asks_to_stop, answers))


@contextmanager
def progress_bar(iterations: int, *, shown: bool) -> Iterator[Callback]:
    """Show a bar for a run, with the time left; yield the callback that moves it on."""
    with bar("it", total=iterations, shown=shown) as steps:
        yield bar_updater(steps)


def bar_updater(steps: "tqdm[Any]") -> Callback:
    """Make a callback that moves a progress bar on, with the loss beside it."""

    def update(progress: Progress) -> None:
        steps.set_postfix_str(f"loss {progress.loss:.4g}", refresh=False)
        steps.total = min(steps.total, progress.iterations)
        steps.update()

    return update


def notebook_painter(every: float = 0.5) -> Callback:
    """Make a callback that repaints the picture below a notebook's cell as it grows.

    Parameters
    ----------
    every : float
        Seconds between two pictures, at least.

    Raises
    ------
    SettingError
        Outside a notebook.
    """
    if not in_notebook():
        raise SettingError(
            "show=True repaints the picture in a notebook, and this is none: use "
            "snapshot_every=… and snapshot_folder=… to see it grow"
        )
    from IPython.display import Image as Shown
    from IPython.display import display

    place = None
    last = -math.inf

    def paint(progress: Progress) -> None:
        nonlocal place, last
        if time.monotonic() - last < every and progress.iteration < progress.iterations:
            return
        last = time.monotonic()
        drawn = Shown(data=jpeg(progress.image), format="jpeg")
        if place is None:
            place = display(drawn, display_id=True)
        else:
            place.update(drawn)

    return paint


def snapshot_saver(every: int | None, folder: str | Path | None) -> Callback:
    """Make a callback that saves every n-th picture as folder/00010.png, folder/00020.png.

    One that cannot be written does not end the run: the first of them is a warning.

    Raises
    ------
    SettingError
        If `every` is less than 1 or one of the two is missing.
    OutputError
        If the folder cannot be made or written.
    """
    if every is None or folder is None or not is_whole(every):
        raise SettingError("snapshots need both: snapshot_every of at least 1, and snapshot_folder")
    place = check_folder(folder)

    warned = False

    def save(progress: Progress) -> None:
        nonlocal warned
        if progress.iteration % every:
            return
        try:
            save_image(place / f"{progress.iteration:05d}.png", progress.image)
        except OutputError as error:
            if not warned:
                warned = True
                warnings.warn(
                    f"a snapshot is missing, and the run goes on: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )

    return save
