import base64
import io

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image

from nst_numpy.report.parts import embed, png, render, stem


def test_a_picture_is_there_in_a_text_no_larger_than_asked():
    image = np.full((20, 40, 3), 90, np.uint8)
    for longest, size in ((10, (10, 5)), (99, (40, 20))):
        made = embed(image, longest)
        assert (made["width"], made["height"]) == size
        head, data = made["uri"].split(",")
        assert head == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == size


def test_a_png_keeps_every_byte():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(image)))), image)


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError):
        render("source.html")


def test_the_name_of_a_picture():
    assert [stem(name) for name in ("a/me.jpg", "starry_night", "")] == ["me", "starry_night", ""]
