"""The server's certificate: the context of TLS, made of two files, and made anew when those have changed."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from trio_chat.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger(__name__)


class Certificates:
    """A certificate with its chain and its key, as new connections use them. Raises `StartError`."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self.context = self._load()

    def reload(self) -> None:
        """Read the files again, for new connections; if they are not right, log that and go on with what was."""
        try:
            self.context = self._load()
        except StartError as error:
            LOGGER.error("%s The certificate that was read before stays in use.", error)
        else:
            LOGGER.info("the certificate was read again from %s", self._certificate)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key, password=_refuse_password)
        except OSError as error:  # what is wrong with their contents is an SSLError, which is one too
            files = f"{self._certificate}" + (f" and {self._key}" if self._key else "")
            why = getattr(error, "reason", None) or error.strerror or str(error)
            raise StartError(
                f"The certificate cannot be used: {files}: {why}. --tls-certificate names a PEM file with the "
                "certificate and its chain, --tls-key one with its key, without a password."
            ) from error
        return context


def _refuse_password() -> str:
    raise OSError("the key has a password")
