"""Zips that somebody made with a purpose."""

import io
import os
import zipfile

import pytest

from nst_numpy.course import find_submissions
from nst_numpy.course import tree as tree_module
from nst_numpy.course.unpack import Budget, UnpackError, unpack
from nst_numpy.errors import CourseError


def write_zip(place, names, **options):
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in names.items():
            file.writestr(name, data, **options)
    return place


def test_no_name_leads_anywhere(tmp_path):
    names = {"../../out_a.py": "a", "/tmp/b.py": "b", "c/./d.py": "", "..": "", "x\\y.py": "y"}
    names |= {"e": "", "e/f.py": "f", "e/f.py/g.py": "g", "n" * 300 + ".py": "", "pic.png": "p"}
    members = unpack(write_zip(tmp_path / "a.zip", names), Budget())
    places = {"/".join(m.parts)[:20]: m.path for m in members}
    assert places.pop("pic.png") is None
    assert places.pop("e") is None
    assert places.pop("..") is None
    assert set(places) == {
        "out_a.py", "tmp/b.py", "c/d.py", "x/y.py", "e/f.py", "e/f.py/g.py", "n" * 20
    }  # fmt: skip
    for place in places.values():
        assert place.parent.parent.name.startswith("nst-handed-in-")
    assert sorted(os.listdir(tmp_path)) == ["a.zip"]
    assert places["e/f.py/g.py"].read_text() == "g"


def test_a_link_in_a_zip_is_none(tmp_path):
    info = zipfile.ZipInfo("a1.py")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    assert unpack(tmp_path / "a.zip", Budget()) == [(("a1.py",), None, "")]


@pytest.mark.parametrize(
    ("budget", "names"),
    [
        (Budget(bytes=100_000), {"a1.py": b"0" * 5_000_000}),
        (Budget(files=9), {f"{n}.txt": b"" for n in range(10)}),
    ],
)
def test_what_comes_out_is_counted(tmp_path, budget, names):
    with pytest.raises(UnpackError, match=r"more comes out of it|too many files"):
        unpack(write_zip(tmp_path / "a.zip", names), budget)


def test_a_list_that_is_too_long_is_not_read(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a1.py": ""})
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\5\6")
    data[place + 12 : place + 16] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    with pytest.raises(UnpackError, match="too many files"):
        unpack(path, Budget())


def test_zips_in_zips_end(tmp_path):
    data = b"no more"
    for name in ("d.zip", "c.zip", "b.zip"):
        stream = io.BytesIO()
        write_zip(stream, {name: data, "a1.py": name})
        data = stream.getvalue()
    (tmp_path / "a.zip").write_bytes(data)
    top = tree_module.read_tree(tmp_path)
    found = {"/".join(where): entry.trouble for where, entry in tree_module.walk(top)}
    assert found == {
        "a/a1.py": "", "a/b/a1.py": "", "a/b/c/a1.py": "",
        "a/b/c/d.zip": "it is a zip in a zip in a zip",
    }  # fmt: skip


def flags(data, bits):
    """Set general-purpose bits of each member, here and in the list."""
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + at] |= bits
            place = data.find(mark, place + 4)
    return data


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: flags(data, 1), "a1.py (it is encrypted: hand it in without a password)"),
        (lambda data: data[:-30], "it is damaged, or no zip (BadZipFile)"),
        (lambda data: b"", "it is damaged, or no zip (BadZipFile)"),
        (lambda data: b"no zip at all", "it is damaged, or no zip (BadZipFile)"),
        (lambda data: data.replace(b"conv", b"xxxx", 1), "a1.py (it is damaged (BadZipFile))"),
    ],
)
def test_a_damaged_zip_has_a_reason(bundled, tmp_path, damage, reason):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a1.py", "def conv_forward(): pass")
    (tmp_path / "ada.zip").write_bytes(damage(bytearray(stream.getvalue())))
    with pytest.raises(CourseError) as caught:
        find_submissions(tmp_path / "ada.zip", bundled)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
