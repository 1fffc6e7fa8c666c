import pytest

from tests.cli.conftest import nst


def layer_rows(capsys, *words):
    assert nst("layers", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "multiplications", "sees", "step"]
    return {line.split()[0]: line.split()[1:] for line in lines[1:]}


def test_layers_shows_the_numbers_of_each_layer(capsys):
    rows = layer_rows(capsys, "--height", "224", "--width", "320")
    # 3·3·3·64 + 64 parameters; 3·3·3·64 multiplications at each of 224·320 pixels
    assert rows["conv1_1"] == ["224×320×64", "1,792", "123,863,040", "3×3", "1"]
    # 3·3·128·256 + 256; 3·3·128·256 at each of 56·80 positions
    assert rows["conv3_1"] == ["56×80×256", "295,168", "1,321,205,760", "24×24", "4"]
    assert rows["relu3_1"] == ["56×80×256", "24×24", "4"]
    assert rows["pool5"] == ["7×10×512", "212×212", "32"]
    assert len(rows) == 2 * 13 + 5 + 1


@pytest.mark.parametrize(
    ("words", "parameters", "products"),
    [
        (["--height", "224", "--width", "224"], "14,714,688", "15,346,630,656"),
        (["--architecture", "vgg19", "--height", "224", "--width", "224"], "20,024,384",
         "19,508,428,800"),
    ],
)  # fmt: skip
def test_layers_ends_with_the_published_sums(capsys, words, parameters, products):
    assert layer_rows(capsys, *words)["sum"] == [parameters, products]
