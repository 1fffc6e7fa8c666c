"""Names for the arrays that annotations speak of."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Array64 = NDArray[np.float64]
Image = NDArray[np.uint8]  # (H, W, 3), RGB
Image16 = NDArray[np.uint16]  # likewise, 0 to 65535: of a file of 16 bits
AnyImage = Image | Image16
Integers = NDArray[np.intp]
Shape = tuple[int, ...]
Index = tuple[int, ...]  # of one entry, a number an axis
