"""One pair of pictures, painted with each combination of several settings.

What has several values is an axis. The pictures stand in a grid, which `figures.sheet_figure`
draws: the first axis goes to the right, the second down; a third and a fourth repeat that, beside
and below.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from nst_numpy.common.progress import bar
from nst_numpy.errors import NstError, OutputError, SettingError
from nst_numpy.files import PathLike, write_json
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.measure.judgement import Judge
from nst_numpy.objective import AnyNetwork
from nst_numpy.pictures.images import Picture, as_exact, load_image, save_image
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.pictures.starts import is_start
from nst_numpy.presets import preset_settings
from nst_numpy.settings import Settings, refuse_unknown, show_settings
from nst_numpy.style_transfer import Run
from nst_numpy.sweeps.cells import AXES, Cell, axis_values, distinct, file_name, picture_name
from nst_numpy.sweeps.jobs import Done, paint_each, survey
from nst_numpy.sweeps.shelf import Shelf, array_digest, network_digest, shortest
from nst_numpy.vgg import VGG
from nst_numpy.weights.digests import sha256

MOST_AXES = 4
MOST_CELLS = 200  # a sheet of more is larger than a JPEG may be


class Grid:
    """A sweep over settings: planned when it is made, painted by `paint`.

    Parameters
    ----------
    content : path, name of a sample, or ndarray, uint8 (H, W, 3)
    style : one of these, or a list of them
        Several paintings are an axis.
    folder : path, optional
        Each picture is saved there, and what is there already is not painted again.
    weights, vgg
        As in `nst_numpy.transfer`.
    progress : bool
        Show a bar while pictures are read.
    **settings
        As in `Settings`, and "preset". Those of `AXES` may be lists; layers are then a list of
        mappings. What is given beside a preset counts more.

    Attributes
    ----------
    axes : dict of str to list
        The values of what varies, in the order of `AXES`.
    cells : list of Cell
        Row by row.
    rows, columns : list of str
        Which axes go down and to the right, the outer one first.
    expected_seconds : float
        Of all that is to be painted, if no run settles.
    stopped : bool
        Whether Ctrl-C ended it.

    Raises
    ------
    SettingError, UnknownNameError, ImageError, WeightsError
        Before the work starts.
    """

    def __init__(
        self, content: Picture, style: Picture | list[Picture], *,
        folder: PathLike | None = None, weights: PathLike | None = None,
        vgg: AnyNetwork | None = None, progress: bool = False, **settings: Any,
    ) -> None:  # fmt: skip
        styles = list(style) if isinstance(style, (list, tuple)) else [style]
        if vgg is not None:
            settings |= {k: getattr(vgg, k) for k in ("pool", "engine") if hasattr(vgg, k)}
        self.names = [picture_name(content), *distinct(list(map(picture_name, styles)))]
        given: dict[str, Any] = {"style": list(range(len(styles)))} | settings
        values = {name: axis_values(name, given[name]) for name in AXES if name in given}
        fixed = {name: value for name, value in settings.items() if name not in AXES}
        self.axes = {name: each for name, each in values.items() if len(each) > 1}
        self._check_axes()
        combined = [dict(zip(values, each, strict=True)) for each in product(*values.values())]
        self.cells = [self._cell(each, fixed) for each in combined]
        varied = list(self.axes)
        self.columns, self.rows = varied[2:3] + varied[:1], varied[3:4] + varied[1:2]
        if "style" in self.axes:
            self.axes["style"] = self.names[1:]
        self.cells.sort(key=self._position)
        self.content, self.styles = as_exact(content), [as_exact(each) for each in styles]
        self._given = content  # a file is decoded at the size asked for, as in a single run
        self._plan(weights, vgg, folder, progress=progress)

    # the plan

    def _check_axes(self) -> None:
        """Refuse what is no grid, and one that is too large."""
        count = 1
        for each in self.axes.values():
            count *= len(each)
        if not self.axes:
            raise SettingError(
                "grid: nothing varies: give two values or more of one of "
                f"{', '.join(AXES)}, as strength 30 and 60"
            )
        if len(self.axes) > MOST_AXES:
            raise SettingError(
                f"grid: {', '.join(self.axes)} vary: a sheet has at most {MOST_AXES} axes, give "
                "the others one value"
            )
        if count > MOST_CELLS:
            raise SettingError(
                f"grid: {count} pictures are too many for a sheet: at most {MOST_CELLS}, give "
                "fewer values"
            )

    def _cell(self, values: dict[str, Any], fixed: dict[str, Any]) -> Cell:
        """Make a cell; refuse settings that cannot work."""
        which, preset = values["style"], values.get("preset")
        said = fixed | {k: v for k, v in values.items() if k not in ("style", "preset")}
        settings = Settings(**(preset_settings(preset, said) if preset else {}) | said)
        shown = {name: values[name] for name in self.axes}
        if "style" in shown:
            shown["style"] = self.names[1 + which]
        return Cell(shown, settings, which)

    def _position(self, cell: Cell) -> tuple[int, ...]:
        """Return where a cell stands, as numbers to sort by: by rows, then by columns."""
        return tuple(
            cell.style if name == "style" else self.axes[name].index(cell.values[name])
            for name in (*self.rows, *self.columns)
        )

    def _plan(self, weights: PathLike | None, vgg: AnyNetwork | None, folder: PathLike | None,
              *, progress: bool) -> None:  # fmt: skip
        """Find what is there already, and what the rest will cost."""
        self.shelf = None if folder is None else Shelf(folder)
        first = self.cells[0].settings
        if any(cell.settings.pool != first.pool for cell in self.cells):
            raise SettingError("grid: the presets have several kinds of pooling: give one pool")
        self.weights = "bundled" if vgg is None and weights is None else str(weights or "given")
        if vgg is None:
            vgg = VGG.load(Path(weights) if weights else None, first.pool, engine=first.engine)
        self._vgg = vgg
        if self.shelf:
            self._look_for_pictures(self.shelf)
        names = distinct([cell.label for cell in self.cells])
        each = zip(names, self.cells, strict=True)
        to_do = {name: cell for name, cell in each if cell.state == "waiting"}
        # what needs one scale of the judge follows one another; small pictures come first
        by_size = sorted(to_do, key=lambda name: (to_do[name].settings.size, to_do[name].style))
        self._to_do = {name: to_do[name] for name in by_size}
        jobs = {name: partial(self._run, cell) for name, cell in self._to_do.items()}
        self._seconds, troubles = survey(jobs, progress=progress)
        for name, trouble in troubles.items():
            self._to_do[name].state, self._to_do[name].error = "failed", trouble
        self.stopped = False

    def _run(self, cell: Cell) -> Run:
        """Make the run of a cell."""
        return Run(cell.settings, self._vgg, self._given, self.styles[cell.style])

    def _look_for_pictures(self, shelf: Shelf) -> None:
        """Name each cell's file by what decides the picture; take what is there."""
        network = network_digest(self._vgg)
        digests = [array_digest(image.shape, image) for image in (self.content, *self.styles)]
        for cell in self.cells:
            init = cell.settings.init
            cell.made_by = {
                "settings": shortest(asdict(cell.settings)), "content": digests[0],
                "style": digests[1 + cell.style], "network": network,
                "init": None if is_start(init) else sha256(resolve_picture(init)),
            }  # fmt: skip
            cell.file = file_name([self.names[0], self.names[1 + cell.style]], cell)
            if shelf.has(cell.file, cell.made_by):
                cell.state, cell.about = "kept", shelf.about(cell.file)
                cell.image = load_image(shelf.folder / cell.file)

    @property
    def expected_seconds(self) -> float:
        """Time of all runs that are to be done, if none settles."""
        return sum(self._seconds.values())

    def count(self, state: str) -> int:
        """Count the cells of a state."""
        return sum(cell.state == state for cell in self.cells)

    def lines(self, names: list[str]) -> list[dict[str, Any]]:
        """List the values of each row, or of each column, in their order."""
        each = product(*(self.axes[name] for name in names))
        return [dict(zip(names, values, strict=True)) for values in each]

    # the work

    def paint(
        self,
        *,
        progress: bool = False,
        held: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        """Paint what is to be painted, and judge all; Ctrl-C leaves what there is.

        Parameters
        ----------
        progress : bool
            Show one bar over all, with the time left.
        held : callable
            Makes a context in which a file is written: one that lets Ctrl-C wait, say.

        Notes
        -----
        A picture that cannot be saved does not end the work: the first of them is a warning.
        """
        judge = _Judges(self)
        jobs = {name: partial(self._run, self._to_do[name]) for name in self._seconds}
        try:
            kept = [cell for cell in self.cells if cell.state == "kept"]
            for cell in bar("picture", kept, desc="judging", leave=False, shown=progress):
                judge(cell)
            for done in paint_each(jobs, self._seconds, progress=progress):
                self._take(self._to_do[done.name], done, held)
                self.stopped = done.stopped
                if done.finished:
                    judge(self._to_do[done.name])
        except KeyboardInterrupt:
            self.stopped = True

    def _take(
        self, cell: Cell, done: Done, held: Callable[[], AbstractContextManager[Any]]
    ) -> None:
        """Keep what came of a run."""
        cell.error = done.error
        cell.state = "failed" if done.error else "stopped" if done.stopped else "painted"
        result = done.result
        if result is None:
            return
        cell.image = result.image
        cell.about = {
            "loss": result.loss, "terms": result.terms, "iterations": result.iterations,
            "seconds": result.seconds, "stopped": result.message, "settings": result.settings,
        }  # fmt: skip
        if self.shelf and done.finished:
            try:
                with held():
                    save_image(self.shelf.folder / cell.file, cell.image)
                    self.shelf.add(cell.file, cell.made_by, cell.about)
            except OutputError as error:
                message = f"a picture is not kept, and the work goes on: {error}"
                warnings.warn(message, RuntimeWarning, stacklevel=3)
                self.shelf = None

    # what came of it

    @property
    def best(self) -> Cell | None:
        """The cell with the lowest score, if any was judged."""
        judged = [(c.judgement.score, i) for i, c in enumerate(self.cells) if c.judgement]
        return self.cells[min(judged)[1]] if judged else None

    def as_dict(self) -> dict[str, Any]:
        """Return all settings and numbers, as JSON knows them."""
        return {
            "content": self.names[0],
            "styles": self.names[1:],
            "weights": self.weights,
            "axes": self.axes,
            "rows": self.lines(self.rows),
            "columns": self.lines(self.columns),
            "folder": None if self.shelf is None else str(self.shelf.folder),
            "cells": list(self._entries()),
        }

    def _entries(self) -> Iterator[dict[str, Any]]:
        """Describe each cell, for JSON."""
        across = len(self.lines(self.columns))
        for number, cell in enumerate(self.cells):
            entry: dict[str, Any] = {"row": number // across, "column": number % across}
            entry |= {"values": cell.values, "style": self.names[1 + cell.style]}
            entry |= {"state": cell.state, "error": cell.error, "file": cell.file or None}
            entry |= {"settings": asdict(cell.settings)} | cell.about  # those used, if there are
            entry["judgement"] = cell.judgement.as_dict() if cell.judgement else None
            yield entry

    def save_json(self, path: PathLike) -> None:
        """Write all settings and numbers; OutputError where that cannot be."""
        write_json(path, self.as_dict())


@show_settings
@gives_memory_back
def grid(
    content: Picture, style: Picture | list[Picture], *,
    folder: PathLike | None = None, progress: bool = False,
    weights: PathLike | None = None, vgg: AnyNetwork | None = None,
    preset: str | list[str | None] | None = None, **settings: Any,
) -> Grid:  # fmt: skip
    """Paint one pair of pictures with each combination of several settings, and judge each.

    Parameters
    ----------
    content, style : path, name of a sample, or ndarray, uint8 (H, W, 3)
        A list of paintings is an axis.
    **settings
        See `Settings`.
    folder : path, optional
        Save each picture there; what is there already, of the same settings, is not painted again.
    progress : bool
        Show one bar over all, with the time left.
    weights, vgg
        As in `nst_numpy.transfer`.
    preset : str or list of str, optional
        Settings that go together, see `nst_numpy.presets`; None in a list is none of them.

    Returns
    -------
    Grid
        Each setting in `AXES` may be a list: `strength=[30, 60]`. One to four of them have several
        values. Ctrl-C ends the work, and what there is is returned.

    Raises
    ------
    SettingError, UnknownNameError, ImageError, WeightsError, OutputError
        Before the work starts. What goes wrong with one picture stands in its cell.

    Examples
    --------
    >>> from nst_numpy.figures import save_figure, sheet_figure
    >>> found = grid("chelsea", "starry_night", strength=[30, 60], size=64)  # doctest: +SKIP
    >>> save_figure(sheet_figure(found), "sheet.png")                        # doctest: +SKIP
    """
    refuse_unknown(settings, grid)
    if preset is not None:
        settings["preset"] = preset
    found = Grid(content, style, folder=folder, weights=weights, vgg=vgg, progress=progress,
                 **settings)  # fmt: skip
    found.paint(progress=progress)
    return found


class _Judges:
    """A judge for each painting and size; what the last one has measured is kept."""

    def __init__(self, found: Grid) -> None:
        self.grid = found
        usual = found.weights == "bundled"
        self._vgg = found._vgg if usual else None
        self._kind: tuple[int, int] | None = None

    def __call__(self, cell: Cell) -> None:
        """Judge a cell's picture, if that is possible."""
        kind = cell.style, cell.settings.size
        if cell.image is None:
            return
        try:
            if self._kind != kind:
                self._judge = Judge(self.grid.content, self.grid.styles[cell.style], self._vgg)
                self._kind = kind
            cell.judgement = self._judge(cell.image)
        except NstError as error:
            cell.about["not_judged"] = str(error)
