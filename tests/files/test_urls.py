"""What opens a place is never shown; where it is, always."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlpuconv.files.urls import shown, shown_text, without_secrets

SECRET = st.text("§ß/?#&=:@+%", min_size=1, max_size=12).filter(lambda text: {"§", "ß"} & set(text))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/a/b.onnx", "s3://bucket/a/b.onnx"),
        ("s3://bucket/a@b/c:d", "s3://bucket/a@b/c:d"),
        ("http://host:8080/x", "http://host:8080/x"),
        ("http://user@host:8080/x", "http://host:8080/x"),
        ("http://user:word@host/x?sig=1#part", "http://host/x"),
        ("s3://key:se/cret@bucket/x", "s3://***"),
        ("s3://key:se?cret@bucket/x", "s3://***"),
        ("zip://in.onnx::s3://k:w@bucket/x.zip", "zip://in.onnx::s3://bucket/x.zip"),
        ("/folder/a?b@c:d", "/folder/a?b@c:d"),
        ("a::b", "a::b"),
    ],
)
def test_a_url_is_shown_without_what_opens_it(url: str, expected: str) -> None:
    assert shown(url) == expected


def test_urls_in_a_text_are_shown_so_too() -> None:
    text = "cannot reach 'https://u:w@host/x?sig=1', nor s3://b/y; why?"
    assert shown_text(text) == "cannot reach 'https://host/x', nor s3://b/y; why?"


@given(st.text("§ß+%", min_size=1, max_size=12).filter(lambda text: {"§", "ß"} & set(text)), SECRET)
@example("key§", "a@b/ß")
def test_no_secret_is_shown_whatever_it_is_made_of(user: str, password: str) -> None:
    url = f"s3://{user}:{password}@bucket/x"
    for text in (shown(url), without_secrets(f"403: {url} refused {user}, {password}", url)):
        assert not {"§", "ß"} & set(text)


@given(SECRET)
def test_no_secret_of_a_query_is_shown(secret: str) -> None:
    url = f"https://host/x?a=1&sig={secret}"
    assert not {"§", "ß"} & set(shown(url))
