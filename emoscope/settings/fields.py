"""Every setting with its description. Each is read from the environment as EMOSCOPE_<NAME>, or from a `.env` file.

Without any setting the service runs on one machine: SQLite, an embedded Valkey and a folder, all under `data_dir`.
"""

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.core.blobs import S3Options
from db.core.vocabulary import Detector
from emoscope.settings.cron import InvalidSchedule, normalize_schedule
from emoscope.settings.env_file import read_env_file
from emoscope.settings.ports import parse_ports
from emoscope.settings.problems import PREFIX, InvalidSettings, UnknownVariable, exit_with, find_unknown
from emoscope.settings.redis_url import RedisAddress, read_redis_url
from emoscope.settings.urls import (
    read_blob_url,
    read_collector_url,
    read_database_url,
    read_host,
    read_http_url,
    read_rate,
)

ENV_FILE = Path(".env")
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", re.ASCII)

_MAX_SOCKET_DIR_BYTES = 85
"""Bytes of the folder's path. A socket's path has at most 104 bytes on macOS and 108 on Linux, including its name and the
terminating zero.
"""


class Settings(BaseSettings):
    """The settings of all processes. A process reads them once, when it starts."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
    )

    # Storage
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("emoscope")),
        description="Folder in which a one-machine stack keeps everything: database, photos, models, logs, sockets, its API key.",
    )
    database_url: str = Field(
        default="",
        description="Database, as `postgresql://user:password@host/name` or `sqlite:////path/to/file`. "
        "Empty: SQLite in `data_dir`.",
    )
    redis_url: str = Field(
        default="",
        description="Redis or Valkey, as `redis://user:password@host:port/number`, `rediss://` for TLS, or `unix:///path`. With "
        "TLS the server's certificate and host name are checked, unless the URL says `?ssl_cert_reqs=none` or "
        "`?ssl_check_hostname=false`. `ssl_ca_certs`, `ssl_certfile` and `ssl_keyfile` are read too. Empty: `emoscope"
        " up` starts its own Valkey.",
    )
    blob_url: str = Field(
        default="",
        description="Blob store for photos and model files: `s3://bucket/prefix`, or the path of a folder. Empty: a folder in "
        "`data_dir`.",
    )
    s3_endpoint: str = Field(default="", description="Address of an S3-compatible store, such as Garage. Empty: AWS.")
    s3_region: str = Field(default="us-east-1", description="Region of the S3 bucket.")
    s3_access_key_id: str = Field(
        default="", description="Access key of the S3 store. Empty: boto3 looks for credentials as usual."
    )
    s3_secret_access_key: SecretStr = Field(default=SecretStr(""), description="Secret access key of the S3 store.")

    # HTTP API
    host: str = Field(
        default="127.0.0.1",
        description="Address that the API listens on. The default accepts connections from this machine only.",
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        description="Port that the API listens on. `emoscope up` takes a free port if it is 0.",
    )
    api_processes: int = Field(default=1, ge=1, description="Number of API processes.")
    api_threads: int = Field(default=32, ge=2, description="Number of threads in each API process.")
    max_waits: int = Field(
        default=1_500,
        ge=1,
        description="Maximum number of requests of an API process that wait for a result at the same time. Further ones are "
        "answered at once. A waiting request holds a connection but no thread. At most three quarters of "
        "`EMOSCOPE_MAX_CONNECTIONS` wait.",
    )
    header_timeout_s: float = Field(
        default=10, gt=0, description="Seconds that a new connection has to send the headers of its request."
    )
    body_timeout_s: float = Field(
        default=30,
        gt=0,
        description="Seconds that a client has to send the body of a request. Each `EMOSCOPE_MIN_BODY_RATE` bytes that arrive add"
        " one second.",
    )
    min_body_rate: int = Field(default=10_000, ge=1, description="Minimum rate of a long upload, in bytes per second.")
    max_connections: int = Field(
        default=2_000,
        ge=10,
        description="Maximum number of open connections of an API process. Beyond it, the connection that has been idle longest "
        "is closed.",
    )
    max_held_body_bytes: int = Field(
        default=2_000_000_000,
        ge=1,
        description="Maximum size of all request bodies that an API process receives at the same time, in bytes. Most of them lie"
        " in temporary files. Further requests are refused with 503.",
    )
    max_wait_s: float = Field(default=60, gt=0, description="Maximum `wait` of a request, in seconds.")
    max_photo_bytes: int = Field(default=25_000_000, ge=1, description="Maximum size of a photo, in bytes.")
    max_photo_pixels: int = Field(
        default=100_000_000, ge=1, description="Maximum number of pixels of a photo, width times height."
    )
    max_decoding_mb: int = Field(
        default=550,
        ge=100,
        description="Maximum memory for decoding one photo, in MB. Photos that need more are refused. Photos that need more than "
        "128 MB are decoded one at a time on a machine.",
    )
    max_batch_photos: int = Field(
        default=100, ge=1, description="Maximum number of photos in one call that submits a batch or adds to one."
    )
    max_batch_bytes: int = Field(
        default=500_000_000, ge=1, description="Maximum size of all photos in one such call, in bytes."
    )
    fetch_timeout_s: float = Field(
        default=20,
        gt=0,
        le=300,
        description="Seconds to fetch a photo by its URL, redirects included.",
    )
    fetch_private_hosts: bool = Field(
        default=False, description="Whether photos may be fetched from private and loopback addresses."
    )
    fetch_ports: str = Field(
        default="80,443", description="Ports that photos may be fetched from: numbers and ranges, separated by commas."
    )
    export_stream_jobs: int = Field(
        default=10_000,
        ge=1,
        description="Maximum number of jobs in an export that is streamed. Larger exports are written to a file.",
    )
    export_retention_s: float = Field(default=7 * 24 * 3600, gt=0, description="Seconds that an export's file is kept.")
    max_queued_jobs: int = Field(
        default=10_000, ge=1, description="Maximum number of queued jobs. Further submissions are refused with 429."
    )
    rate_limit: str = Field(
        default="600/minute",
        description="Number of requests allowed per API key, as `number/second|minute|hour`. Empty: no limit.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Host names under which clients may call the service, separated by commas. `.example.com` means every name "
        "under it. Requests for other hosts are refused. Empty: any host.",
    )
    cors_origins: str = Field(
        default="",
        description="Origins whose pages may call `/v1` from a browser with an API key, such as `https://example.com`, separated "
        "by commas; `*` for any. Empty: none. Anyone who opens such a page can read its key: give the key a quota and"
        " an expiry date.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        description="Number of reverse proxies in front of the API whose `X-Forwarded-*` headers are trusted.",
    )

    # Jobs
    photo_retention_s: float = Field(
        default=24 * 3600,
        ge=0,
        description="Seconds that a photo is kept after its job has ended. 0 deletes it at once. A job may ask for less.",
    )
    job_retention_s: float = Field(
        default=0,
        ge=0,
        description="Seconds after submission when an ended job is erased with its faces, crops and votes. 0: never.",
    )
    idempotency_retention_s: float = Field(
        default=24 * 3600, ge=60, description="Seconds that an `Idempotency-Key` is remembered."
    )
    max_attempts: int = Field(default=3, ge=1, description="Number of attempts before a job fails with `worker_lost`.")
    lease_s: float = Field(
        default=30,
        gt=0,
        description="Seconds after which a worker that doesn't renew its lease loses the job. Workers renew three times in this "
        "period.",
    )
    soft_time_limit_s: float = Field(default=60, gt=0, description="Seconds after which a job fails with `time_limit`.")
    hard_time_limit_s: float = Field(
        default=90, gt=0, description="Seconds after which a worker process that still works on a job is killed."
    )
    sweep_interval_s: float = Field(default=10, gt=0, description="Seconds between two runs of the sweeper.")
    resend_after_s: float = Field(
        default=5,
        gt=0,
        description="Age of a queued job, in seconds, after which its message may count as lost and is sent again.",
    )

    # Analysis
    detector: Detector = Field(default=Detector.BLAZEFACE, description="Face detector for jobs that don't choose one.")
    detection_threshold: float | None = Field(
        default=None, ge=0, le=1, description="Minimum detection score of a face. Empty: the detector's own default."
    )
    min_face_px: int = Field(
        default=32, ge=8, description="Minimum side of a face in pixels, for jobs that don't choose one."
    )
    yunet_weights: Path | None = Field(default=None, description="Weights file (.onnx) of the `yunet` detector.")
    uncertain_below: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Faces with a lower confidence are marked `uncertain`. A face that seems covered always is.",
    )
    runtime: Literal["auto", "litert", "tensorflow"] = Field(
        default="auto",
        description="Runtime of the network: LiteRT (CPU) or TensorFlow (GPU). `auto` takes TensorFlow where there is a GPU that "
        "it can use.",
    )
    int8: Literal["auto", "off"] = Field(
        default="auto",
        description="Whether CPU workers classify in 8 bits. `auto`: yes if the processor is fast at it (VNNI, DotProd) and the "
        "model version has an 8-bit form. Probabilities differ slightly from those in 32 bits. `off` keeps all "
        "machines alike.",
    )
    worker_processes: int = Field(
        default=0,
        ge=0,
        description="Number of processes of an analysis worker whose command line has no `-c`. 0: one per available core, at most"
        " four on a GPU.",
    )
    worker_max_jobs_per_process: int = Field(
        default=0, ge=0, description="Number of jobs after which a worker process is replaced. 0: never."
    )
    worker_max_memory_mb: int = Field(
        default=1500,
        ge=0,
        description="Resident memory, in MB, beyond which a worker process is replaced after its job. With a GPU 4000 are added "
        "for CUDA's libraries. 0: no limit.",
    )
    worker_heartbeat_s: float = Field(
        default=5, gt=0, description="Seconds between two heartbeats of a worker process."
    )

    # Retraining
    dataset_csv: Path | None = Field(
        default=None,
        description="Dataset of training runs: a CSV in FER2013's form, plain, .gz or .xz. Empty: no retraining.",
    )
    dataset_votes: Path | None = Field(
        default=None,
        description="FER+ votes for the rows of `dataset_csv`. Without them runs train on the CSV's labels.",
    )
    evaluation_sets: str = Field(
        default="",
        description="Sets of labelled photos on which every training run compares both models, besides `dataset_csv`, separated "
        "by commas: folders with `label/file` or a `labels.csv`, or CSVs with the columns `file,emotion`.",
    )
    retrain_schedule: str = Field(
        default="0 3 * * 0",
        description="When training runs start, as a cron expression in UTC: minute, hour, day, month, weekday (Sunday is 0 or 7)."
        " Empty: never.",
    )
    retrain_epochs: int = Field(
        default=10, ge=1, description="Number of epochs of a training run that starts from the champion's weights."
    )
    retrain_learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="Learning rate of a run that starts from the champion's weights. Empty: a tenth of the network's own.",
    )
    retrain_niceness: int = Field(
        default=19,
        ge=0,
        le=19,
        description="Priority of a training run's process: 19 leaves the processor to everything else, 0 competes with it."
        " Lower it if the training worker has a machine of its own.",
    )
    retrain_time_limit_s: float = Field(
        default=24 * 3600, gt=0, description="Seconds after which a training run is stopped and fails."
    )
    min_correction_votes: int = Field(
        default=1,
        ge=1,
        description="Number of reviewers who must have voted on a face before its label is used in training.",
    )
    max_correction_share: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Maximum share of corrections in the training rows of a run. Few corrections are repeated up to it.",
    )
    max_corrections: int = Field(
        default=20_000, ge=0, description="Maximum number of corrections in a run. The latest are taken first."
    )

    # Pages
    session_lifetime_s: float = Field(
        default=12 * 3600, ge=60, description="Seconds after which a user has to sign in again."
    )

    # Webhooks
    webhook_retention_s: float = Field(
        default=7 * 24 * 3600,
        ge=24 * 3600,
        description="Seconds that webhook events and their deliveries are kept.",
    )
    webhook_pause_after_s: float = Field(
        default=3 * 24 * 3600,
        gt=0,
        description="Seconds without a successful delivery after which a failing webhook endpoint is paused.",
    )
    callback_timeout_s: float = Field(
        default=10, gt=0, description="Seconds that a receiver has to answer a webhook call."
    )
    callback_max_attempts: int = Field(
        default=8, ge=1, description="Number of attempts to deliver a webhook event, with growing pauses between them."
    )
    callback_private_hosts: bool = Field(
        default=False, description="Whether webhooks may call private and loopback addresses."
    )
    callback_ports: str = Field(
        default="80,443,1024-65535",
        description="Ports that webhooks may call: numbers and ranges, separated by commas.",
    )

    # Logs and traces
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Minimum level of log lines."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text`: lines for people. `json`: one JSON object per line."
    )

    access_log: bool = Field(
        default=True,
        description="Whether each request is logged: method, route, status, time, caller. Health checks are not.",
    )
    traces_url: str = Field(
        default="",
        description="Address of an OpenTelemetry collector (OTLP over HTTP), such as `http://collector:4318`. Empty: no traces.",
    )
    traces_share: float = Field(
        default=1, ge=0, le=1, description="Share of requests that are traced, unless the client has decided."
    )

    # The command line and the client
    api_url: str = Field(
        default="",
        description="Address of the API for the client and the command line. Empty: the one-machine stack on this machine.",
    )
    api_key: SecretStr = Field(
        default=SecretStr(""),
        description="API key of the client and the command line. Empty: the key of the one-machine stack.",
    )

    @field_validator(
        "dataset_csv", "dataset_votes", "yunet_weights", "detection_threshold", "retrain_learning_rate", mode="before"
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """An empty variable, as in compose files, means the same as an unset one."""
        return None if value == "" else value

    @field_validator("data_dir", mode="before")
    @classmethod
    def _empty_is_default(cls, value: object) -> object:
        """The same for a folder; an empty path would be the current folder."""
        return Path(platformdirs.user_data_dir("emoscope")) if value == "" else value

    @field_validator("*", mode="before")
    @classmethod
    def _has_one_form(cls, value: object, info: ValidationInfo) -> object:
        """Numbers must be written in decimal digits. Learning rates may be written as 5e-5."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = {annotation, *get_args(annotation)}
        if not isinstance(value, str) or not value or info.field_name == "retrain_learning_rate":
            return value
        if int in kinds and not _WHOLE.fullmatch(value):
            raise ValueError("must be a whole number in decimal digits")
        if float in kinds and not _DECIMAL.fullmatch(value):
            raise ValueError("must be a number in decimal digits, such as 0.5")
        return value

    _read_database = field_validator("database_url")(read_database_url)
    _read_blobs = field_validator("blob_url")(read_blob_url)
    _read_host = field_validator("host")(read_host)
    _read_rate = field_validator("rate_limit")(read_rate)
    _read_services = field_validator("s3_endpoint", "api_url")(read_http_url)
    _read_collector = field_validator("traces_url")(read_collector_url)

    @field_validator("redis_url")
    @classmethod
    def _read_queue(cls, url: str) -> str:
        return read_redis_url(url).to_redis_url() if url else ""

    @field_validator("callback_ports", "fetch_ports")
    @classmethod
    def _read_ports(cls, written: str) -> str:
        parse_ports(written)
        return written

    @model_validator(mode="after")
    def _limits_agree(self) -> "Settings":
        if self.hard_time_limit_s <= self.soft_time_limit_s:
            raise ValueError("EMOSCOPE_HARD_TIME_LIMIT_S must be larger than EMOSCOPE_SOFT_TIME_LIMIT_S")
        try:
            _ = self.effective_retrain_schedule
        except InvalidSchedule as error:
            raise ValueError(f"EMOSCOPE_RETRAIN_SCHEDULE {error}") from error
        return self

    def to_environment(self) -> dict[str, str]:
        """Return the settings that were set, as environment variables for another process.

        Relative paths become absolute, because the other process may have another current folder.
        """
        environment = {"EMOSCOPE_DATA_DIR": str(self.data_dir.absolute())}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            elif isinstance(value, Path):
                value = value.absolute()
            elif name == "blob_url" and value and not value.startswith("s3://"):
                value = Path(value).absolute()
            elif name == "database_url":
                value = _make_sqlite_path_absolute(value)
            if value is not None:
                environment[f"EMOSCOPE_{name.upper()}"] = str(value)
        return environment

    def find_weights(self, detector: Detector) -> Path | None:
        """Return the weights file of a detector; None if none is set or it needs none."""
        found = getattr(self, detector.weights_setting) if detector.weights_setting else None
        return found if isinstance(found, Path) else None

    @property
    def allowed_host_list(self) -> list[str]:
        """`allowed_hosts` as a list, in lower case."""
        return [name for name in map(str.strip, self.allowed_hosts.lower().split(",")) if name]

    @property
    def max_decoding_bytes(self) -> int:
        """`max_decoding_mb` in bytes."""
        return self.max_decoding_mb * 1_000_000

    @property
    def address(self) -> str:
        """`host:port` of the API for URLs and Gunicorn, with IPv6 addresses in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{quote(str(self.data_dir / 'emoscope.db'))}"

    @property
    def effective_blob_url(self) -> str:
        """The folder or S3 URL of the blob store in use."""
        return self.blob_url or str(self.data_dir / "blobs")

    @property
    def s3_options(self) -> S3Options:
        """Options of the S3 store, if `blob_url` names one."""
        return S3Options(
            endpoint=self.s3_endpoint,
            region=self.s3_region,
            access_key_id=self.s3_access_key_id,
            secret_access_key=self.s3_secret_access_key.get_secret_value(),
        )

    @property
    def evaluation_set_paths(self) -> tuple[Path, ...]:
        """The paths of `evaluation_sets`."""
        return tuple(Path(path.strip()) for path in self.evaluation_sets.split(",") if path.strip())

    @property
    def effective_retrain_schedule(self) -> str:
        """The schedule of training runs in Celery's form. Empty: none."""
        return normalize_schedule(self.retrain_schedule) if self.retrain_schedule else ""

    @property
    def callback_port_ranges(self) -> list[range]:
        """Ports that webhooks may call."""
        return parse_ports(self.callback_ports)

    @property
    def fetch_port_ranges(self) -> list[range]:
        """Ports that photos may be fetched from."""
        return parse_ports(self.fetch_ports)

    @property
    def runtime_dir(self) -> Path:
        """Folder of the one-machine stack's sockets: in `data_dir`, or under /tmp if that path is too long for a socket.

        It depends only on `data_dir` and the user, so that every process finds the stack, whatever its TMPDIR.
        """
        data_dir = self.data_dir.resolve()
        if len(os.fsencode(data_dir)) <= _MAX_SOCKET_DIR_BYTES:
            return data_dir / "run"
        digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        return Path("/tmp") / f"emoscope-{os.getuid()}-{digest}"  # noqa: S108 - the stack makes it for its user alone

    @property
    def queue_socket(self) -> Path:
        """Socket of the one-machine stack's Valkey."""
        return self.runtime_dir / "queue.sock"

    @property
    def stack_socket(self) -> Path:
        """Socket on which the one-machine stack's supervisor reports the state of its programs."""
        return self.runtime_dir / "stack.sock"

    @property
    def redis_address(self) -> RedisAddress:
        """The queue's address: the setting, or the socket of the one-machine stack."""
        return read_redis_url(self.redis_url) if self.redis_url else RedisAddress(socket=str(self.queue_socket))

    @property
    def effective_redis_url(self) -> str:
        """The queue's URL in redis-py's form."""
        return self.redis_address.to_redis_url()

    @property
    def broker_url(self) -> str:
        """The queue's URL in Celery's form."""
        return self.redis_address.to_broker_url()


def _make_sqlite_path_absolute(url: str) -> str:
    """Return the URL of an SQLite file with an absolute path; other URLs unchanged."""
    prefix = "sqlite:///"
    path = url.removeprefix(prefix)
    if not url.startswith(prefix) or not path or path.startswith(("/", ":memory:", "file:")):
        return url
    return f"{prefix}{quote(os.getcwd())}/{path}"  # noqa: PTH109 - a text, as the rest of the URL


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Return the settings, read once per process from the environment. Raises InvalidSettings, which names each invalid one."""
    read_env_file(ENV_FILE)  # pydantic would read the file itself, ignoring unreadable lines
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettings.from_validation(error) from None


def load_settings_or_exit() -> Settings:
    """Return the settings, or exit with status 2 and a message for each invalid one."""
    try:
        return load_settings()
    except InvalidSettings as error:
        exit_with(error)


def find_unknown_variables() -> list[UnknownVariable]:
    """Return variables of the environment and the `.env` file that are named like a setting but aren't one. Raises
    InvalidSettings.
    """
    return find_unknown({**read_env_file(ENV_FILE), **os.environ}, Settings.model_fields)
