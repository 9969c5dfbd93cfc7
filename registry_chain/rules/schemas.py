"""Rules for credential types: published once, never changed. [REG-SCH-1] to [REG-SCH-3]."""

from registry_chain.records import ACTIVE, SchemaRecord, schema_key
from registry_chain.rules.context import BlockContext, Rule, find, refuse, require_decision
from registry_chain.state import Changes, View
from registry_chain.transactions import PublishSchema
from ssi.encoding import b64url_encode, canonical_json, sha256


def _publish(view: View, account: str, body: PublishSchema, block: BlockContext) -> Changes:
    require_decision(account, "REG-SCH-1")
    key = schema_key(body.name, body.version)
    if find(view, SchemaRecord, key) is not None:
        raise refuse("REG-SCH-2", "schema_exists", "this version is published already")
    if body.version > 1:
        before = find(view, SchemaRecord, schema_key(body.name, body.version - 1))
        if before is None:
            raise refuse("REG-SCH-2", "schema_gap", "the version before it is missing")
        if before.vct != body.vct:
            raise refuse("REG-SCH-3", "schema_type", "the versions before it are of another type")
    content = canonical_json(
        {"json_schema": body.json_schema, "type_metadata": body.type_metadata, "vct": body.vct}
    )
    record = SchemaRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        publisher=account,
        vct=body.vct,
        type_metadata=body.type_metadata,
        json_schema=body.json_schema,
        digest=b64url_encode(sha256(content)),
    )
    return {key: record.to_bytes()}


RULES: dict[str, Rule] = {PublishSchema.TYPE: _publish}
