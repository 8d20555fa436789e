#!/usr/bin/python3
"""An S3 store on a folder, for tests: it checks signatures, knows one bucket and its keys, and keeps what it was told.

It reads the environment that Garage reads (GARAGE_DEFAULT_ACCESS_KEY, _SECRET_KEY and _BUCKET, GARAGE_RPC_SECRET) and listens on
Garage's port. Its commands are refused with another RPC secret than that of the server, as Garage's are.
Put, get with ranges, head, delete, delete many, list in pages, multipart. `/garage status` asks whether it answers;
`key import`, `bucket allow` and `key delete` take Garage's arguments.
"""

import datetime as dt
import email.utils
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ROOT = Path("/var/lib/garage/data")
KEYS = Path("/var/lib/garage/meta/keys.json")
"""The secret of each key, and whether the key is for the bucket."""
SECRET_OF_SERVER = Path("/var/lib/garage/meta/rpc-secret.sha256")
KEY, SECRET, BUCKET = (os.environ.get(f"GARAGE_DEFAULT_{name}", "") for name in ("ACCESS_KEY", "SECRET_KEY", "BUCKET"))
RPC_SECRET = os.environ.get("GARAGE_RPC_SECRET", "")
PORT = 3900
PAGE = 1000


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def sign(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self) -> None:
        split = urlsplit(self.path)
        self.query = dict(parse_qsl(split.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.check_signature(split.path, body)
            bucket, _, key = unquote(split.path).lstrip("/").partition("/")
            if bucket != BUCKET:
                raise Refused(403, "AccessDenied")  # the key is for this bucket alone
            action = getattr(self, f"{self.command.lower()}_{'object' if key else 'bucket'}", None)
            if action is None or ".." in key:
                raise Refused(501, "NotImplemented")
            action(key, body)
        except Refused as refused:
            text = f"<?xml version='1.0'?><Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>"
            self.send(refused.status, text.encode(), Content_Type="application/xml")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

    def check_signature(self, path: str, body: bytes) -> None:
        """Signature version 4 in the Authorization header; see the AWS documentation on signing requests."""
        written = self.headers.get("Authorization") or ""
        parts = dict(re.findall(r"(\w+)=([^,\s]+)", written))
        credential = parts.get("Credential", "").split("/")
        known = read_keys().get(credential[0])
        if len(credential) != 5 or known is None:
            raise Refused(403, "InvalidAccessKeyId")
        if not known["is_allowed"]:
            raise Refused(403, "AccessDenied")
        payload = self.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        if re.fullmatch("[0-9a-f]{64}", payload) and payload != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch")
        names = parts["SignedHeaders"].split(";")
        canonical = "\n".join(
            [
                self.command,
                quote(unquote(path), safe="/-_.~"),
                "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in sorted(self.query.items())),
                *(f"{name}:{' '.join((self.headers.get(name) or '').split())}" for name in names),
                "",
                parts["SignedHeaders"],
                payload,
            ]
        )
        scope = "/".join(credential[1:])
        text = (
            f"AWS4-HMAC-SHA256\n{self.headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        key = f"AWS4{known['secret']}".encode()
        for part in credential[1:]:
            key = sign(key, part)
        if not hmac.compare_digest(sign(key, text).hex(), parts.get("Signature", "")):
            raise Refused(403, "SignatureDoesNotMatch")

    def find(self, key: str) -> Path:
        path = ROOT / BUCKET / key
        if not path.is_file():
            raise Refused(404, "NoSuchKey")
        return path

    def store(self, key: str, data: bytes) -> str:
        path = ROOT / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = ROOT / "unfinished" / uuid.uuid4().hex
        part.parent.mkdir(exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'

    def get_object(self, key: str, _body: bytes) -> None:
        path = self.find(key)
        data, changed = path.read_bytes(), email.utils.formatdate(path.stat().st_mtime, usegmt=True)
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        common = {"ETag": etag, "Last_Modified": changed, "Content_Type": "application/octet-stream"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
            self.send(206, data[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(data)}", **common)
        else:
            self.send(200, data, **common)

    head_object = get_object

    def put_object(self, key: str, body: bytes) -> None:
        if self.query.get("uploadId"):
            folder = ROOT / "uploads" / Path(self.query["uploadId"]).name
            (folder / f"{int(self.query['partNumber']):05}").write_bytes(body)
            self.send(200, ETag=f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')
            return
        if self.headers.get("If-None-Match") == "*" and (ROOT / BUCKET / key).exists():
            raise Refused(412, "PreconditionFailed")
        self.send(200, ETag=self.store(key, body))

    def post_object(self, key: str, _body: bytes) -> None:
        if "uploads" in self.query:
            upload = uuid.uuid4().hex
            (ROOT / "uploads" / upload).mkdir(parents=True)
            answer = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
            text = f"<InitiateMultipartUploadResult>{answer}</InitiateMultipartUploadResult>"
        else:
            folder = ROOT / "uploads" / Path(self.query["uploadId"]).name
            etag = self.store(key, b"".join(path.read_bytes() for path in sorted(folder.iterdir())))
            shutil.rmtree(folder)
            text = f"<CompleteMultipartUploadResult><ETag>{escape(etag)}</ETag></CompleteMultipartUploadResult>"
        self.send(200, text.encode(), Content_Type="application/xml")

    def delete_object(self, key: str, _body: bytes) -> None:
        (ROOT / BUCKET / key).unlink(missing_ok=True)
        self.send(204)

    def head_bucket(self, _key: str, _body: bytes) -> None:
        self.send(200)

    def post_bucket(self, _key: str, body: bytes) -> None:
        keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
        for key in keys:
            (ROOT / BUCKET / key).unlink(missing_ok=True)
        text = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self.send(
            200, f"<?xml version='1.0'?><DeleteResult>{text}</DeleteResult>".encode(), Content_Type="application/xml"
        )

    def get_bucket(self, _key: str, _body: bytes) -> None:
        prefix = self.query.get("prefix", "")
        after = self.query.get("continuation-token") or self.query.get("start-after") or ""
        size = min(int(self.query.get("max-keys") or PAGE), PAGE)
        base = ROOT / BUCKET
        keys = sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())
        keys = [key for key in keys if key.startswith(prefix) and key > after]
        page, is_more = keys[:size], len(keys) > size
        text = [f"<?xml version='1.0'?><ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>"]
        text.append(
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{size}</MaxKeys><IsTruncated>{str(is_more).lower()}</IsTruncated>"
        )
        if is_more:
            text.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
        for key in page:
            facts = (base / key).stat()
            when = dt.datetime.fromtimestamp(facts.st_mtime, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
            text.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{when}Z</LastModified><ETag>&quot;-&quot;</ETag>"
                f"<Size>{facts.st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        text.append("</ListBucketResult>")
        self.send(200, "".join(text).encode(), Content_Type="application/xml")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def read_keys() -> dict[str, dict[str, object]]:
    return json.loads(KEYS.read_text()) if KEYS.exists() else {}


def write_keys(keys: dict[str, dict[str, object]]) -> None:
    draft = KEYS.with_suffix(".draft")
    draft.write_text(json.dumps(keys))
    draft.replace(KEYS)


def change_keys(words: list[str]) -> None:
    """`key import --yes ID SECRET -n NAME`, `bucket allow --read --write --owner BUCKET --key ID`, `key delete --yes ID`."""
    keys = read_keys()
    match words:
        case ["key", "import", "--yes", key, secret, "-n", _]:
            if key in keys:
                sys.exit(f"Error: access key {key} exists already")
            keys[key] = {"secret": secret, "is_allowed": False}
        case ["bucket", "allow", *given] if {"--read", "--write", "--owner", "--key", BUCKET} <= set(given):
            keys[given[given.index("--key") + 1]]["is_allowed"] = True
        case ["key", "delete", "--yes", key]:
            del keys[key]
        case _:
            sys.exit(f"Error: unknown command {words}")
    write_keys(keys)


def digest_rpc_secret() -> str:
    if not re.fullmatch("[0-9a-f]{64}", RPC_SECRET):
        sys.exit("Error: Invalid RPC secret key")
    return hashlib.sha256(RPC_SECRET.encode()).hexdigest()


def ask_status() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=3)
    connection.request("GET", "/")
    return 0 if connection.getresponse().status == 403 else 1


if __name__ == "__main__":
    if sys.argv[1:2] != ["server"] and digest_rpc_secret() != SECRET_OF_SERVER.read_text():
        sys.exit("Error: Handshake error: Crypto error")
    if sys.argv[1:2] == ["status"]:
        sys.exit(ask_status())
    if sys.argv[1:2] != ["server"]:
        change_keys(sys.argv[1:])
        sys.exit()
    SECRET_OF_SERVER.write_text(digest_rpc_secret())
    write_keys(read_keys() | {KEY: {"secret": SECRET, "is_allowed": True}})
    (ROOT / BUCKET).mkdir(parents=True, exist_ok=True)
    Server(("0.0.0.0", PORT), Handler).serve_forever()
