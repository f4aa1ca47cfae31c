"""What docstrings say of parameters."""

from __future__ import annotations

from inspect import cleandoc

import pytest

from taskproc_cli.docstring import describe_own_parameters, describe_parameters, own_docstring, summary

GOOGLE = """Train a model.

    Args:
        rate: How fast
            it learns.
        kind (str): Which one: any.

    Returns:
        loss: not a parameter
    """
NUMPY = """Train a model.

    Parameters
    ----------
    rate : float, optional
        How fast
        it learns.
    kind
        Which one: any.

    Returns
    -------
    loss
        not a parameter
    """
SPHINX = """Train a model.

    :param float rate: How fast
        it learns.
    :param kind: Which one: any.
    :returns: loss
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_each_style_is_read(text: str) -> None:
    assert describe_parameters(text) == {"rate": "How fast it learns.", "kind": "Which one: any."}


def test_types_may_have_brackets_and_texts_many_lines() -> None:
    text = """Train.

    Args:
        rate (Optional[float], defaults to (1, 2)): How
            fast.

            And: more.
        **more: The rest.
    """
    assert describe_parameters(text) == {"rate": "How fast. And: more.", "more": "The rest."}


def test_bases_tell_of_what_a_class_does_not() -> None:
    class Base:
        """:param x: of the base
        :param y: of the base"""

    class Derived(Base):
        """:param y: its own"""

        def __init__(self, x: int, y: int, z: int) -> None:
            """:param z: of init"""

    assert describe_own_parameters(Derived) == {"x": "of the base", "y": "its own", "z": "of init"}


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_the_summary_stops_before_the_parameters(text: str) -> None:
    assert summary(cleandoc(text)) == "Train a model."


def test_blanks_around_a_docstring_are_no_part_of_it() -> None:
    class Padded:
        __doc__ = " Train a model. "

    assert own_docstring(Padded) == "Train a model."


def test_no_docstring_says_nothing() -> None:
    class Bare:
        pass

    assert describe_parameters(None) == {}
    assert describe_parameters("Just a line.") == {}
    assert own_docstring(Bare) == ""
