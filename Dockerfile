# One image a kind of process, each with only what it needs:
#   api       Flask, migrations, the command line. No TensorFlow, no OpenCV.
#   worker    finds and classifies faces on a CPU; also housekeeping and the schedule. No TensorFlow.
#   training  retrains; also analyses with TensorFlow.
#   gpu       the same with CUDA, for docker-compose.gpu.yml.

FROM python:3.12-slim AS base
# Nothing is imported from the current folder. Celery does so whatever Python was told, so its commands name a folder without modules.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PATH=/app/.venv/bin:$PATH
WORKDIR /app

FROM base AS build
RUN pip install --no-cache-dir "uv>=0.9"
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock README.md ./
COPY api api
COPY client client
COPY db db
COPY emoscope emoscope
COPY training training
COPY worker worker

FROM build AS build-api
RUN uv sync --frozen --no-dev --no-editable --extra fleet

FROM build AS build-worker
RUN uv sync --frozen --no-dev --no-editable --extra fleet --extra worker

FROM build AS build-training
RUN uv sync --frozen --no-dev --no-editable --extra fleet --extra worker --extra training

FROM build AS build-gpu
RUN uv sync --frozen --no-dev --no-editable --extra fleet --extra gpu

FROM base AS runtime
RUN useradd --system --create-home --uid 10001 emoscope && install -d -o emoscope /data
USER emoscope
ENV EMOSCOPE_DATA_DIR=/data EMOSCOPE_LOG_FORMAT=json
VOLUME /data

FROM runtime AS api
COPY --from=build-api /app/.venv /app/.venv
ENV EMOSCOPE_HOST=0.0.0.0
EXPOSE 8000
CMD ["gunicorn", "--config", "python:api.core.gunicorn_config", "api.core.wsgi:app"]

FROM runtime AS worker
COPY --from=build-worker /app/.venv /app/.venv
# A child a core: two with a thread pool of all cores each would only fight. Training has one child, which is to use them all.
ENV OMP_NUM_THREADS=1
CMD ["celery", "-A", "worker.core.app", "--workdir", "/app", "worker", "-n", "analysis@%h", "-Q", "analysis,analysis-bulk", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM runtime AS training
COPY --from=build-training /app/.venv /app/.venv
CMD ["celery", "-A", "worker.core.app", "--workdir", "/app", "worker", "-n", "training@%h", "-Q", "training", "-c", "1", "--max-tasks-per-child", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM runtime AS gpu
COPY --from=build-gpu /app/.venv /app/.venv
# A few children share the card, each with the memory that it needs: one alone would leave it idle while it looks for faces.
CMD ["celery", "-A", "worker.core.app", "--workdir", "/app", "worker", "-n", "analysis@%h", "-Q", "analysis,analysis-bulk", "--without-gossip", "--without-mingle", "--without-heartbeat"]
