import re

from nst_numpy.weights import bundled_path
from tests.cli.conftest import bad_files, nst, one_line


def test_weights_info_describes_the_bundled_file(capsys):
    assert nst("weights", "info") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(bundled_path())
    assert lines[1].startswith("vgg16, layout ")
    assert lines[3] == "14,714,688 parameters"
    rows = {line.split()[0]: line.split()[1] for line in lines if line.startswith("conv")}
    assert rows["conv1_1"] == "3×3×3×64"
    assert len(rows) == 13


def test_weights_verify_passes_the_bundled_file(capsys):
    assert nst("weights", "verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("ok ") for line in lines)


def test_weights_verify_ends_with_1_on_a_wrong_file(capsys):
    bad_files()
    assert nst("weights", "verify", "short.h5") == 1
    assert re.search(r"^FAILED ", capsys.readouterr().out, re.MULTILINE)


def test_weights_info_of_a_wrong_file_is_one_line(capsys):
    bad_files()
    assert nst("weights", "info", "text.h5") == 2
    assert "text.h5 is not an HDF5 file" in one_line(capsys)
