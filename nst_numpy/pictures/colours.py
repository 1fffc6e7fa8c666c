"""Colours of a picture file to sRGB: what screens show, and what networks were trained with.

A file may say in a profile what its numbers mean. In AdobeRGB, for example, the same green has a
smaller number than in sRGB; read as if it were sRGB, the picture is paler than it was.
"""

import io

from PIL import Image, ImageCms

_SRGB_NAMES = ("srgb", "c2")  # "c2" is what small profiles of sRGB are often called
_CONVERTIBLE = ("RGB", "RGBA", "L", "LA", "CMYK", "LAB")


def to_srgb(picture: Image.Image) -> Image.Image:
    """Bring a picture with a colour profile to sRGB; transparency stays.

    A profile of sRGB itself changes nothing. One that cannot be used is ignored, the pixels are
    good without it; so is that of a picture in which one colour stands for transparent.
    """
    if picture.mode not in _CONVERTIBLE or "transparency" in picture.info:
        return picture  # a colour that stands for transparent must stay what it is
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        name = ImageCms.getProfileDescription(profile).strip().lower()
        if name.startswith(_SRGB_NAMES):
            return picture
        alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
        plain = picture if alpha is None else picture.convert(picture.mode[:-1])
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(
            plain, profile, srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB"
        )
    # a profile is data from anywhere: LittleCMS and Pillow refuse it in many ways
    except Exception:
        return picture
    assert converted is not None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted
