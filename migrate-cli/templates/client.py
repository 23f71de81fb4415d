# ruff: noqa: {{ self.left_alone() }}
"""{{ api.title }} {{ api.version }}: a client.
{% if let Some(about) = api.about %}
{{ about }}
{% endif %}
Written by `{{ command }}` from the OpenAPI document.
Do not edit: it is written anew from there.

`Client` waits for answers, `AsyncClient` is awaited; both have a method for each operation.
Where nothing else is given, {{ prefix }}_URL says where the service is{% for (secret, name) in secrets %}{% if loop.first %} and {% else %}, {% endif %}{{ name }} is the {{ secret.argument }}{% endfor %}.
An answer that is no success raises `ApiError`; no answer raises an error of httpx.
"""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Mapping
from typing import {{ typing.join(", ") }}
from urllib.parse import quote

import httpx

__all__ = [{% for name in exported %}
    "{{ name }}",{% endfor %}
]

# How long a request may take: to connect, and between two parts of it.
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
{%- if !functions.is_empty() %}

# What each function stands for: the file and the name it had.
REPLACES: dict[str, str] = {
{%- for function in functions %}
    {{ Self::text(function.stands_for) }}: "{{ function.name }}",
{%- endfor %}
}
{%- endif %}


class ApiError(Exception):
    """The service said no, or something that is no answer to the request."""

    def __init__(self, method: str, url: str, status: int, body: Any) -> None:
        super().__init__(f"{method} {url}: {status}: {str(body)[:500]}")
        self.status = status
        self.body = body
{% for record in api.records %}
{% if Self::is_odd(record) %}
{%- if !record.required.is_empty() %}
_{{ record.name }}Required = TypedDict(
    "_{{ record.name }}Required",
    {
{%- for field in record.required %}
        {{ Self::text(field.name) }}: {{ Self::text(field.annotation) }},
{%- endfor %}
    },
)
{%- endif %}
{%- if !record.optional.is_empty() %}
_{{ record.name }}Optional = TypedDict(
    "_{{ record.name }}Optional",
    {
{%- for field in record.optional %}
        {{ Self::text(field.name) }}: {{ Self::text(field.annotation) }},
{%- endfor %}
    },
    total=False,
)
{%- endif %}


class {{ record.name }}({% if !record.required.is_empty() %}_{{ record.name }}Required{% if !record.optional.is_empty() %}, {% endif %}{% endif %}{% if !record.optional.is_empty() %}_{{ record.name }}Optional{% endif %}):
    """{% if let Some(about) = Self::about(record) %}{{ about }}{% else %}{{ record.name }}, with fields that are no names of Python.{% endif %}"""
{% else if record.required.is_empty() || record.optional.is_empty() %}
class {{ record.name }}(TypedDict{% if record.required.is_empty() %}, total=False{% endif %}):
{%- if let Some(about) = Self::about(record) %}
    """{{ about }}"""
{% endif %}
{%- for field in record.required %}
    {{ field.name }}: {{ field.annotation }}
{%- endfor %}
{%- for field in record.optional %}
    {{ field.name }}: {{ field.annotation }}
{%- endfor %}
{% else %}
class _{{ record.name }}(TypedDict):
{%- for field in record.required %}
    {{ field.name }}: {{ field.annotation }}
{%- endfor %}


class {{ record.name }}(_{{ record.name }}, total=False):
{%- if let Some(about) = Self::about(record) %}
    """{{ about }}"""
{% endif %}
{%- for field in record.optional %}
    {{ field.name }}: {{ field.annotation }}
{%- endfor %}
{% endif %}
{%- endfor %}

def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _part(value: object) -> str:
    """A part of a path; what a server would take for a step up or for nothing is none."""
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} can't be a part of a path")
    return quote(text, safe="")


def _url(given: str | None) -> str:
    url = given or os.environ.get("{{ prefix }}_URL"){% if let Some(server) = api.server %} or {{ Self::text(server) }}{% endif %}
    if not url:
        raise ValueError("where is the service? give base_url, or set {{ prefix }}_URL")
    return url


def _headers({% for (secret, _) in secrets %}{% if !loop.first %}, {% endif %}{{ secret.argument }}: str | None{% endfor %}) -> dict[str, str]:
    headers: dict[str, str] = {}
{%- for (secret, name) in secrets %}
    {{ secret.argument }} = {{ secret.argument }} or os.environ.get("{{ name }}")
    if {{ secret.argument }}:
        headers[{{ Self::text(secret.header) }}] = {% if secret.before.is_empty() %}{{ secret.argument }}{% else %}f"{{ secret.before }}{{ "{" }}{{ secret.argument }}{{ "}" }}"{% endif %}
{%- endfor %}
    return headers


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


def _answer(response: httpx.Response, is_json: bool) -> Any:
    request = response.request
    body: Any = response.text
    if is_json:
        try:
            body = response.json() if response.content else None
        except ValueError as problem:
            if response.is_success:
                raise ApiError(request.method, request.url.path, response.status_code, body) from problem
    if not response.is_success:
        raise ApiError(request.method, request.url.path, response.status_code, body)
    return body
{% for kind in kinds %}

class {{ kind.name }}:
    """{{ kind.about }}"""

    def __init__(
        self,
        base_url: str | None = None,
        *,
{%- for (secret, _) in secrets %}
        {{ secret.argument }}: str | None = None,
{%- endfor %}
        timeout: float | httpx.Timeout = TIMEOUT,
        transport: {{ kind.transport }} | None = None,
    ) -> None:
        self._http = {{ kind.http }}(
            base_url=_url(base_url),
            headers=_headers({% for (secret, _) in secrets %}{% if !loop.first %}, {% endif %}{{ secret.argument }}{% endfor %}),
            timeout=timeout,
            transport=transport,
            verify=_tls(),
        )

    {{ kind.def }} {{ kind.enter }}(self) -> {{ kind.name }}:
        return self

    {{ kind.def }} {{ kind.exit }}(self, *_: object) -> None:
        {{ kind.awaits }}self.{{ kind.close }}()

    {{ kind.def }} {{ kind.close }}(self) -> None:
        """Ends its connections."""
        {{ kind.awaits }}self._http.{{ kind.close }}()

    {{ kind.def }} _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        body: Any = None,
        is_json: bool = True,
    ) -> Any:
        response = {{ kind.awaits }}self._http.request(
            method,
            path,
            params=_given(query or {}),
            headers={name: str(value) for name, value in _given(headers or {}).items()},
            json=body,
        )
        return _answer(response, is_json)
{% for operation in api.operations %}
    {{ kind.def }} {{ operation.name }}(
        self,
{%- for line in Self::signature(operation) %}
        {{ line }},
{%- endfor %}
    ) -> {{ operation.answer.annotation }}:
        """{{ operation.about }}"""
        {{ Self::opening(operation, kind.awaits) }}self._send(
{%- for line in Self::sent(operation) %}
            {{ line }},
{%- endfor %}
        ){% if Self::is_cast(operation) %}){% endif %}
{% endfor %}
{%- endfor %}
{%- for function in functions %}

{% if function.is_async %}async {% endif %}def {{ function.name }}({{ function.parameters.join(", ") }}) -> {{ function.returns }}:
    """In place of {{ function.stands_for }}: {{ function.request }}."""
{%- for (name, value) in function.made_with %}
    if not {{ value }}:
        raise ValueError("{{ value }} is the {{ name }} of this call and must not be empty")
{%- endfor %}
{%- if let Some(body) = function.body %}
    _body = cast(
        {{ Self::text(body.annotation) }},
        {
{%- for (name, value) in body.required %}
            {{ Self::text(name) }}: {{ value }},
{%- endfor %}
{%- if !body.optional.is_empty() %}
            **_given({ {%- for (name, value) in body.optional %}{% if !loop.first %}, {% endif %}{{ Self::text(name) }}: {{ value }}{% endfor -%} }),
{%- endif %}
        },
    )
{%- endif %}
    {% if function.is_async %}async {% endif %}with {% if function.is_async %}Async{% endif %}Client({% for (name, value) in function.made_with %}{% if !loop.first %}, {% endif %}{{ name }}={{ value }}{% endfor %}) as _client:
        return {% if function.is_async %}await {% endif %}_client.{{ function.method }}({% for (name, value) in function.given %}{% if !loop.first %}, {% endif %}{{ name }}={{ value }}{% endfor %})
{% endfor %}
