"""Reads the environment, once, under the monolith's own names."""

import json
import os
from dataclasses import dataclass


def _keys(text: str) -> frozenset[bytes]:
    """A list of API keys: a JSON list, or comma-separated."""
    text = text.strip()
    names = json.loads(text) if text.startswith("[") else text.split(",")
    return frozenset(name.strip().encode("latin-1") for name in names if name.strip())


@dataclass(frozen=True)
class Settings:
    """What the process was started with."""

    env: str
    host: str
    port: int
    database_url: str
    admin_keys: frozenset[bytes]
    client_keys: frozenset[bytes]
    log_level: str
    switches: str | None
    busy_timeout: float

    @property
    def dev(self) -> bool:
        """In `dev` every key passes and is the user."""
        return self.env == "dev"

    @staticmethod
    def from_env(env: "os._Environ[str] | dict[str, str]" = os.environ) -> "Settings":
        """Raises ValueError with the variable's name when one can't be read."""
        try:
            port = int(env.get("APP_PORT", "8011"))
        except ValueError:
            raise ValueError(f"APP_PORT is not a port number: {env['APP_PORT']!r}") from None
        try:
            busy_timeout = float(env.get("SQLITE_TIMEOUT_SECONDS", "5"))
        except ValueError:
            raise ValueError(
                f"SQLITE_TIMEOUT_SECONDS is no number: {env['SQLITE_TIMEOUT_SECONDS']!r}"
            ) from None
        return Settings(
            env=env.get("APP_ENV", "dev"),
            host=env.get("APP_HOST", "127.0.0.1"),
            port=port,
            database_url=env.get("DATABASE_URL", "sqlite:///./coordinator.db"),
            admin_keys=_keys(env.get("ADMIN_API_KEYS", "")),
            client_keys=_keys(env.get("CLIENT_API_KEYS", "")),
            log_level=env.get("LOG_LEVEL", "info").lower(),
            switches=env.get("MONOLITH_SWITCHES"),
            busy_timeout=busy_timeout,
        )
