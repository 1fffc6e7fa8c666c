"""A command from its words to its exit code, whatever happens around it."""

import errno
import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack

from nst_numpy.cli.parts.parser import command_parser, overview
from nst_numpy.cli.parts.stopping import Stopping, listening
from nst_numpy.cli.parts.streams import steady_streams
from nst_numpy.common.notes import quiet_notes
from nst_numpy.common.out_of_memory import tells_of_memory
from nst_numpy.common.streams import SteadyStream
from nst_numpy.errors import NstError

NO_MEMORY = (
    "there is not enough memory, or the process is allowed too little (ulimit -v): use a smaller "
    "size or fewer threads, or allow more"
)


def exit_code_of(words: list[str], *, is_all: bool) -> int:
    """Run one command.

    Parameters
    ----------
    words : list of str
        The command and its arguments.
    is_all : bool
        Whether the program ends with it.
    """
    with listening(until_the_program_ends=is_all) as stopping:
        try:
            with steady_streams() as out, warnings.catch_warnings():
                warnings.showwarning = _show_warning
                code = _answer_for(lambda: _dispatch(words), stopping, debug="--debug" in words)
                out.flush()
                return _printed(out, code)
        except KeyboardInterrupt:  # before a command's first line, or after its last
            return stopping.exit_code


def _answer_for(work: Callable[[], int], stopping: Stopping, *, debug: bool) -> int:
    """Do a command's work; make one line and an exit code of what goes wrong."""
    try:
        code = work()
        # a command that was stopped and saved what it had has no error, but is not done either
        return stopping.exit_code if stopping.signal is not None and code in (0, 130) else code
    except KeyboardInterrupt:
        print(f"nst: stopped by {stopping.name}", file=sys.stderr)
        return stopping.exit_code
    except NstError as error:
        if debug:
            raise
        print(f"nst: {error}", file=sys.stderr)
    except (MemoryError, ImportError, OSError, RuntimeError) as error:
        if debug or not tells_of_memory(error):
            raise
        print(f"nst: {NO_MEMORY}", file=sys.stderr)
    return 2


def _printed(out: SteadyStream, code: int) -> int:
    """Say if what was printed has been lost; head or less may have seen enough."""
    error = out.error
    # Windows calls a reader that is gone an invalid argument
    gone = isinstance(error, BrokenPipeError) or getattr(error, "errno", None) == errno.EINVAL
    if error is None or gone:
        return code
    reason = getattr(error, "strerror", None) or str(error)
    print(f"nst: what is printed cannot be written ({reason.lower()})", file=sys.stderr)
    return code or 1


def _show_warning(message: Warning | str, *where: object, **more: object) -> None:
    """Write a warning as one line, like an error."""
    print(f"nst: {message}", file=sys.stderr)


def _dispatch(words: list[str]) -> int:
    if not words or words[0].startswith("-"):
        overview().parse_args(words)
        overview().print_help()
        return 0 if not words else 2
    args = command_parser(words[0]).parse_args(words[1:])
    args.as_given = words  # a picture that is written says which command painted it
    quiet = getattr(args, "quiet", False)
    with ExitStack() as args.until_the_end, quiet_notes(quiet=quiet):
        return int(args.run(args))
