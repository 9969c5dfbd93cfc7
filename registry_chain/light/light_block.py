"""Light blocks: a header, the votes for it, and who the validators are."""

from dataclasses import dataclass

from registry_chain.light import codec
from registry_chain.light.commit import Commit
from registry_chain.light.header import Header
from registry_chain.light.validators import ValidatorSet
from ssi.encoding import JSON, JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedLightBlock:
    """A light block that parses. What it says is true only after `verify_light_block`."""

    header: Header
    commit: Commit
    validators: ValidatorSet

    @property
    def height(self) -> int:
        """The height it claims."""
        return self.header.height


def parse_light_block(obj: JSON) -> UntrustedLightBlock:
    """Read a light block in the JSON of CometBFT's RPC, strictly [REG-LIGHT-7].

    Args:
        obj: ``{"signed_header": {"header", "commit"}, "validator_set": {"validators"}}``.

    Raises:
        Malformed: ``light.malformed``.
    """
    fields = codec.reader(obj, "light_block")
    signed = fields.take_fields("signed_header")
    block = UntrustedLightBlock(
        header=Header.parse(signed.take_object("header")),
        commit=Commit.parse(signed.take_object("commit")),
        validators=ValidatorSet.parse(fields.take_object("validator_set")),
    )
    signed.done()
    fields.done()
    return block


def light_block_to_json(block: UntrustedLightBlock) -> JSONObject:
    """Return the JSON that `parse_light_block` reads."""
    signed: JSONObject = {"header": block.header.to_json(), "commit": block.commit.to_json()}
    return {"signed_header": signed, "validator_set": block.validators.to_json()}
