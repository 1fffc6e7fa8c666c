"""The same network, fast: which rows are done together, and how.

A *plan* is made once for a network, a shape and the layers wanted. It turns rows into
*blocks*, and a block knows how to go up and how to come down. What no block recognises is done
plainly. `nst_numpy.network.Plain` is the definition; the tests hold this to it.
"""
