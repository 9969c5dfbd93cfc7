"""A small browser: cookies, forms and multipart uploads over plain HTTP on loopback.

The demo uses the portal's own HTML forms, with their hidden fields, as a person's
browser would; it knows no private endpoint.
"""

from __future__ import annotations

import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Upload:
    """A file chosen in a form."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Form:
    """One HTML form and the values it starts with."""

    action: str
    method: str
    identifier: str
    multipart: bool
    values: dict[str, list[str]] = field(default_factory=dict, repr=False)
    files: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Element:
    """An element with an id: its attributes and text."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class _PageReader(HTMLParser):
    """Collects forms and the elements that carry an id."""

    VOID = frozenset({"input", "img", "br", "meta", "link", "hr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.elements: dict[str, Element] = {}
        self._form: Form | None = None
        self._open: list[tuple[str, Element | None]] = []
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        element = None
        if "id" in attributes:
            element = Element(tag, attributes)
            self.elements[attributes["id"]] = element
        if tag not in self.VOID:
            self._open.append((tag, element))
        if tag == "form":
            self._form = Form(
                action=attributes.get("action", ""),
                method=attributes.get("method", "get").lower(),
                identifier=attributes.get("id", ""),
                multipart=attributes.get("enctype", "").startswith("multipart/"),
            )
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(tag, attributes)

    def _field(self, tag: str, attributes: dict[str, str]) -> None:
        form, name = self._form, attributes.get("name", "")
        if form is None:
            return
        if tag == "input" and name:
            kind = attributes.get("type", "text").lower()
            if kind == "file":
                form.files.append(name)
            elif kind in {"checkbox", "radio"}:
                if "checked" in attributes:
                    form.values.setdefault(name, []).append(attributes.get("value", "on"))
            elif kind not in {"submit", "button", "image", "reset"}:
                form.values.setdefault(name, []).append(attributes.get("value", ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in attributes:
            form.values.setdefault(self._select, []).append(attributes.get("value", ""))
        elif tag == "textarea":
            self._textarea = name
            form.values.setdefault(name, [""])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None
        while self._open:
            opened, _ = self._open.pop()
            if opened == tag:
                break

    def handle_data(self, data: str) -> None:
        for _, element in self._open:
            if element is not None:
                element.text += data
        if self._textarea and self._form is not None:
            self._form.values[self._textarea] = [
                self._form.values[self._textarea][0] + data,
            ]


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered."""

    url: str
    status: int
    content_type: str
    body: bytes = field(repr=False)
    forms: tuple[Form, ...] = field(default=(), repr=False)
    elements: Mapping[str, Element] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """Return the body as UTF-8 text."""
        return self.body.decode("utf-8")

    def form(self, identifier: str) -> Form:
        """Return the form with this id.

        Raises:
            LookupError: the page has no such form; says which it has.
        """
        for form in self.forms:
            if form.identifier == identifier:
                return form
        have = [form.identifier for form in self.forms]
        raise LookupError(f"{self.status} page without form {identifier!r}; it has {have}")

    def element(self, identifier: str) -> Element:
        """Return the element with this id, or raise ``LookupError``."""
        try:
            return self.elements[identifier]
        except KeyError:
            raise LookupError(f"{self.status} page without element {identifier!r}") from None


class Browser:
    """One person's browser: its cookies and nothing else."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(CookieJar()),
        )

    def get(self, url: str) -> Page:
        """Open a page."""
        return self._send(urllib.request.Request(url))  # noqa: S310 - loopback pages of the demo

    def submit(
        self,
        page: Page,
        form_id: str,
        values: Mapping[str, str | list[str]] | None = None,
        files: Mapping[str, Upload] | None = None,
    ) -> Page:
        """Fill in a form of ``page`` and send it, hidden fields included."""
        form = page.form(form_id)
        fields = {name: list(held) for name, held in form.values.items()}
        for name, value in (values or {}).items():
            fields[name] = list(value) if isinstance(value, list) else [value]
        url = urllib.parse.urljoin(page.url, form.action or page.url)
        pairs = [(name, value) for name, held in fields.items() for value in held]
        if form.method == "get":
            return self.get(f"{url.split('?')[0]}?{urllib.parse.urlencode(pairs)}")
        if form.multipart:
            body, content_type = _multipart(pairs, files or {})
        else:
            body = urllib.parse.urlencode(pairs).encode()
            content_type = "application/x-www-form-urlencoded"
        parts = urllib.parse.urlsplit(url)
        request = urllib.request.Request(  # noqa: S310 - loopback pages of the demo
            url,
            data=body,
            headers={
                "Content-Type": content_type,
                "Origin": f"{parts.scheme}://{parts.netloc}",
                "Sec-Fetch-Site": "same-origin",
            },
        )
        return self._send(request)

    def _send(self, request: urllib.request.Request) -> Page:
        request.add_header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        request.add_header("Accept-Language", "ja,en;q=0.8")
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return _page(answer.url, answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return _page(request.full_url, answer.code, answer.headers, answer.read())


def _page(url: str, status: int, headers: Message, body: bytes) -> Page:
    content_type = str(headers.get("Content-Type", ""))
    reader = _PageReader()
    if content_type.startswith("text/html"):
        reader.feed(body.decode("utf-8"))
    return Page(
        url=url,
        status=status,
        content_type=content_type,
        body=body,
        forms=tuple(reader.forms),
        elements=reader.elements,
    )


def _multipart(pairs: list[tuple[str, str]], files: Mapping[str, Upload]) -> tuple[bytes, str]:
    """Return a multipart/form-data body and its content type (RFC 7578)."""
    boundary = secrets.token_hex(16)
    chunks: list[bytes] = []
    for name, value in pairs:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        chunks += [head.encode(), value.encode(), b"\r\n"]
    for name, upload in files.items():
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="{upload.filename}"\r\nContent-Type: {upload.content_type}\r\n\r\n'
        )
        chunks += [head.encode(), upload.content, b"\r\n"]
    chunks.append(f"--{boundary}--\r\n".encode())
    return b"".join(chunks), f"multipart/form-data; boundary={boundary}"
