"""What nearly every bundle says, for the compressor to refer to [REG-PROOF-8].

Names of members and the usual words of records, the forms of times, and the runs of base64 that a
P-256 certificate cannot do without, in the three ways they may fall into base64's groups of four.
A preset dictionary of zlib (RFC 1950 §2.2): it is part of the format and never changes.
"""

from typing import Final

_ITEMS = (
    '"items":[{"anchor":"anchor/","entry":"","proof":{"index":,"path":[""],"total":},'
    '"type":"batch"},{"proof":{"index":0,"path":[],"total":1},"tx_hash":"","type":"tx"}],"path":[],'
)
_OTHERS = (
    '{"depth":20,"instead":"","key":"consent/"},{"depth":19,"key":"","value":{"height":,'
    '"jwk":{"crv":"Ed25519","kty":"OKP","x":""},"key":"","operator":"","state":"given",'
    '"state":"withdrawn","time":,"until":,"v":1,"withdrawn_at":null}},'
)
_KEY = (
    '{"compromised_since":null,"height":,"issuer":"","jwk":{"crv":"P-256","kty":"EC","x":"",'
    '"y":""},"next_digest":null,"state":"retired","state":"suspended","state":"active",'
    '"thumbprint":"","time":,"use":"status","use":"credential","v":1,"valid_from":,'
    '"valid_until":}},'
)
_STATUS = (
    '{"bits":2,"digest":"","expires_at":null,"height":,"issued_at":,"sequence":,"size":1048576,'
    '"state":"active","time":,"uri":"https:///status-lists/","v":1}},'
)
_ANCHOR = '"key":"anchor/","value":{"height":,"root":"","size":,"state":"committed","time":,"v":1}}'
# AlgorithmIdentifier and SubjectPublicKeyInfo of P-256, and the extensions of an authority.
_CERTIFICATE = (
    "oAMCAQICAKBggqhkjOPQQDAjACgYIKoZIzj0EAwIwAoGCCqGSM49BAMCMC"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
    "BZMBMGByqGSM49AgEGCCqGSM49AwEHA0IAB"
    "wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAA"
    "o2MwYTAdBgNVHQ4EFgQUMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMB8GA1UdIwQYMBaAF"
    "NjMGEwHQYDVR0OBBYEFDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAfBgNVHSMEGDAWgBS"
    "jYzBhMB0GA1UdDgQWBBQwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHwYDVR0jBBgwFoAU"
    "MAoGCCqGSM49BAMCA0gAMEUCIQAKBggqhkjOPQQDAgNHADBEAiAwCgYIKoZIzj0EAwIDSQAwRgIhAO"
)
_ISSUER = (
    '{"ca":["MIIB"],"contact":"@","corporate_number":"","credential_types":["urn:warifu:kyc:1",'
    '"urn:warifu:address:1","urn:warifu:driving-licence:1"],"height":,"name":{"en":"","ja":"株式会社"},'
    '"reason":null,"state":"active","suspended_at":null,"suspended_by":null,"time":,'
    '"trust_framework":"https:///trust_framework/","url":"https://","v":1,"valid_from":,'
    '"valid_until":}},'
)
_RECORDS = (
    '"records":[{"depth":21,"key":"issuer/","value":{"depth":20,"key":"key/","value":{"depth":18,'
    '"key":"status/","value":{"bits":'
)
_BLOCK = (
    '],"siblings":"","v":2}{"light_block":{"header":{"app":"1","app_hash":"","chain_id":"",'
    '"consensus_hash":"","data_hash":"","height":"","last_block_id":["",1,""],"last_commit_hash":"",'
    '"last_results_hash":"","next_validators_hash":"","proposer":0,'
    '"time":"2026-11-00T00:00:00.000000000Z"},"parts":[1,""],"round":0,'
    '"validators":[["","1"],["","10"]],"votes":[null,["2027-0-0T00:00:00.0Z","'
)
_PARTS: Final = (_ITEMS, _OTHERS, _ANCHOR, _STATUS, _KEY, _CERTIFICATE, _ISSUER, _RECORDS, _BLOCK)
DICTIONARY: Final = "".join(_PARTS).encode()
