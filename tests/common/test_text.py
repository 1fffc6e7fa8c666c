from nst_numpy.common.text import table


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
