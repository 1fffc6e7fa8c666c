import base64
import io

import numpy as np
from PIL import Image

from nst_numpy.pictures.embedding import embed, png


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
