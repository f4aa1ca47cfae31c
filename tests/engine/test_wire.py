from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskproc.batch import Answer, Damaged, Done, Echoed, Ended, Failed, Lost, Refused, Returned
from taskproc.record import FileEntry, Made
from taskproc.wire import decoded_answers, encoded_answer, encoded_answers, take_answers

made = st.builds(Made, st.floats(allow_nan=False), st.floats(allow_nan=False), st.text())
files = st.lists(st.builds(FileEntry, st.text(), st.integers(), st.integers(), st.binary())).map(tuple)
position = st.integers(0, 3000)
answers: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        Done,
        position,
        st.binary(),
        st.none() | st.binary(max_size=5000),
        files,
        st.lists(st.text()).map(tuple),
        st.binary(),
        st.booleans(),
        st.booleans(),
        st.text(),
        st.text(),
        made,
    ),
    st.builds(Failed, position, st.text(), st.text(), st.binary(), st.text(), st.text(), made),
    st.builds(Damaged, position, st.binary(), st.text()),
    st.builds(Returned, st.lists(position).map(tuple)),
    st.builds(Echoed, position, st.text(), st.text()),
    st.builds(Lost, st.text(), st.text(), st.booleans()),
    st.builds(Refused, st.text(), st.text(), st.binary()),
    st.just(Ended()),
)


def told(some: list[Answer]) -> list[tuple[type, Answer]]:
    return [(type(answer), answer) for answer in some]


@given(st.lists(answers), st.lists(st.integers(1, 200)))
def test_answers_come_whole_however_they_are_cut(some: list[Answer], cuts: list[int]) -> None:
    data = b"".join(map(encoded_answer, some))
    waiting, heard = bytearray(), list[Answer]()
    for cut in [*cuts, len(data)]:
        waiting += data[:cut]
        data = data[cut:]
        heard += take_answers(waiting)
    assert told(heard) == told(some)
    assert not waiting


@given(st.lists(answers))
def test_answers_to_a_batch_travel_together(some: list[Answer]) -> None:
    assert told(decoded_answers(encoded_answers(some))) == told(some)
