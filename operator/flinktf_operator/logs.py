"""Structured logs: a JSON object a line, with the job that it is about."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_FIELDS: Final = ("job", "phase", "identity")


class JsonFormatter(logging.Formatter):
    """``time``, ``level``, ``logger``, ``message``, and whatever of ``job``, ``phase``, ``identity`` was given."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {field: str(getattr(record, field)) for field in _FIELDS if hasattr(record, field)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(form: str) -> None:
    """``json`` or ``text``, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # kopf tells of each event that it hands over; what matters is told by those who act on it.
    logging.getLogger("kopf").setLevel(logging.WARNING)
