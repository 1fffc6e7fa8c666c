import shutil
import subprocess
import sys

import pytest

from nst_numpy.cli import COMMANDS
from nst_numpy.cli.completion import FILES, FOLDERS, PICTURES, SHELLS, script
from tests import PATIENCE
from tests.cli.conftest import nst, one_line

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(
    BASH is None or sys.platform == "win32", reason="there is no bash to complete in"
)
# what is neither a file nor a folder nor a picture: nothing completes it
OTHERS = {
    "M",
    *(
        "N",
        "LINK",
        "SIZE",
        "W",
        *"ABER",
        "START",
        "F",
        "PX",
        "S",
        "K",
        "W,W",
        "M",
        "LAYERS",
        "LAYER",
        "LIST",
        "CHANNEL",
        "UNIT",
        "HZ",
        "MS",
        "HOW",
        "WHOM",
        "IMAGE",
    ),
    *(
        "NAME",
        "NAMES",
        "NAME=SHAPE",
        "NAME=VALUE",
        "ACTION",
        "COMMAND",
        "ekg|movie",
        ("ROW", "COL"),
        None,
    ),
}


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "nst.bash"
    path.write_text(script("bash"), "utf-8", newline="\n")
    return path


def complete(path, *words):
    """Press the tab key in bash; return what it offers."""
    code = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_shtab_nst; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [BASH, "--norc", "-c", code, "bash", path, *words], capture_output=True, encoding="utf-8",
        timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@needs_bash
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("tra",), {"transfer", "trace"}),
        (("transf",), {"transfer"}),
        (("",), set(COMMANDS)),
        (("course", "gr"), {"grade"}),
        (("course", "grade", "--is"), {"--isolate"}),
        (("transfer", "a", "b", "--style-l"), {"--style-layers", "--style-loss"}),
        (("transfer", "a", "b", "--pool", "m"), {"max"}),
        (("transfer", "starry_n"), {"starry_night"}),
        (("gram", "x.png", "--with", "starry_n"), {"starry_night"}),
        (("judge", "starry_n"), {"starry_night"}),
        (("judge", "mine"), {"mine.png"}),
        (("weights", "ve"), {"verify"}),
        (("texture", "e"), {"ekg"}),
        (("help", "tra"), {"transfer", "trace"}),
        (("completion", "z"), {"zsh"}),
    ],
)
def test_the_tab_key_completes(tmp_path, bash_script, words, offered):
    (tmp_path / "mine.png").touch()
    assert set(complete(bash_script, "nst", *words)) == offered


@needs_bash
def test_bash_takes_the_script(bash_script):
    assert subprocess.run([BASH, "-n", bash_script], check=False).returncode == 0


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_that_knows_every_command(capsys, shell):
    assert nst("completion", shell) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)
    assert "--style-layers" in printed or shell == "tcsh"


def test_without_shtab_the_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert nst("completion", "bash") == 2
    assert one_line(capsys) == (
        'nst: nst completion: shtab is not installed: pip install "nst_numpy[completion]"'
    )


def test_it_is_known_of_each_kind_of_argument_what_completes_it(every_parser):
    met = {action.metavar for parser in every_parser.values() for action in parser.arguments()}
    assert met - OTHERS == {*FILES, *FOLDERS, *PICTURES} & met
    assert {*FILES, *FOLDERS, *PICTURES} <= met
