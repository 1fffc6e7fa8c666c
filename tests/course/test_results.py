import json
import re

from nst_numpy.course import as_csv, as_gradescope, as_json, as_text


def test_the_forms_of_the_results(grade, small):
    done, _ = grade("def square(x):\n    print('here')\n    return x\n")
    text = as_text([done])
    assert re.search(r"t1.double +1 / 1 +all tests pass", text)
    assert re.search(r"t1.square +0 / 2 +square\(\[3\]\): ", text)
    assert "3.5 / 5.5" in text
    assert "  | here" in text
    assert "without another deep-learning library" in text
    data = as_json("ada", [done])
    assert (data["student"], data["points"], data["max_points"]) == ("ada", 3.5, 5.5)
    assert data["assignments"][0]["tasks"][1]["task"] == "t1.square"
    scope = json.loads(json.dumps(as_gradescope([done])))
    assert scope["score"] == 3.5
    assert set(scope["tests"][1]) >= {"name", "score", "max_score", "output", "visibility"}
    assert (scope["tests"][1]["score"], scope["tests"][1]["max_score"]) == (0, 2)
    rows = as_csv([("ada", [done]), ("=bob", [])], [small]).splitlines()
    assert rows == [
        "student,points,max_points,t1,t1.double,t1.square,t1.slope",
        "ada,3.5,5.5,3.5,1,0,2.5",
        "'=bob,0,5.5,,,,",
    ]
