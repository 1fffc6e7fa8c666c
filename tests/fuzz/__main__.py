"""Let atheris look for files that a reader neither reads nor refuses.

    python -m tests.fuzz pictures --seconds 3600
    python -m tests.fuzz pictures --merge

What leads to new lines of code is kept in tests/fuzz/found, which git ignores. A file on which the
reader fails, or takes more than 20 seconds or more than 2 GB, is written there too, and the exit
code is not 0. `--merge` puts the fewest files that reach the same lines into tests/fuzz/corpus.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
LIMITS = ["-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=2048"]
LONGEST = 30_000  # bytes of a file: the seeds have up to 28,000
# What is followed line by line: the package's readers, and those in Python below them.
FOLLOWED = ["nst_numpy", "PIL", "zipfile", "numpy.lib.format", "numpy.lib._format_impl", "json"]

with atheris.instrument_imports(include=FOLLOWED, enable_loader_override=False):
    from tests.fuzz.readers import READERS, read
    from tests.fuzz.seeds import SEEDS

ODD = [None, True, 0, -1, 2**31, 10**400, 0.5, 1e308, float("nan"), "", "\0", "\ud800", "9" * 5000,
       [], {}, [[[]]]]  # fmt: skip


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Change bytes; in every second JSON one of its values, which bytes seldom do well."""
    chance = random.Random(seed)
    if data[:1] == b"{" and chance.random() < 0.5:
        try:
            whole = json.loads(data)
            change_value(whole, chance)
            return json.dumps(whole).encode()[:most]
        except (ValueError, RecursionError):
            pass
    return atheris.Mutate(data, most)


def change_value(value: object, chance: random.Random) -> None:
    """Put something odd, or a neighbour's copy, into a random place of nested lists and dicts."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        inner = value[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.2:
            break
        value = inner
    value[key] = chance.choice([*ODD, value[chance.choice(keys)]])


def main() -> None:
    """Fuzz one reader, for so many seconds."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=int, default=24)
    parser.add_argument("--merge", action="store_true")
    args, of_the_fuzzer = parser.parse_known_args()
    corpus, found = HERE / "corpus" / args.reader, HERE / "found" / args.reader
    found.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(SEEDS[args.reader]()):
        found.joinpath(f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={args.seconds}", f"-max_len={LONGEST}", str(found), str(corpus)]
    if args.merge:
        options = ["-merge=1", str(corpus), str(found)]
    options += [*LIMITS, "-print_final_stats=1", f"-artifact_prefix={found.parent}/"]
    # to merge, the fuzzer starts this again, in a shell and with options of its own
    again = f"{sys.executable} -m tests.fuzz {args.reader}"
    atheris.Setup(
        [again, *(of_the_fuzzer or options)],
        lambda data: read(args.reader, data),
        custom_mutator=mutate,
    )
    atheris.Fuzz()


main()
