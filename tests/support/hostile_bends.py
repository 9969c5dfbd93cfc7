"""What can be done to an honest request: each endpoint's row, and every bent request made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

CANARY = "CANARY7f3a9c"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=edge"
HUGE = 7 * 1024 * 1024
# In every text of a request, one after the other: shapes, not words.
NAUGHTY = (
    "",
    "\0",
    "\x1b]52;c;aGk=\a",
    "\r\nSet-Cookie: a=b",
    "' OR 1=1 --",
    "{{7*7}}${7*7}",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "%s%n%x",
    "\u202e\u2066ｆｉｒｍ",
    "\ufdfa" * 40,
    "a" * 70_000,
    "NULL",
    "-1",
    "1e999",
    "\U0010ffff",
    "=cmd|'/c calc'!A1",
    "\ufeff",
)
WRONG: tuple[Any, ...] = (None, True, 0, -1, 1.5, 10**30, [], ["a", 1], {}, {"a": 1})


@dataclass(frozen=True, kw_only=True)
class Good:
    """An honest request, in parts that can be bent; `body` is for what is neither."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    body: bytes = b""
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as it goes out."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One endpoint: method and rule of the program's map, and how an honest request looks.

    Attributes:
        taken: The honest request's status.
        again: The status of the very same request sent once more.
        winners: Of eight copies at once, how many are `taken`; None where each is.
        optional: Members whose absence is no fault.
        free: Members that may hold any text, or where a wrong one is not refused.
        lenient: Whether a body that is not read may be anything.
        echoes: Whether the answer holds what was asked, as a proof names its key.
        answers_any: Whether every name in the path has an answer, if only a proof of absence.
        early: A request that is out of order, and the code of its refusal.
    """

    method: str
    rule: str
    good: Callable[[Any], Good]
    taken: int = 200
    again: int = 200
    winners: int | None = None
    optional: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()
    lenient: bool = False
    echoes: bool = False
    answers_any: bool = False
    early: tuple[Callable[[Any], Good], str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def encode(good: Good, method: str) -> Sent:
    body, kind = good.body, good.type
    if good.json is not None:
        body, kind = json.dumps(good.json).encode(), kind or JSON
    elif good.files:
        body, kind = multipart(good), kind or MULTIPART
    elif good.form is not None:
        body, kind = urlencode(good.form, doseq=True, errors="surrogatepass").encode(), kind or FORM
    headers = dict(good.headers) | ({"Content-Type": kind} if kind else {})
    path = good.path + ("?" + urlencode(good.query) if good.query else "")
    return Sent(method=method, path=path, body=body, headers=headers)


def multipart(good: Good) -> bytes:
    parts = []
    for name, value in (good.form or {}).items():
        for each in value if isinstance(value, list) else [value]:
            text = str(each).encode("utf-8", "surrogatepass")
            parts.append(
                b'Content-Disposition: form-data; name="%s"' % name.encode() + b"\r\n\r\n" + text
            )
    for name, (file, content) in good.files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{file}"'
        parts.append(f"{head}\r\nContent-Type: image/png\r\n\r\n".encode() + content)
    return b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"


def bent(row: Row, good: Good) -> Iterator[tuple[str, Sent]]:
    """Every hostile request that is made of an honest one."""
    yield from bent_paths(row, good)
    yield from bent_headers(row, good)
    if row.method in {"POST", "PUT", "PATCH"} and not row.lenient:
        yield from bent_bodies(row, good)


def bent_paths(row: Row, good: Good) -> Iterator[tuple[str, Sent]]:
    names = re.findall(r"<(?:[^:>]+:)?([^>]+)>", row.rule)
    pattern = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"(?P<\1>[^/?]+)", row.rule)
    match = re.match(pattern, good.path)
    for name in names:
        assert match is not None, good.path
        start, end = match.span(name)
        for text in (*NAUGHTY[1:11], NAUGHTY[15], "a" * 4000, "..%2f..%2fetc%2fpasswd", CANARY):
            piece = quote(text, safe="%" if "%2f" in text else "")
            path = good.path[:start] + piece + good.path[end:]
            yield f"path {name} {text[:12]!r}", replace(encode(good, row.method), path=path)
        for piece in ("%ff%fe", "%ED%A0%80", "%"):
            path = good.path[:start] + piece + good.path[end:]
            yield f"path {name} {piece}", replace(encode(good, row.method), path=path)


def bent_queries(good: Good) -> Iterator[str]:
    """Paths whose parameters are bent; what is not understood may be taken for absent."""
    for name in (*good.query, "unknown"):
        rest = {key: item for key, item in good.query.items() if key != name}
        for text in (*NAUGHTY[:11:2], "a" * 4000, CANARY, "9" * 30):
            yield f"{good.path}?{urlencode(rest | {name: text})}"
        for piece in ("%ff%fe", "%", "a&" * 500):
            yield f"{good.path}?{urlencode(rest)}&{name}={piece}"
        yield f"{good.path}?{urlencode(good.query)}&{name}={CANARY}"


def bent_headers(row: Row, good: Good) -> Iterator[tuple[str, Sent]]:
    sent = encode(good, row.method)
    for name, value in good.headers.items():
        if name not in {"Authorization", "Cookie"}:
            continue
        rest = {key: item for key, item in sent.headers.items() if key != name}
        yield f"no {name}", replace(sent, headers=rest)
        for bad in (
            CANARY,
            f"Basic {CANARY}",
            "Bearer",
            "Bearer \x7f",
            f"{value[:-4]}AAAA",
            value * 40,
        ):
            yield f"{name} {bad[:9]!r}", replace(sent, headers=rest | {name: bad[:8000]})


def bent_bodies(row: Row, good: Good) -> Iterator[tuple[str, Sent]]:
    sent = encode(good, row.method)

    def raw(body: bytes, kind: str = "", **headers: str) -> Sent:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = kind or sent.headers.get("Content-Type", FORM)
        return replace(sent, body=body, headers={**sent.headers, "Content-Type": kind, **named})

    for kind in (
        "text/plain",
        "application/xml",
        "image/png",
        "a/b; charset=utf-7",
        "/",
        "x" * 300,
    ):
        yield f"type {kind[:12]}", raw(sent.body, kind)
    untyped = {name: value for name, value in sent.headers.items() if name != "Content-Type"}
    yield "no type", replace(sent, headers=untyped)
    yield "packed", raw(sent.body, Content_Encoding="gzip")
    members = {*(good.json or good.form or {"body": sent.body})}
    if not members <= row.optional:
        yield "empty", raw(b"")
    yield "cut", raw(sent.body[: len(sent.body) // 2])
    yield (
        "shift_jis",
        raw(sent.body, f"{sent.headers.get('Content-Type', FORM)}; charset=shift_jis"),
    )
    yield "huge", raw(b"a" * HUGE)
    yield "bytes", raw(bytes(range(256)))
    yield "UTF-16", raw(sent.body.decode("latin-1").encode("utf-16"))
    if good.json is not None:
        yield from bent_json(row, good, raw)
    elif good.form is not None:
        yield from bent_form(row, good)
    else:
        yield "padded", raw(sent.body + b"=")
        yield "not ASCII", raw(sent.body + "割符".encode())
        for text in NAUGHTY[1:]:
            yield f"text {text[:9]!r}", raw(text.encode())


def bent_json(row: Row, good: Good, raw: Callable[..., Sent]) -> Iterator[tuple[str, Sent]]:
    whole: Any = good.json
    for text in ("[]", "1", "null", '"a"', "true", "NaN", "{", "{}}", "[" * 5000, '{"a":' * 5000):
        yield f"JSON {text[:9]}", raw(text.encode())
    yield "BOM", raw(b"\xef\xbb\xbf" + json.dumps(whole).encode())
    for name, value in whole.items():
        rest = {key: item for key, item in whole.items() if key != name}
        if name not in row.optional:
            yield f"without {name}", raw(json.dumps(rest).encode())
        twice = (
            json.dumps(rest | {name: value})[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}"
        )
        yield f"{name} twice", raw(twice.encode())
        for literal in (
            "NaN",
            "-Infinity",
            "1e999",
            "9" * 20_000,
            '"\\ud800"',
            "[" * 300 + "]" * 300,
        ):
            text = json.dumps(rest)[:-1] + f"{', ' if rest else ''}{json.dumps(name)}: {literal}}}"
            yield f"{name} {literal[:9]}", raw(text.encode())
        if name in row.free:
            continue
        for bad in (*WRONG, *NAUGHTY):
            fits = type(bad) is type(value) and not isinstance(bad, str)
            if name in row.optional and (bad is None or fits):
                continue
            changed = json.dumps(rest | {name: bad if not isinstance(bad, str) else bad + CANARY})
            yield f"{name} {str(bad)[:9]!r}", raw(changed.encode())


def bent_form(row: Row, good: Good) -> Iterator[tuple[str, Sent]]:
    form = dict(good.form or {})
    for name, value in form.items():
        rest = {key: item for key, item in form.items() if key != name}
        if name not in row.optional:
            yield f"without {name}", encode(replace(good, form=rest), row.method)
        if name in row.free:
            continue
        first = value[0] if isinstance(value, list) else value
        if not isinstance(value, list):
            twice = replace(good, form=rest | {name: [first, first]})
            yield f"{name} twice", encode(twice, row.method)
        # A form with a picture has many fields: each takes a third, and together they take all.
        for text in NAUGHTY[len(name) % 3 :: 3] if good.files else NAUGHTY:
            yield (
                f"{name} {text[:9]!r}",
                encode(replace(good, form=rest | {name: text + CANARY}), row.method),
            )
    if good.files:
        yield from bent_files(row, good)
    elif form:
        name, value = next(iter(form.items()))
        pairs = urlencode({k: v for k, v in form.items() if k != name}, doseq=True)
        for piece in ("%ff%fe", "%ED%A0%80", quote_plus(str(value)) + "%00"):
            body = f"{quote_plus(name)}={piece}&{pairs}".encode()
            yield f"{name}={piece[-9:]}", replace(encode(good, row.method), body=body)


def bent_files(row: Row, good: Good) -> Iterator[tuple[str, Sent]]:
    for name in good.files:
        fewer = {key: item for key, item in good.files.items() if key != name}
        other = replace(good, files=fewer or {"other": ("a", b"a")})
        yield f"without {name}", encode(other, row.method)
        for file, content in (("a.png", b""), ("a.svg", b"<svg/>"), ("../a", b"GIF89a")):
            one = good.files | {name: (file, content)}
            yield f"{name} {content!r}", encode(replace(good, files=one), row.method)
