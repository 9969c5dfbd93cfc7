"""The operator's status page: counts, and nothing that names anybody [SHA-BOX-15]."""

from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from postbox.api import JSON_TYPE, services
from postbox.db import Database
from postbox.models import Box, ItemState, LedgerItem, Message, MessageState

page = Blueprint("mailbox_page", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much the mailbox holds."""

    boxes: int
    waiting: int
    delivered: int
    queued: int
    committed: int
    refused: int


def count(db: Database) -> Counts:
    """Count what the mailbox holds."""
    with db.read() as session:
        return Counts(
            boxes=session.scalar(select(func.count()).select_from(Box)) or 0,
            waiting=_messages(session, MessageState.HELD),
            delivered=_messages(session, MessageState.ACKED),
            queued=_items(session, ItemState.QUEUED) + _items(session, ItemState.SUBMITTED),
            committed=_items(session, ItemState.COMMITTED),
            refused=_items(session, ItemState.REFUSED),
        )


def _messages(session: Session, state: MessageState) -> int:
    query = select(func.count()).select_from(Message).where(Message.state == state)
    return session.scalar(query) or 0


def _items(session: Session, state: ItemState) -> int:
    query = select(func.count()).select_from(LedgerItem).where(LedgerItem.state == state)
    return session.scalar(query) or 0


@page.get("/")
def status() -> str:
    """Show the counts in the reader's language."""
    lang = request.accept_languages.best_match(["ja", "en"], "en")
    return render_template("mailbox_status.html", lang=lang, counts=count(services().db))


@page.get("/health")
def health() -> Response:
    """Answer 200 when the database answers."""
    count(services().db)
    return Response('{"status":"ok"}', mimetype=JSON_TYPE)
