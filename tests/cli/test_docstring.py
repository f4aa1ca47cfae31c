"""What docstrings say of parameters."""

from __future__ import annotations

from inspect import cleandoc

import pytest

from taskproc_cli.docstring import describe_parameters, own_docstring, summary

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


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_the_summary_stops_before_the_parameters(text: str) -> None:
    assert summary(cleandoc(text)) == "Train a model."


def test_no_docstring_says_nothing() -> None:
    class Bare:
        pass

    assert describe_parameters(None) == {}
    assert describe_parameters("Just a line.") == {}
    assert own_docstring(Bare) == ""
