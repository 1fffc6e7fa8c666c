"""How strong the painting is, on a dial from 0 to 100: β, found from the two pictures.

J_style is made of fourth powers of activations. Of a painting with strong contrasts it is many
times that of a quiet one, so one β is strong with the first and weak with the second. Here all
terms are looked at where the picture is half photograph and half painting, mixed pixel by pixel.
The dial says how large the style's terms shall be there, by the content's, and β follows. The
layers of style are of very different size: their geometric mean counts, so that each has a say.
"""

import math

from nst_numpy.common.arrays import Array
from nst_numpy.objective import Objective
from nst_numpy.styles import StyleLoss

# A style term, the geometric mean of all, over that of content, half way, where the dial stands at
# 50. Chosen so that as much is kept of the photograph with each: see docs/defaults.
AT_50: dict[StyleLoss, float] = {"gram": 0.2, "wasserstein": 0.2, "neighbours": 8.0}
TENFOLD = 25.0  # marks of the dial from one β to that ten times as large


def style_factor(
    objective: Objective, content_x: Array, style_x: Array, strength: float, style_loss: StyleLoss
) -> float:
    """Return what the style terms of J must be multiplied by for a strength.

    Parameters
    ----------
    objective : Objective
        With any β above 0.
    content_x, style_x : ndarray, (1, H, W, 3)
        Photograph and painting, of one shape.
    strength : float
        0 to 100.
    style_loss : {"gram", "wasserstein", "neighbours"}
        That of the objective.

    Returns
    -------
    float
        1 if one of the two parts of J is 0 half way, or not finite: then they have no balance.
    """
    terms = objective.measure((content_x + style_x) / 2)
    content = sum(value for name, value in terms.items() if name.startswith("content/"))
    styles = [value for name, value in terms.items() if name.startswith("style/")]
    if not all(0 < value < math.inf for value in (content, *styles)) or not styles:
        return 1.0
    style = math.exp(sum(map(math.log, styles)) / len(styles))
    return AT_50[style_loss] * 10 ** ((strength - 50) / TENFOLD) * content / style  # equation (35)
