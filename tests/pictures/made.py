"""Pictures that the tests make."""

import struct

import numpy as np


def picture_of(rng, height, width):
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def halves(height=8, width=16):
    """Left half red, right half blue: shows which way is up, and the order of colours."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, : width // 2, 0] = 255
    image[:, width // 2 :, 2] = 255
    return image


def tiff_of(bits, channels, photometric=2, sample=1, extra=None):
    """Write a TIFF of 2×2 pixels, all numbers 0."""
    numbers = {258: [bits] * channels, 339: [sample] * channels}
    tags = {256: 2, 257: 2, 258: bits, 259: 1, 262: photometric if channels > 2 else 1, 273: 0,
            277: channels, 278: 2, 279: 4 * channels * bits // 8, 284: 1, 339: sample}  # fmt: skip
    tags |= {338: extra} if extra is not None else {}
    after, behind, body = 8 + 2 + 12 * len(tags) + 4, b"", b""
    for tag, value in sorted(tags.items()):
        if tag in numbers and channels > 2:
            body += struct.pack("<HHII", tag, 3, channels, after + len(behind))
            behind += struct.pack(f"<{channels}H", *numbers[tag])
        elif tag in numbers:
            pair = numbers[tag] + [0] * (2 - channels)
            body += struct.pack("<HHIHH", tag, 3, channels, *pair)
        else:
            at = after + 4 * channels
            body += struct.pack("<HHII", tag, 4, 1, at if tag == 273 else value)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4)
    return head + behind.ljust(4 * channels, b"\0") + bytes(tags[279])
