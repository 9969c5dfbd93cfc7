"""Asking nodes: one exchange, bounded, with every failure translated.

Nothing here is believed; ``registry_chain.client`` verifies what comes back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ssi.encoding import JSON, Fields, JsonLimits, JSONObject, canonical_json, parse_json_object
from ssi.errors import Malformed, Refused, Rejected, Unavailable, Unreachable
from ssi.fetch import Fetch, Request, Response

LIMITS = JsonLimits(max_bytes=1_000_000, max_depth=32, max_members=60_000, max_string=400_000)
_OK, _ACCEPTED, _NOT_FOUND, _SERVER = 200, 202, 404, 500
_JSON = "application/json"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Generic[Answer]):
    """An answer that holds, the node it is from, and the nodes that were passed over."""

    answer: Answer
    url: str
    failed: Mapping[str, Unavailable | Rejected]


class Nodes:
    """Several nodes of one chain, asked in turn [REG-CLI-4]."""

    def __init__(self, urls: Sequence[str], fetch: Fetch) -> None:
        self._urls = tuple(url.rstrip("/") for url in urls)
        self._fetch = fetch
        self._first = 0

    @property
    def urls(self) -> tuple[str, ...]:
        """The nodes' addresses."""
        return self._urls

    def each(self, ask: Callable[[str], Answer]) -> Answer:
        """Return the first answer that holds; as `first`."""
        return self.first(ask).answer

    def first(self, ask: Callable[[str], Answer]) -> Told[Answer]:
        """Return the first answer that holds, by whom it is, and who failed before.

        A node that cannot be reached, is behind or answers what does not verify is passed over; a
        refusal by the ledger's rules is an answer.

        Raises:
            Unavailable: The last failure, when it was one.
            Rejected: The last failure, when the answer did not verify.
        """
        failed: dict[str, Unavailable | Rejected] = {}
        for turn in range(len(self._urls)):
            place = (self._first + turn) % len(self._urls)
            url = self._urls[place]
            try:
                answer = ask(url)
            except (Unavailable, Rejected) as error:
                failed[url] = error
                continue
            self._first = place
            return Told(answer=answer, url=url, failed=failed)
        nobody = Unreachable("no node is known", code="chain.unreachable")
        raise next(reversed(failed.values()), nobody)

    def get(self, url: str) -> JSONObject:
        """Fetch a JSON object."""
        return _object(self._fetch(Request(url=url, headers={"Accept": _JSON})))

    def get_text(self, url: str) -> str:
        """Fetch ASCII text."""
        answer = self._fetch(Request(url=url))
        _require_ok(answer)
        try:
            return answer.body.decode("ascii")
        except UnicodeDecodeError:
            raise Malformed("a node's answer is not ASCII", code="chain.answer") from None

    def post(self, url: str, body: JSON) -> JSONObject:
        """Post a JSON object and read one."""
        headers = {"Accept": _JSON, "Content-Type": _JSON}
        request = Request(method="POST", url=url, headers=headers, body=canonical_json(body))
        return _object(self._fetch(request))


def _object(answer: Response) -> JSONObject:
    _require_ok(answer)
    return parse_json_object(answer.body, limits=LIMITS)


def _require_ok(answer: Response) -> None:
    if answer.status in (_OK, _ACCEPTED):
        return
    if answer.status >= _SERVER:
        raise Unreachable("a node cannot answer now", code="chain.busy")
    if answer.status == _NOT_FOUND:
        raise Unreachable("a node does not have this", code="chain.not_found")
    raise _spoken(answer)


def _spoken(answer: Response) -> Refused | Malformed:
    """A node's own error: a rule's refusal, or something wrong with what we sent."""
    error = parse_json_object(answer.body, limits=LIMITS)
    reading = Fields(error, where="error", code="chain.answer")
    code = reading.take_str("error", max_len=64)
    rule = reading.opt_str("rule", max_len=32)
    if rule is not None:
        return Refused(f"the chain refuses this by {rule}", code=code, rule=rule)
    return Malformed("a node does not take this request", code=code)
