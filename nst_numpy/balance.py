"""How strong the painting is, on a dial from 0 to 100: β, found from the two pictures.

J_style is a sum of fourth powers of activations. Of a painting with strong contrasts it is many
times that of a quiet one, so one β is strong with the first and weak with the second. Here both
terms are looked at where the picture is half photograph and half painting, mixed pixel by pixel.
The dial says by what factor the style shall outweigh the content there, and β follows.
"""

import math

from nst_numpy.common.arrays import Array
from nst_numpy.objective import Objective

# β J_style over α J_content, half way, where the dial stands at 50. Chosen by what is kept of the
# photograph, and by looking: see docs/defaults.
OUTWEIGHS = 45.0
TENFOLD = 25.0  # marks of the dial from one β to that ten times as large


def style_factor(objective: Objective, content_x: Array, style_x: Array, strength: float) -> float:
    """Return what the style terms of J must be multiplied by for a strength.

    Parameters
    ----------
    objective : Objective
        With any β above 0.
    content_x, style_x : ndarray, (1, H, W, 3)
        Photograph and painting, of one shape.
    strength : float
        0 to 100.

    Returns
    -------
    float
        1 if one of the two parts of J is 0 half way, or not finite: then they have no balance.
    """
    terms = objective.measure((content_x + style_x) / 2)
    content, style = (
        sum(value for name, value in terms.items() if name.startswith(part))
        for part in ("content/", "style/")
    )
    if not (0 < content < math.inf and 0 < style < math.inf):
        return 1.0
    return OUTWEIGHS * 10 ** ((strength - 50) / TENFOLD) * content / style
