"""`python -m nst_numpy` is `nst`."""

import sys

from nst_numpy.cli import main

if __name__ == "__main__":
    sys.exit(main())
