"""The fleet with every connection encrypted, under an authority of its own, and PgBouncer before PostgreSQL."""

import json
import os
import ssl
from pathlib import Path
from typing import Any

from tests.fleet import base_images, engine
from tests.fleet.pages import read_commands
from tests.fleet.project import FOLDER, OURS, Fleet
from tests.fleet.steps import analyze

TLS = FOLDER / "tls"
_SERVERS = ("postgres", "redis", "pgbouncer")
_LOOK = """
from emoscope.settings import load_settings
from db.core.session import Database
from sqlalchemy import text
database = Database(load_settings().effective_database_url)
found = []
for _ in range(8):
    with database.write() as session:
        found.append(tuple(session.execute(text("SELECT current_setting('lock_timeout'), current_setting('TimeZone')")).one()))
print(sorted(set(found)))
"""


def make_certificates(uid: int) -> None:
    """An authority, and a key with a certificate for each server, by the commands of the page.

    uid: of the user by which PostgreSQL runs in its image: it refuses a key that others may read.
    """
    TLS.mkdir(parents=True, exist_ok=True)
    authority, server = read_commands("encrypt-connections", "Certificates")
    engine.run("bash", "-euo", "pipefail", "-c", authority, cwd=TLS)
    for name in _SERVERS:
        engine.run("bash", "-euo", "pipefail", "-c", server, cwd=TLS, env={**os.environ, "NAME": name})
        (TLS / f"{name}.key").chmod(0o644)
    os.chown(TLS / "postgres.key", uid, uid)
    (TLS / "postgres.key").chmod(0o600)


def write_pooler(password: str) -> None:
    """PgBouncer's configuration: transaction mode, encrypted on both sides, all else as it is by default."""
    (TLS / "userlist.txt").write_text(f'"emoscope" "{password}"\n')
    (TLS / "pgbouncer.ini").write_text(
        "[databases]\nemoscope = host=postgres\n"
        "[pgbouncer]\npool_mode = transaction\nlisten_addr = 0.0.0.0\nlisten_port = 6432\nunix_socket_dir =\n"
        "auth_type = scram-sha-256\nauth_file = /tls/userlist.txt\n"
        "client_tls_sslmode = require\nclient_tls_key_file = /tls/pgbouncer.key\nclient_tls_cert_file = /tls/pgbouncer.pem\n"
        "server_tls_sslmode = verify-full\nserver_tls_ca_file = /tls/ca.pem\n"
    )


def write_overlay(fleet: Fleet) -> Path:
    """A compose file over the shipped one."""
    mount = [f"{TLS}:/tls:ro"]
    password, secret = fleet.values["DATABASE_PASSWORD"], fleet.values["REDIS_PASSWORD"]
    checked = "sslmode=verify-full&sslrootcert=/tls/ca.pem"
    queue = f"rediss://:{secret}@redis:6379/0?ssl_ca_certs=/tls/ca.pem"
    database = f"postgresql+psycopg://emoscope:{password}@pgbouncer:6432/emoscope?{checked}"
    ours: dict[str, Any] = {
        name: {"environment": {"EMOSCOPE_DATABASE_URL": database, "EMOSCOPE_REDIS_URL": queue}, "volumes": mount}
        for name in ("migrate", "api", "worker", "housekeeper", "training")
    }
    ours["beat"] = {"environment": {"EMOSCOPE_REDIS_URL": queue}, "volumes": mount}
    ours["migrate"]["depends_on"] = {"pgbouncer": {"condition": "service_started"}}
    ssl_words = ["ssl=on", "ssl_cert_file=/tls/postgres.pem", "ssl_key_file=/tls/postgres.key"]
    redis_words = ["--tls-port", "6379", "--port", "0", "--tls-cert-file", "/tls/redis.pem", "--tls-key-file", "/tls/redis.key",
                   "--tls-ca-cert-file", "/tls/ca.pem", "--tls-auth-clients", "no"]  # fmt: skip
    servers = {
        "postgres": {
            "command": [
                "postgres",
                "-c",
                "max_connections=100",
                *(word for each in ssl_words for word in ("-c", each)),
            ],
            "volumes": mount,
        },
        "redis": {
            "command": [
                "redis-server",
                "--appendonly",
                "yes",
                "--maxmemory-policy",
                "noeviction",
                "--requirepass",
                secret,
                *redis_words,
            ],
            "volumes": mount,
            "healthcheck": {"test": ["CMD", "redis-cli", "--tls", "--cacert", "/tls/ca.pem", "-h", "redis", "ping"]},
        },
        "pgbouncer": {
            "image": fleet.values["PGBOUNCER_IMAGE"],
            "entrypoint": [],
            "command": ["pgbouncer", "/tls/pgbouncer.ini"],
            "volumes": mount,
            "depends_on": {"postgres": {"condition": "service_healthy"}},
        },
    }
    path = FOLDER / "encrypted.json"
    path.write_text(json.dumps({"services": ours | servers}, indent=1))
    return path


def encrypt(fleet: Fleet, key: str) -> dict[str, Any]:
    """The acceptance job through PgBouncer in transaction mode, `rediss://`, PostgreSQL's TLS and HTTPS at the proxy."""
    uid = engine.run(
        "docker",
        "run",
        "--rm",
        "--entrypoint",
        "id",
        fleet.values.get("POSTGRES_IMAGE") or base_images.list_shipped()["POSTGRES_IMAGE"],
        "-u",
        "postgres",
    )
    make_certificates(int(uid))
    write_pooler(fleet.values["DATABASE_PASSWORD"])
    overlay = write_overlay(fleet)
    fleet.files.append(overlay)
    fleet.set_values(SITE_ADDRESS="https://localhost")
    try:
        fleet.up("proxy", "postgres", "redis", "store", "pgbouncer", *OURS)
        (TLS / "proxy.pem").write_text(
            fleet.compose("exec", "-T", "proxy", "cat", "/data/caddy/pki/authorities/local/root.crt")
        )
        fleet.authority = ssl.create_default_context(cafile=str(TLS / "proxy.pem"))
        seen: dict[str, Any] = {"acceptance": analyze(fleet, key)}
        seen["limits_and_time_zone"] = fleet.compose("exec", "-T", "api", "python", "-c", _LOOK).strip()
        assert seen["limits_and_time_zone"] == "[('15s', 'UTC')]", seen
        asked = "SELECT ssl, count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'emoscope' GROUP BY 1"
        seen["connections"] = fleet.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-tAc", asked).strip()
        assert seen["connections"].startswith("t|"), seen
        assert "\n" not in seen["connections"], seen
        clear = fleet.compose("exec", "-T", "redis", "sh", "-c", "redis-cli -h redis ping 2>&1 || true")
        assert "PONG" not in clear, clear
        return seen
    finally:
        fleet.authority = None
        fleet.files.remove(overlay)
        fleet.set_values(SITE_ADDRESS=":80")
        fleet.up("--remove-orphans", "proxy", "postgres", "redis", "store", *OURS)
