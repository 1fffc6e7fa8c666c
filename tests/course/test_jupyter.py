"""What Jupyter would run is run, and nothing that only looks like magic is touched."""

import pytest

from nst_numpy.course.jupyter import to_python
from tests import posix


@pytest.mark.parametrize(
    ("source", "python"),
    [
        # not where a statement begins
        ("x = (7\n%n)", "x = (7\n%n)"),
        ("x = 7 \\\n%n", "x = 7 \\\n%n"),
        ("f(a,\n  %b)\n%load x", "f(a,\n  %b)\npass"),
        ("s = '''\n!ls\n%time\nf?\n'''\n!ls", "s = '''\n!ls\n%time\nf?\n'''\npass"),
        ('s = r"""\\"""\n!ls', 's = r"""\\"""\n!ls'),
        ('"""\n# %%\n"""', '"""\n# %%\n"""'),
        ("s = 'a\\\n!b'", "s = 'a\\\n!b'"),
        ("x = [  # )]\n!ls]", "x = [  # )]\n!ls]"),
        ("s = ')' \"(\"\n!ls", "s = ')' \"(\"\npass"),
        ("t = f'{a!r} %time {b} = !ls'", "t = f'{a!r} %time {b} = !ls'"),
        ("print('n = %d' % n, end='?')", "print('n = %d' % n, end='?')"),
        # where one does
        ("if x:\n    %matplotlib inline\n    y = 1", "if x:\n    pass\n    y = 1"),
        ("!echo \"it's\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  numpy\nx = 1", "pass\n\nx = 1"),
        ("x = %time f(1,\n  2)", "x = f(1,\n  2)"),
        ("d['a'] = !ls\nx, y = %pwd", "d['a'] = None\nx, y = None"),
        ("np.*load*?\n?np\n%timeit?", "pass\npass\npass"),
        ("%run -i lib/mine.py 3", "get_ipython().run_line_magic('run', 'lib/mine.py')"),
        ("x = (1,\ndef f(): pass\n!ls", "x = (1,\ndef f(): pass\npass"),
        # cells
        ("%%capture\n%%time\nx = 1", "\n\nx = 1"),
        ("%%notify --me\n%matplotlib inline\nx = 1", "\npass\nx = 1"),
        ("%%time\n%%bash\nls", ""),
        ("%%!\nls", ""),
    ],
)
def test_a_cell_as_python(source, python):
    assert to_python(source) == python


@pytest.mark.parametrize("line", ["%%time\n", "x = 1\n", "a, ", "'", "(", "%run a/", "=!"])
def test_a_long_cell_takes_time_that_grows_with_it(line):
    assert to_python("x = '''" + line * 200_000).startswith("x = '''")
    to_python(line * 200_000)


@posix
@pytest.mark.parametrize(
    "head",
    [
        "from IPython.display import Image, clear_output, display\nclear_output(wait=True)\n"
        "display(Image('a.png'), display_id=True)",
        "import IPython\nip = IPython.get_ipython()\nip.events.register('x', print)\n"
        "assert IPython.display.HTML('<b>')",
        "from IPython import get_ipython\nimport matplotlib.pyplot as plt\nplt.plot([1])",
        "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef m(x):\n"
        "    return x\nassert m(3) == 3",
        "n = input('How many? ')\nassert n == ''",
        "y = get_ipython().run_line_magic('time', '2 + 3')\n"
        "get_ipython().magic('%time z = 4')\nassert (y, z) == (5, 4)",
        "for option in ('', '-a '):\n"
        "    get_ipython().run_cell_magic('writefile', option + 'mine.py', 'q = 7')\n"
        "import mine, platform\nassert mine.q == 7 and platform.processor() is not None\n"
        "assert open('mine.py').read() == 'q = 7' + chr(10) + 'q = 7' + chr(10)",
        "import sys\nassert sys.argv == ['t1_small.py'] and __file__.endswith('t1_small.py')",
        "open('mine.py', 'w').write('q = 7')\nget_ipython().run_line_magic('run', 'mine.py')\n"
        "assert q == 7",
    ],
)
def test_what_is_there_without_an_import(grade_double, head, tmp_path):
    # in the function: there a name that is missing would cost the task
    body = head.replace("\n", "\n    ")
    task = grade_double(f"global q, y, z; q = y = z = 0\n    {body}\n    return 2 * x", seconds=9)
    assert (task.right, task.refused) == (True, ()), task.reason


@posix
def test_who_waits_for_a_word_does_not_wait_for_ever(grade_double):
    task = grade_double("while input() != 'stop': pass")
    assert "EOFError: nobody types anything" in task.reason
