from pathlib import Path

from nst_numpy.pictures.samples import samples
from tests.cli.conftest import nst


def test_samples_lists_every_picture(capsys):
    assert nst("samples") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "kind", "pixels", "licence", "title,", "author"]
    assert [line.split()[0] for line in lines[1:]] == [sample.name for sample in samples()]
    (night,) = [line for line in lines if line.startswith("starry_night")]
    width, height = next(s for s in samples() if s.name == "starry_night").size
    assert night.split()[:3] == ["starry_night", "style", f"{width}×{height}"]
    assert "The Starry Night (1889), Vincent van Gogh" in night


def test_samples_prints_paths_for_programs(capsys):
    assert nst("samples", "--paths") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows == [[sample.name, str(sample.path)] for sample in samples()]
    assert all(Path(path).is_file() for _, path in rows)
