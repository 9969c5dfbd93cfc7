"""What a person is told about an error, by code prefix, in English and Japanese.

Each text says what happened and what to do next [ERR-4]. Whether anything was shared is known
only to the program that acted, which adds it; here it is said where the code itself decides it.
"""

from typing import Literal

from ssi.advice import chain, evidence, messages, programs
from ssi.advice.form import Advice

__all__ = ["ADVICE", "Advice", "advice_for"]

ADVICE: dict[str, Advice] = messages.ADVICE | chain.ADVICE | evidence.ADVICE | programs.ADVICE


def advice_for(code: str, fallback: str, lang: Literal["ja", "en"]) -> str:
    """Find the advice for a code.

    Args:
        code: The dotted code of the error.
        fallback: The default code of its class.
        lang: The language of the reader.

    Returns:
        The text of the longest prefix of ``code`` in the table, else of ``fallback``.
    """
    for candidate in (code, fallback):
        prefix = candidate
        while prefix:
            if prefix in ADVICE:
                return ADVICE[prefix].ja if lang == "ja" else ADVICE[prefix].en
            prefix = prefix.rpartition(".")[0]
    return ADVICE["error"].ja if lang == "ja" else ADVICE["error"].en
