# One image per kind of process, each with only what it needs:
#   api       Flask, migrations, the command line; also the housekeeper and beat. No TensorFlow, no OpenCV, no dlib.
#   worker    finds and classifies faces on a CPU. No TensorFlow.
#   training  retrains; also analyses with TensorFlow.
#   gpu       the same with CUDA, for docker-compose.gpu.yml.
#
# A container may run as any user (--user 12345) and with a read-only root (--read-only). It writes to /data, /tmp and /dev/shm.

# Another base image: --build-arg PYTHON_IMAGE=...
ARG PYTHON_IMAGE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON_IMAGE} AS base
# Nothing is imported from the current folder. Celery ignores Python's option for this, so its commands use a folder without modules.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PATH=/app/.venv/bin:$PATH HOME=/tmp
WORKDIR /app
# The official images lack the compiled standard library, and a process that can't write would compile it at every start.
RUN python -m compileall -q -x '/(test|tests|idlelib|tkinter|turtledemo|ensurepip|site-packages|dist-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

FROM base AS uv
COPY deploy/images/uv.txt /tmp/uv.txt
RUN pip install --no-cache-dir --no-compile --root-user-action ignore --require-hashes -r /tmp/uv.txt
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
# Only the files that determine the dependencies, so that changes of code don't invalidate this layer.
COPY pyproject.toml uv.lock ./
COPY client/pyproject.toml client/

# In the same step as the installation; otherwise the files would stay in its layer.
COPY deploy/images/slim /usr/local/bin/slim

FROM uv AS dependencies-api
RUN uv sync --frozen --no-dev --no-install-workspace --extra fleet && sh /usr/local/bin/slim

FROM uv AS dependencies-worker
RUN uv sync --frozen --no-dev --no-install-workspace --extra fleet --extra worker && sh /usr/local/bin/slim

FROM uv AS dependencies-training
RUN uv sync --frozen --no-dev --no-install-workspace --extra fleet --extra worker --extra training && sh /usr/local/bin/slim

FROM uv AS dependencies-gpu
RUN uv sync --frozen --no-dev --no-install-workspace --extra fleet --extra gpu && sh /usr/local/bin/slim

# Our own code, the same in every image: a separate layer above the dependencies.
FROM dependencies-api AS code
COPY README.md ./
COPY client client
COPY api api
COPY db db
COPY emoscope emoscope
COPY training training
COPY worker worker
RUN uv sync --frozen --no-dev --no-editable --extra fleet \
    && mkdir /code && cd /app/.venv \
    && cp -a --parents bin/emoscope lib/python3*/site-packages/api lib/python3*/site-packages/db lib/python3*/site-packages/training \
        lib/python3*/site-packages/worker lib/python3*/site-packages/emoscope* /code/

FROM base AS runtime
# Writable by any user, because OpenShift and `docker run --user` choose one.
RUN install -d -m 1777 /data /metrics
COPY --chmod=755 deploy/images/healthy /usr/local/bin/healthy
ENV EMOSCOPE_DATA_DIR=/data EMOSCOPE_LOG_FORMAT=json
VOLUME /data
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Emoscope" \
    org.opencontainers.image.description="Finds the faces in a photo and says which of seven emotions each appears to express" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

FROM runtime AS api
COPY --from=dependencies-api /app/.venv /app/.venv
COPY --from=code /code /app/.venv
ENV EMOSCOPE_HOST=0.0.0.0
EXPOSE 8000
CMD ["gunicorn", "--config", "python:api.core.gunicorn_config", "api.core.wsgi:app"]

FROM runtime AS worker
COPY --from=dependencies-worker /app/.venv /app/.venv
COPY --from=code /code /app/.venv
# One process per core: two with a thread pool of all cores each would compete. Training has one process, which uses all cores.
ENV OMP_NUM_THREADS=1
CMD ["celery", "-A", "worker.core.app", "--workdir", "/app", "worker", "-n", "analysis@%h", "-Q", "analysis,analysis-bulk", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM runtime AS training
COPY --from=dependencies-training /app/.venv /app/.venv
COPY --from=code /code /app/.venv
CMD ["celery", "-A", "worker.core.app", "--workdir", "/app", "worker", "-n", "training@%h", "-Q", "training", "-c", "1", "--max-tasks-per-child", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM runtime AS gpu
COPY --from=dependencies-gpu /app/.venv /app/.venv
COPY --from=code /code /app/.venv
# A few processes share the GPU, each with the memory that it needs: a single one would leave it idle during face detection.
CMD ["celery", "-A", "worker.core.app", "--workdir", "/app", "worker", "-n", "analysis@%h", "-Q", "analysis,analysis-bulk", "--without-gossip", "--without-mingle", "--without-heartbeat"]
