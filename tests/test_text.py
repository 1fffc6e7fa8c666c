from nst_numpy.text import table


def test_a_table_aligns_its_columns():
    assert table([("a", "bb", "c"), ("dddd", "e", "")], right="lr") == "a     bb  c\ndddd   e"
