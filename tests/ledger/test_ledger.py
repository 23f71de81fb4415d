"""The list of meant differences is the truth or the test fails, in both directions."""

import pathlib

import pytest

import ledger

LISTED = {"a": "why"}


def written(folder, text):
    path = folder / "differences.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_truth_passes():
    assert ledger.judge(LISTED, {"a", "b"}, {"a"}) == []


def test_a_difference_that_is_not_listed_fails():
    assert ledger.judge(LISTED, {"a", "b"}, {"a", "b"}) == ["differs and is not listed: b"]


def test_a_listed_difference_that_is_none_fails():
    assert ledger.judge(LISTED, {"a", "b"}, set()) == ["is listed and does not differ: a"]


def test_what_was_not_asked_says_nothing_about_the_list():
    assert ledger.judge(LISTED, {"b"}, set()) == []
    assert ledger.unknown(LISTED, {"b"}) == ["is listed and not recorded: a"]


@pytest.mark.parametrize(
    "text",
    [
        "[[exchange]]\nname = 'a'\nreason = 'r'",
        "[[exchange]]\nname = 'a'\nreason = ''\ncontract = 'c'",
        "[[exchange]]\nname = 'a'\nreason = 'r'\ncontract = 'c'\n" * 2,
        "[[exchanges]]\nname = 'a'\nreason = 'r'\ncontract = 'c'",
        "[[exchange",
    ],
)
def test_a_list_that_says_too_little_is_refused(tmp_path, text):
    with pytest.raises(ledger.Malformed):
        ledger.read(written(tmp_path, text))


@pytest.mark.parametrize("name", ["differences.toml", "differences.postgres.toml"])
def test_the_lists_of_the_project_hold(name):
    listed = ledger.read(pathlib.Path(__file__).with_name(name))
    assert set(listed) == set(ledger.KINDS)
    assert "receipt of any id" in listed["exchange"]
