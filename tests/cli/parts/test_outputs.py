import argparse
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from nst_numpy.cli.parts.outputs import claim, claim_folder, results
from nst_numpy.cli.parts.stopping import listening
from nst_numpy.errors import OutputError
from tests import posix


@pytest.fixture
def args():
    with ExitStack() as stack:
        yield argparse.Namespace(until_the_end=stack)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Be in one folder, with the home and the temporary folder elsewhere."""
    for name in ("cwd", "home", "out"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path


def write(text="new"):
    def to(path):
        if not path.parent.is_dir():
            raise OutputError(f"the folder {path.parent} does not exist: make it first")
        path.write_text(text, "utf-8")

    return to


# before the work


def links_to(path):
    path.with_name("link.png").symlink_to(path)
    path.with_name("hard.png").hardlink_to(path)
    return [path, path.parent / "." / path.name, path.with_name("link.png"),
            path.with_name("hard.png")]  # fmt: skip


@posix
def test_what_is_read_is_not_written_also_through_links(args, tmp_path):
    picture = tmp_path / "me.png"
    picture.touch()
    for path in links_to(picture):
        with pytest.raises(OutputError, match="is read by this command: choose another name"):
            claim(args, [None, str(picture)], picture=None, figure=path)
    claim(args, [None, picture], picture=tmp_path / "other.png")


@posix
def test_two_outputs_may_not_be_one_also_through_links(args, tmp_path):
    (tmp_path / "a.json").touch()
    (tmp_path / "b.json").symlink_to(tmp_path / "a.json")
    with pytest.raises(OutputError, match="cannot hold both the JSON and the page"):
        claim(args, [], JSON=tmp_path / "a.json", page=tmp_path / "b.json")


def test_a_snapshot_may_not_take_the_place_of_an_input(args, tmp_path):
    names = r"\d{5}\.png"
    for name in ("00010.png", "me.png"):
        (tmp_path / name).touch()
    with pytest.raises(OutputError, match=r"00010\.png is read by this command"):
        claim_folder(args, tmp_path, [tmp_path / "00010.png"], names)
    assert claim_folder(args, tmp_path, [None, tmp_path / "me.png"], names) == tmp_path


# after it


def test_everything_is_written_in_its_place(here):
    with results() as keep:
        keep(here / "out" / "a.txt", write())
        keep(None, write())
    assert (here / "out" / "a.txt").read_text("utf-8") == "new"


@pytest.mark.parametrize("places", [["cwd"], ["home"], ["temporary"]])
def test_what_cannot_be_written_is_kept_in_the_next_place_and_the_rest_written(here, places):
    [place] = places
    (here / "temporary").mkdir()
    order = ["cwd", "home", "temporary"]

    def only_there(path):
        if path.parent.name not in order[order.index(place) :]:
            raise OutputError(f"{path} cannot be written")
        path.write_text("kept", "utf-8")

    def write_both():
        with results() as keep:
            keep(here / "gone" / "a.txt", only_there)
            keep(here / "out" / "b.txt", write())

    with pytest.raises(OutputError, match=rf"gone.a\.txt .*it is kept as .*{place}.a-kept\.txt$"):
        write_both()
    assert (here / place / "a-kept.txt").read_text("utf-8") == "kept"
    assert (here / "out" / "b.txt").exists()


def test_what_is_kept_takes_the_place_of_nothing(here):
    Path("a-kept.txt").write_text("old", "utf-8")
    with pytest.raises(OutputError, match=r"a-kept-2\.txt$"), results() as keep:
        keep(here / "gone" / "a.txt", write())
    assert Path("a-kept.txt").read_text("utf-8") == "old"


def test_a_picture_that_its_format_cannot_hold_is_kept_as_png(here):
    def only_png(path):
        if path.suffix != ".png":
            raise OutputError("JPEG cannot hold it")
        path.touch()

    message = r"JPEG cannot hold it; .*a-kept\.png$"
    with pytest.raises(OutputError, match=message), results() as keep:
        keep(here / "out" / "a.jpg", only_png)


def test_where_there_is_no_place_at_all_it_is_said(here):
    def nowhere(path):
        raise OutputError("no room")

    with pytest.raises(OutputError, match=r"^no room; it is lost$"), results() as keep:
        keep(here / "out" / "a.txt", nowhere)


def test_ctrl_c_waits_until_all_is_written(here):
    def write_all():
        with results() as keep:
            keep(here / "out" / "a.txt", lambda _: signal.raise_signal(signal.SIGINT))
            keep(here / "out" / "b.txt", write())

    with listening(), pytest.raises(KeyboardInterrupt):
        write_all()
    assert (here / "out" / "b.txt").exists()
