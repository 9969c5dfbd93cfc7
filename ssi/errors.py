"""Everything that can go wrong, sorted by who must act.

`Rejected`: the other side's data is bad, and that is final. `Unavailable`: there is no
verdict yet; retry, never accept. `Misbehaviour`: two signed statements contradict each other;
keep both. `Refused`: a rule of the ledger forbids the transaction. `WalletError`: the holder
must act. A caller's own mistake is a `ValueError` or `TypeError`, not one of these.

`str(error)` is the fact, `error.code` its stable name, `error.diagnostics(lang)` the advice.
None of the three ever holds a claim value, a secret or a personal datum [ERR-2].
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ssi.advice import advice_for

Language = Literal["ja", "en"]


class SSIError(Exception):
    """The root: an `except SSIError` that declines is always safe [ERR-1].

    Args:
        fact: What happened, in one English sentence without any value of the data judged.
        code: The stable dotted code, when narrower than the default of the class.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, fact: str = "", *, code: str | None = None) -> None:
        self.code = code or self.default_code
        super().__init__(fact or self.code)

    def diagnostics(self, lang: Language = "en") -> str:
        """Tell a person what happened and what to do next [ERR-4].

        Args:
            lang: The language of the person who reads it.

        Returns:
            Advice by code, then by a prefix of the code, then by class.
        """
        return advice_for(self.code, self.default_code, lang)


class Rejected(SSIError):
    """The other side's data is bad: a final verdict."""

    default_code = "rejected"


class Malformed(Rejected):
    """The bytes do not have the form their format demands."""

    default_code = "malformed"


class InvalidSignature(Rejected):
    """A signature, seal or authentication tag does not verify."""

    default_code = "jose.signature"


class InvalidProof(Rejected):
    """A Merkle, ledger or inclusion proof does not verify."""

    default_code = "proof.invalid"


class Untrusted(Rejected):
    """Well formed and perhaps well signed, but by or from somebody we do not trust."""

    default_code = "untrusted"


class NotYetValid(Rejected):
    """The statement's time has not begun."""

    default_code = "credential.not_yet_valid"


class Expired(Rejected):
    """The statement's time is over."""

    default_code = "credential.expired"


class Revoked(Rejected):
    """The issuer has taken the statement back for good."""

    default_code = "credential.revoked"


class Suspended(Rejected):
    """The issuer has put the statement on hold."""

    default_code = "credential.suspended"


class BindingMismatch(Rejected):
    """Made for another audience, nonce, document type or key."""

    default_code = "binding.mismatch"


class Replayed(Rejected):
    """Seen before, and acceptable only once."""

    default_code = "presentation.replayed"


class PolicyNotMet(Rejected):
    """Valid, but not what was asked for."""

    default_code = "policy.not_met"


class Unavailable(SSIError):
    """No verdict: try again later, and never accept meanwhile.

    Args:
        fact: What could not be had.
        code: The stable code.
        retry_after: Seconds to wait, when the other side said so.
    """

    default_code = "unavailable"

    def __init__(
        self, fact: str = "", *, code: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(fact, code=code)
        self.retry_after = retry_after


class Unreachable(Unavailable):
    """Nobody answered, or the answer could not be read to its end."""

    default_code = "fetch.failed"


class Stale(Unavailable):
    """The newest statement we hold is too old to decide on."""

    default_code = "light.stale"


class Misbehaviour(SSIError):
    """Two signed statements contradict each other; both are kept as evidence.

    Args:
        fact: What contradicts what.
        code: The stable code.
        first: The signed bytes seen first.
        second: The signed bytes that contradict them.
    """

    default_code = "light.misbehaviour"

    def __init__(
        self, fact: str = "", *, code: str | None = None, first: bytes, second: bytes
    ) -> None:
        super().__init__(fact, code=code)
        self.first = first
        self.second = second


class Refused(SSIError):
    """A rule of the ledger forbids this transaction.

    Args:
        fact: Why, in one sentence.
        code: The stable code.
        rule: The clause that forbids it, such as ``REG-ISS-2``.
    """

    default_code = "tx.refused"

    def __init__(self, fact: str = "", *, code: str | None = None, rule: str) -> None:
        super().__init__(fact or rule, code=code)
        self.rule = rule


class WalletError(SSIError):
    """Something only the holder can resolve."""

    default_code = "wallet.error"


class Locked(WalletError):
    """The vault is locked."""

    default_code = "wallet.locked"


class WrongPassphrase(WalletError):
    """The passphrase does not open the vault."""

    default_code = "wallet.wrong_passphrase"


class NoMatchingCredential(WalletError):
    """The wallet holds nothing that answers the request."""

    default_code = "wallet.no_matching_credential"


class ConsentDeclined(WalletError):
    """The holder said no."""

    default_code = "consent.declined"


class VaultError(WalletError):
    """The vault cannot be read or written."""

    default_code = "wallet.vault"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How one class of error looks to the outside [ERR-3]."""

    error: type[SSIError]
    default_code: str
    http: int
    oauth: str
    openid4vp: str
    abci: int


def _row(error: type[SSIError], http: int, oauth: str, openid4vp: str, abci: int) -> ErrorRow:
    return ErrorRow(error, error.default_code, http, oauth, openid4vp, abci)


ERRORS: tuple[ErrorRow, ...] = (
    _row(SSIError, 500, "server_error", "server_error", 1),
    _row(Rejected, 400, "invalid_request", "invalid_request", 10),
    _row(Malformed, 400, "invalid_request", "invalid_request", 11),
    _row(InvalidSignature, 400, "invalid_grant", "invalid_request", 12),
    _row(InvalidProof, 400, "invalid_grant", "invalid_request", 13),
    _row(Untrusted, 403, "access_denied", "invalid_client", 14),
    _row(NotYetValid, 400, "invalid_grant", "invalid_request", 15),
    _row(Expired, 400, "invalid_grant", "invalid_request", 16),
    _row(Revoked, 400, "invalid_grant", "invalid_request", 17),
    _row(Suspended, 400, "invalid_grant", "invalid_request", 18),
    _row(BindingMismatch, 400, "invalid_grant", "invalid_request", 19),
    _row(Replayed, 409, "invalid_grant", "invalid_request", 20),
    _row(PolicyNotMet, 422, "access_denied", "access_denied", 21),
    _row(Unavailable, 503, "temporarily_unavailable", "temporarily_unavailable", 30),
    _row(Unreachable, 503, "temporarily_unavailable", "temporarily_unavailable", 31),
    _row(Stale, 503, "temporarily_unavailable", "temporarily_unavailable", 32),
    _row(Misbehaviour, 500, "server_error", "server_error", 40),
    _row(Refused, 422, "access_denied", "access_denied", 50),
    _row(WalletError, 500, "server_error", "wallet_unavailable", 60),
    _row(Locked, 423, "access_denied", "wallet_unavailable", 61),
    _row(WrongPassphrase, 403, "access_denied", "wallet_unavailable", 62),
    _row(NoMatchingCredential, 404, "access_denied", "access_denied", 63),
    _row(ConsentDeclined, 403, "access_denied", "access_denied", 64),
    _row(VaultError, 500, "server_error", "wallet_unavailable", 65),
)

_ROWS = {row.error: row for row in ERRORS}


def row_of(error: SSIError | type[SSIError]) -> ErrorRow:
    """Return the table row of an error, or of the nearest class above it.

    Args:
        error: An error or its class.

    Returns:
        The row that tells the HTTP, OAuth, OpenID4VP and ABCI codes.
    """
    kind = error if isinstance(error, type) else type(error)
    return next(_ROWS[base] for base in kind.__mro__ if base in _ROWS)
