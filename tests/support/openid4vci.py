"""What every test of the OpenID4VCI messages needs."""

import json
import os

import pytest

from ssi.errors import Rejected
from ssi.keys import generate_agreement_key

ISSUER = "https://issuer.example.com/kyc"
PRE_AUTH = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
ENCRYPTION_KEY = generate_agreement_key(os.urandom)


def wire(obj):
    return json.dumps(obj)


def refusal(function, *args, error=Rejected, **kwargs):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return caught.value.code
