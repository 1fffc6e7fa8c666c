"""How one layer is computed fast: Winograd, matrix products, pools; threads and memory.

What a layer is stands in `nst_numpy.layers`; nothing here is needed to understand it.
"""
