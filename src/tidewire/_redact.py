"""Keep secrets out of logs, whoever writes the record.

A logging filter applies only to records logged on the very logger that carries it, never to those of its children, so
``install`` puts it on every logger that is known to speak of our requests and on every one already made below them.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import traceback
from urllib.parse import quote

__all__ = ["RedactingFilter", "install", "redact_text", "register"]

HIDDEN = "***"

# httpx logs the whole URL at INFO; httpcore and hpack headers, picows handshakes, at DEBUG (httpx 0.28, httpcore 1.0,
# hpack 4.1, picows 2.3). httpcore logs only on the children listed, and may be imported after us.
_LOGGERS = (
    "tidewire",
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack",
    "hpack.hpack",
    "hpack.table",
    "picows",
)

# A text shorter than this would blank out half of every record.
_SHORTEST = 4

_NAME = (
    r"(?:[A-Za-z0-9]+[-_])*(?:signature|sign|secret(?:[-_]?key)?|passphrase|password|token|jwt|api[-_]?key"
    r"|access[-_]?key(?:[-_]?id)?|listen[-_]?key|private[-_]?key|authorization|cookie)|key"
)
# name=value, name: value, "name": "value", 'name': 'value', (b'name', b'value')
_PARAMETER = re.compile(
    rf"""(?P<lead>(?<![\w-])(?:{_NAME})(?:\\?["']\s*[:,]\s*|\s*[:=]\s*))
    (?: (?P<open>b?(?P<quote>\\?["']))(?:(?!(?P=quote)).)*
      | (?:(?:Bearer|Basic)[ ])?[^\s&"'\#,;)\]}}]+ )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_USER_INFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_LISTEN_KEY = re.compile(r"(?<=/)[A-Za-z0-9]{40,}(?![A-Za-z0-9])")  # a path segment: Binance's user stream URL

_lock = threading.Lock()
_registered: frozenset[str] = frozenset()
_registered_pattern: re.Pattern[str] | None = None


def register(*secrets: str | None) -> None:
    """Hide these texts, wherever they appear, for the rest of the process.

    Covers the text itself, its percent-encoded and escaped spellings, and each line of a PEM key. Texts of fewer than
    four characters are left alone, ``None`` is ignored. Safe to call from any thread.
    """
    global _registered, _registered_pattern
    with _lock:
        spellings = _registered.union(*(_spellings(secret) for secret in secrets if secret))
        if spellings != _registered:
            longest_first = sorted(spellings, key=len, reverse=True)
            _registered_pattern = re.compile("|".join(map(re.escape, longest_first)))
            _registered = spellings


def redact_text(text: str) -> str:
    """Return the text with ``***`` for registered secrets and for values of key-, token- and signature-like names.

    Understands queries, header lines, JSON and Python reprs of headers, PEM private keys, JWTs, user info in URLs.
    """
    if _registered_pattern is not None:
        text = _registered_pattern.sub(HIDDEN, text)
    text = _PRIVATE_KEY.sub(HIDDEN, text)
    text = _PARAMETER.sub(_hide_value, text)
    text = _USER_INFO.sub(HIDDEN, text)
    text = _JWT.sub(HIDDEN, text)
    return _LISTEN_KEY.sub(HIDDEN, text)


class RedactingFilter(logging.Filter):
    """Let every record pass, with its message, traceback and stack redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and return ``True``."""
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001 - a broken record must reach no handler: logging would print its arguments
            message = f"log record does not fit its arguments ({type(error).__name__})"
            record.msg, record.args = message, None
        redacted = redact_text(message)
        if redacted != message:
            record.msg, record.args = redacted, None
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            record.exc_text = redact_text(record.exc_text)
        if record.stack_info:
            record.stack_info = redact_text(record.stack_info)
        return True


_FILTER = RedactingFilter()


def install() -> None:
    """Put the filter on our loggers and on those of the libraries that see our requests.

    Repeating it is cheap and safe: loggers made later below these names are covered by the next call.
    """
    below = tuple(f"{name}." for name in _LOGGERS)
    made = [name for name in tuple(logging.root.manager.loggerDict) if name.startswith(below)]
    for name in (*_LOGGERS, *made):
        logging.getLogger(name).addFilter(_FILTER)


def _hide_value(match: re.Match[str]) -> str:
    return f"{match['lead']}{match['open'] or ''}{HIDDEN}"


def _spellings(secret: str) -> set[str]:
    lines = [line for line in secret.replace("\\n", "\n").splitlines() if len(line) >= 16 and "-----" not in line]
    escaped = (json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe=""), quote(secret))
    return {text for text in (secret, secret.strip(), *escaped, *lines) if len(text) >= _SHORTEST}
