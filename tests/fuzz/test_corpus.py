"""Each file of the corpus is read or refused: what a fuzzer once found stays mended."""

from pathlib import Path

import pytest

from tests.fuzz.readers import READERS, read
from tests.fuzz.seeds import SEEDS

CORPUS = Path(__file__).with_name("corpus")


@pytest.mark.parametrize("reader", READERS)
def test_the_corpus_is_read_or_refused(reader):
    files = sorted((CORPUS / reader).iterdir())
    read_ones = sum(read(reader, path.read_bytes()) for path in files)
    assert 0 < read_ones < len(files)


@pytest.mark.parametrize("reader", READERS)
def test_a_fuzzer_begins_with_files_that_are_read(reader):
    taken = [read(reader, data) for data in SEEDS[reader]()]
    assert sum(taken) > 0.7 * len(taken)
