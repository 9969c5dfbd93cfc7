"""The families of records the pages know by name; any other is drawn all the same."""

from dataclasses import dataclass, replace
from typing import Final

from registry_chain.explorer.cells import Row, Rows, Text, rows_of, state
from registry_chain.explorer.here import Here
from registry_chain.explorer.lapsing import lapse_of
from registry_chain.explorer.proving import Shown
from ssi.encoding import JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family.

    Args:
        prefix: The first part of its keys.
        summary: The members shown in a list.
        first: The members shown first on a record's own page.
        related: Families whose keys go on with this record's id.
    """

    prefix: str
    summary: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    related: tuple[str, ...] = ()


_STATED: Final = ("name", "state")

FAMILIES: Final = (
    Family(prefix="member", summary=("roles",), first=(*_STATED, "roles", "keys")),
    Family(
        prefix="issuer",
        summary=("corporate_number", "credential_types", "valid_from", "valid_until"),
        first=(
            *_STATED,
            "corporate_number",
            "credential_types",
            "attests",
            "valid_from",
            "valid_until",
        ),
        related=("key", "status", "anchor"),
    ),
    Family(
        prefix="key",
        summary=("use", "valid_from", "valid_until", "compromised_since"),
        first=("state", "issuer", "use", "valid_from", "valid_until", "compromised_since"),
    ),
    Family(prefix="verifier", summary=("profile",), first=("state", "profile")),
    Family(prefix="operator", summary=("url",), first=(*_STATED, "url", "keys")),
    Family(prefix="schema", summary=("vct", "digest"), first=("state", "vct", "publisher")),
    Family(
        prefix="status",
        summary=("sequence", "size", "issued_at", "expires_at"),
        first=("state", "sequence", "uri", "digest", "bits", "size"),
    ),
    Family(prefix="anchor", summary=("size", "root", "time"), first=("state", "root", "size")),
    Family(
        prefix="proposal",
        summary=("grade", "why", "yes", "no", "voters", "expires_at"),
        first=("state", "grade", "why", "proposer", "yes", "no", "voters", "expires_at", "actions"),
        related=("ballot",),
    ),
    Family(prefix="ballot", summary=("yes", "time"), first=("yes", "digest")),
    Family(
        prefix="emergency",
        summary=("why", "callers", "until"),
        first=("state", "target", "why", "callers", "until"),
    ),
    Family(prefix="pause", summary=("why", "until"), first=("state", "why", "until")),
    Family(
        prefix="dispute",
        summary=("record", "why", "opener"),
        first=("state", "record", "why", "opener", "arbiters", "findings"),
    ),
    Family(prefix="correction", summary=("dispute",), first=("state", "dispute")),
    Family(
        prefix="upgrade",
        summary=("rules_version", "from_height", "package"),
        first=("state", "rules_version", "from_height", "package"),
    ),
    Family(prefix="migration", summary=("validators",), first=("state", "validators", "by")),
    Family(prefix="validator", summary=("power", "member"), first=("state", "power", "member")),
    Family(
        prefix="offence",
        summary=("kind", "validator", "at_height", "at_time"),
        first=("state", "kind", "validator", "at_height", "at_time"),
    ),
    Family(
        prefix="bridge",
        summary=("method", "epoch", "anchored_height", "time"),
        first=("state", "method", "epoch", "anchored_height", "block_hash", "digest"),
    ),
    Family(prefix="consent", summary=("until", "operator"), first=("state", "until", "operator")),
    Family(prefix="notice", summary=("deadline", "operator"), first=("state", "deadline")),
    Family(prefix="ack", summary=("outcome_class", "operator"), first=("state", "outcome_class")),
    Family(prefix="client", summary=("verifier",), first=("state", "verifier")),
    Family(prefix="box", summary=("verifier",), first=("state", "verifier")),
)
BY_PREFIX: Final = {family.prefix: family for family in FAMILIES}


def family_of(key: str) -> Family:
    """The family of a key; a new one for a name nobody knows."""
    prefix = key.partition("/")[0]
    return BY_PREFIX.get(prefix) or Family(prefix=prefix)


def title_of(key: str, value: JSONObject | None, here: Here) -> str:
    """What a person calls a record: its name if it has one, else the end of its key."""
    profile = {} if value is None else value.get("profile")
    for holder in (value, profile):
        name = holder.get("name") if isinstance(holder, dict) else None
        if isinstance(name, dict) and isinstance(name.get(here.lang), str):
            return str(name[here.lang])
    return key.partition("/")[2] or key


def summary_of(key: str, value: JSONObject, here: Here) -> tuple[Row, ...]:
    """The few members by which a record is told from others in a list."""
    family = family_of(key)
    shown: JSONObject = {}
    for name in family.summary:
        found = value.get(name)
        if name == "profile" and isinstance(found, dict):
            purposes = found.get("purposes")
            shown["corporate_number"] = found.get("corporate_number")
            shown["purposes"] = [
                {"ja": one.get("ja"), "en": one.get("en")}
                for one in (purposes if isinstance(purposes, list) else ())
                if isinstance(one, dict)
            ]
        elif found is not None:
            shown[name] = found
    return rows_of(shown, here).rows


def state_of(shown: Shown, here: Here) -> Text | None:
    """A record's state in words, when it has one; what ended by time is said to be over."""
    found = None if shown.value is None else shown.value.get("state")
    if not isinstance(found, str):
        return None
    lapse = lapse_of(shown)
    if lapse is None:
        return state(found, here)
    at = here.seconds(lapse.at)
    when = str(lapse.at) if at is None else here.moment(at)
    if lapse.state is None:
        return Text(text=here.word("lapsed_at").format(at=when), look="bad")
    back = state(lapse.state, here)
    return replace(back, text=here.word("suspension_lapsed").format(state=back.text, at=when))


def members_of(shown: Shown, here: Here) -> Rows | None:
    """Every member of a record, its state as `state_of` says."""
    if shown.value is None:
        return None
    stands = state_of(shown, here)
    drawn = rows_of(shown.value, here, first=family_of(shown.key).first)
    return Rows(
        rows=tuple(
            replace(row, cell=stands) if row.name == "state" and stands is not None else row
            for row in drawn.rows
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One record in a list."""

    shown: Shown
    title: str
    state: Text | None
    summary: tuple[Row, ...]


def line_of(shown: Shown, here: Here) -> Line:
    """A record for a list."""
    value = shown.value
    return Line(
        shown=shown,
        title=title_of(shown.key, value, here),
        state=state_of(shown, here),
        summary=() if value is None else summary_of(shown.key, value, here),
    )
