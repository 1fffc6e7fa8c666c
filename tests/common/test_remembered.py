from nst_numpy.common.remembered import remember


def test_the_last_few_are_kept():
    known = {}
    for n in range(6):
        remember(known, n, str(n), most=3)
        assert list(known) == list(range(max(0, n - 2), n + 1))
    assert known[5] == "5"


def test_another_thread_may_forget_the_same_one_first():
    class Shared(dict):
        def pop(self, key, *default):
            super().pop(key)  # the other thread
            return super().pop(key, *default)

    known = Shared(a=1, b=2)
    remember(known, "c", 3, most=2)
    assert known == {"b": 2, "c": 3}
