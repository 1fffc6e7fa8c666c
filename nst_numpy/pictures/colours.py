"""Colours of a picture file to sRGB: what screens show, and what networks were trained with.

A file may say in a profile what its numbers mean. In AdobeRGB, for example, the same green has a
smaller number than in sRGB; read as if it were sRGB, the picture is paler than it was.
"""

import io
import struct
from functools import cache

from PIL import Image, ImageCms

_SRGB_NAMES = ("srgb", "c2")  # "c2" is what small profiles of sRGB are often called
# When a profile was made stands in it, year to second: here always the same, as two runs of one
# command write one file.
_A_DATE = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
_CONVERTIBLE = ("RGB", "RGBA", "L", "LA", "CMYK", "LAB")


def to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Bring the colours that a profile speaks of to sRGB; transparency stays.

    A profile of sRGB itself changes nothing. One that cannot be used is ignored, the pixels are
    good without it.
    """
    if picture.mode not in _CONVERTIBLE:
        return picture
    try:
        own = _opened(profile)
        if _is_srgb(own):
            return picture
        alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
        plain = picture if alpha is None else picture.convert(picture.mode[:-1])
        if plain.mode == "RGB" and own.profile.xcolor_space.strip() == "GRAY":
            plain = plain.convert("L")  # grey with a transparent colour has become RGBA
        converted = _between(plain, own, _opened(srgb_profile()))
    # a profile is data from anywhere: LittleCMS and Pillow refuse it in many ways
    except Exception:
        return picture
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def changes_colours(profile: bytes) -> bool:
    """Whether a profile can be used, and is none of sRGB."""
    try:
        return not _is_srgb(_opened(profile))
    except Exception:  # as above
        return False


def from_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Bring sRGB, mode RGB or RGBA, to the colours of an RGB profile; transparency stays."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    converted = _between(picture.convert("RGB"), _opened(srgb_profile()), _opened(profile))
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@cache
def srgb_profile() -> bytes:
    """Return a profile of sRGB, the same bytes at any time; none where Pillow has no LittleCMS."""
    try:
        made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    except Exception:  # Pillow can be built without it, and says so only here
        return b""
    return made[:24] + _A_DATE + made[36:]


def can_paint_in(profile: bytes) -> bool:
    """Whether a profile is one of RGB, to which colours can be brought."""
    try:
        from_srgb(Image.new("RGB", (1, 1)), profile)
        return True
    except Exception:  # as above
        return False


def profile_name(profile: bytes) -> str:
    """Return what a profile calls itself; nothing if it is none."""
    try:
        return ImageCms.getProfileDescription(_opened(profile)).strip()
    except Exception:  # as above
        return ""


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return ImageCms.getProfileDescription(profile).strip().lower().startswith(_SRGB_NAMES)


def _between(
    picture: Image.Image, own: ImageCms.ImageCmsProfile, wanted: ImageCms.ImageCmsProfile
) -> Image.Image:
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(picture, own, wanted, intent, "RGB")
    assert converted is not None
    return converted
