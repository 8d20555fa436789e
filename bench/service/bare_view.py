"""The minimal cost of accepting a photo: a view that reads it, hashes it, writes it and pushes its name to a queue.

Run by bench/service/submission.py with the same server and framework as the API.
"""

import hashlib
import os
from pathlib import Path
from uuid import uuid4

import redis
from flask import Flask, Response, jsonify, request

from emoscope.settings import load_settings

settings = load_settings()
app = Flask("bare")
_folder = Path(os.environ["BENCH_FOLDER"])
_queue: redis.Redis = redis.Redis.from_url(settings.effective_redis_url)


@app.post("/v1/jobs")
def take() -> tuple[Response, int]:
    """Accept a photo."""
    data = request.get_data()
    name = str(uuid4())
    (_folder / name).write_bytes(data)
    _queue.lpush("bare", name)
    return jsonify(id=name, sha256=hashlib.sha256(data).hexdigest()), 202
