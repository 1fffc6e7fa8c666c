import pytest

from nst_numpy.common.text import about, rounded, step_duration, table


def test_a_table_aligns_its_columns():
    assert table([("a", "bb", "c"), ("dddd", "e", "")], right="lr") == "a     bb  c\ndddd   e"


def test_columns_that_right_does_not_name_are_aligned_to_the_left():
    rows = [("1", "1", "1|"), ("22", "22", "22|")]
    assert table(rows) == "1   1   1|\n22  22  22|"
    assert table(rows, right="rl") == " 1  1   1|\n22  22  22|"
    assert table(rows, right="lrr") == "1    1   1|\n22  22  22|"


def test_lines_have_no_blanks_at_their_end():
    assert table([("a", ""), ("", ""), ("", "b")]) == "a\n\n   b"


def test_letters_count_and_not_bytes():
    assert table([("×", "1"), ("kernel", "2")]) == "×       1\nkernel  2"


def test_one_row_is_a_table():
    assert table([("a", "b")], right="rr") == "a  b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.1 s"),
        (0.26, "0.3 s"),
        (9.96, "10 s"),
        (47.3, "47 s"),
        (59.97, "1 min"),
        (64, "1 min"),
        (197.3, "3 min 20 s"),
        (596, "10 min"),
        (1234, "21 min"),
        (3599, "1 h"),
        (6700, "1 h 50 min"),
        (86400, "24 h"),
    ],
)
def test_what_is_only_expected_is_no_finer_than_it_can_be_known(seconds, text):
    assert about(seconds) == f"about {text}"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0004567, 3, "0.000457"),
        (99.7, 2, "100"),
        (99.4, 2, "99"),
        (3840.2, 3, "3,840"),
        (-1234.5, 3, "-1,234"),
        (2.5e7, 3, "2.5e+07"),
        (float("nan"), 2, "nan"),
        (float("inf"), 2, "inf"),
    ],
)
def test_a_number_for_people_has_no_power_of_ten_below_a_million(value, digits, text):
    assert rounded(value, digits) == text


def test_a_step_may_be_short():
    assert [step_duration(seconds) for seconds in (0.0123, 0.9, 64)] == [
        "12 ms",
        "900 ms",
        "1 min 4 s",
    ]
