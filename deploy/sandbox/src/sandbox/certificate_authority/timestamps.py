"""A time-stamp service (RFC 3161) on the signer of pyHanko."""

import secrets

from asn1crypto import cms, core, keys, tsp, x509
from cryptography.hazmat.primitives import serialization
from pyhanko.sign import SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from sandbox.certificate_authority.certificates import Identity
from sandbox.clock import Clock

# An arc for examples (RFC 7229): this policy promises nothing.
POLICY = "1.3.6.1.5.5.7.13.1"
DIGESTS = ("sha256", "sha384", "sha512")


class TimestampService:
    """Signs the hash that a client sends together with the time of the clock."""

    def __init__(self, *, identity: Identity, issuing: Identity, clock: Clock) -> None:
        self._clock = clock
        self._name = x509.GeneralName("directory_name", _asn1(identity).subject)
        self._signer = SimpleSigner(
            signing_cert=_asn1(identity),
            signing_key=keys.PrivateKeyInfo.load(
                identity.key.private_bytes(
                    serialization.Encoding.DER,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            ),
            cert_registry=SimpleCertificateStore.from_certs(  # type: ignore[no-untyped-call] # pyHanko leaves it untyped
                [_asn1(issuing)]
            ),
        )

    async def answer(self, body: bytes) -> bytes:
        """A TimeStampResp for a TimeStampReq, both DER; a refusal is an answer too."""
        try:
            request = tsp.TimeStampReq.load(body, strict=True)
            digest = request["message_imprint"]["hash_algorithm"]["algorithm"].native
            hashed = request["message_imprint"]["hashed_message"].native
        except (ValueError, TypeError):
            return _refused("bad_data_format")
        if digest not in DIGESTS:
            return _refused("bad_alg")
        if len(hashed) * 8 != int(digest.removeprefix("sha")):
            return _refused("bad_data_format")
        token = await self._signer.async_sign_general_data(
            cms.EncapsulatedContentInfo(
                {"content_type": "tst_info", "content": self._info(request)}
            ),
            digest_algorithm="sha256",
            detached=False,
        )
        return bytes(
            tsp.TimeStampResp(
                {"status": tsp.PKIStatusInfo({"status": "granted"}), "time_stamp_token": token}
            ).dump()
        )

    def _info(self, request: tsp.TimeStampReq) -> cms.ParsableOctetString:
        info = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": request["message_imprint"],
            "serial_number": secrets.randbits(64),
            "gen_time": self._clock(),
            "tsa": self._name,
        }
        if request["nonce"].native is not None:
            info["nonce"] = request["nonce"]
        return cms.ParsableOctetString(tsp.TSTInfo(info).dump())


class _Rejection(core.Sequence):  # type: ignore[misc] # asn1crypto is untyped
    """A TimeStampResp without its optional token, which asn1crypto takes for mandatory."""

    _fields = [("status", tsp.PKIStatusInfo)]  # noqa: RUF012 - read by asn1crypto


def _refused(failure: str) -> bytes:
    status = tsp.PKIStatusInfo({"status": "rejection", "fail_info": {failure}})
    return bytes(_Rejection({"status": status}).dump())


def _asn1(identity: Identity) -> x509.Certificate:
    return x509.Certificate.load(identity.certificate.public_bytes(serialization.Encoding.DER))
