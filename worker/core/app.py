"""The Celery application. Start it with `celery -A worker.core.app worker -Q analysis,analysis-bulk`, or by `emoscope up`."""

from celery import Celery
from celery.schedules import crontab
from celery.utils.sysinfo import AUTO_CONCURRENCY, cpu_budget

import emoscope.lean_imports  # noqa: F401 - before whatever imports redis and structlog
from db.core import queues
from emoscope.private_files import keep_private
from emoscope.settings import Settings, load_settings_or_exit
from worker.core.gpus import GPU_MEMORY_MB, PROCESSES_ON_GPUS, takes_gpu
from worker.core.queue_return import SweepOnConnection
from worker.core.watch import WatchStep

_HOUR_S = 3600.0
_SWEEP_LIFE_S = 60.0
"""Seconds after which a sweep that no thread has started is dropped."""


def _count_processes(settings: Settings) -> int | str:
    """Return the number of worker processes: one per core that this process may use, limited by its cgroup; fewer if they share a
    GPU.
    """
    return min(PROCESSES_ON_GPUS, int(cpu_budget().count)) if takes_gpu(settings.runtime) else str(AUTO_CONCURRENCY)


def _find_memory_limit_mb(settings: Settings) -> int:
    """Return the resident memory in MB above which a worker process is replaced; 0: never.

    With CUDA's libraries a process may exceed the default before its first photo, and would be replaced after every job.
    """
    limit_mb = settings.worker_max_memory_mb
    return limit_mb + GPU_MEMORY_MB if limit_mb and takes_gpu(settings.runtime) else limit_mb


def make_celery(settings: Settings) -> Celery:
    """Build the Celery application. Each option has its reason beside it."""
    app = Celery(
        "emoscope",
        broker=settings.broker_url,
        amqp="worker.core.broker:Broker",
        include=["worker.core.tasks", "worker.core.lifecycle", "worker.core.stopping"],
    )
    app.steps["consumer"].add(WatchStep)
    app.conf.update(
        # TensorFlow, LiteRT and dlib hold threads and locks that don't survive a fork; a spawned process starts clean.
        worker_pool_start_method="spawn",
        # default; the command line may override it (-c)
        worker_concurrency=settings.worker_processes or _count_processes(settings),
        # A process loads detector and model before it reports ready; with TensorFlow that takes longer than the default of 4 s.
        worker_proc_alive_timeout=120,
        # The message is only a hint; the database is the truth. So it is acknowledged when a process takes it, and the job of a
        # dead process is recovered by its lease, not by Redis's visibility timeout of an hour.
        task_acks_late=False,
        # A process holds one message at a time; otherwise jobs would wait behind a slow photo while other processes are idle.
        worker_prefetch_multiplier=1,
        # Results are stored in the database; Celery's own aren't used.
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # Soft: the job fails with a code. Hard: the process is killed, in case native code hangs.
        task_soft_time_limit=settings.soft_time_limit_s,
        task_time_limit=settings.hard_time_limit_s,
        # Native libraries leak memory; a process that exceeds this is replaced after its job. Celery counts in KB.
        worker_max_memory_per_child=_find_memory_limit_mb(settings) * 1000 or None,
        worker_max_tasks_per_child=settings.worker_max_jobs_per_process or None,
        # Cancels only tasks that are acknowledged late, and there are none. Set because Celery otherwise warns at each lost
        # connection.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        # Would reduce prefetching after each lost connection, for tasks that are acknowledged late.
        worker_enable_prefetch_count_reduction=False,
        # At shutdown, running jobs may finish; others are recovered by their lease.
        worker_soft_shutdown_timeout=10,
        # Redis may be down for longer than 100 retries; a worker keeps trying forever, also at startup.
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            # Queues are read in the order given to the worker: bulk only while no interactive job is queued.
            "queue_order_strategy": "priority",
            # Redis restarts have left workers waiting on dead sockets forever; these options detect them within seconds.
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        # Workers don't talk to each other; gossip and mingle would only add messages.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        task_default_queue=queues.HOUSEKEEPING_QUEUE,
        task_routes={
            queues.ANALYZE: {"queue": queues.ANALYSIS_QUEUE},
            queues.SWEEP: {"queue": queues.HOUSEKEEPING_QUEUE},
            queues.SWEEP_PHOTOS: {"queue": queues.HOUSEKEEPING_QUEUE},
            queues.FETCH_PHOTOS: {"queue": queues.HOUSEKEEPING_QUEUE},
            queues.WRITE_EXPORT: {"queue": queues.HOUSEKEEPING_QUEUE},
            queues.DELIVER_WEBHOOK: {"queue": queues.CALLBACK_QUEUE},
            queues.RETRAIN: {"queue": queues.TRAINING_QUEUE},
            queues.START_SCHEDULED_RUN: {"queue": queues.HOUSEKEEPING_QUEUE},
        },
        task_annotations={
            queues.RETRAIN: {
                # Training takes hours, and checks itself whether to stop.
                "soft_time_limit": settings.retrain_time_limit_s,
                "time_limit": settings.retrain_time_limit_s + 600,
            },
        },
        beat_schedule=_make_schedule(settings),
        beat_schedule_filename=str(settings.data_dir / "beat-schedule"),
        timezone="UTC",
    )
    app.steps["consumer"].add(SweepOnConnection)
    return app


def _make_schedule(settings: Settings) -> dict[str, dict[str, object]]:
    schedule: dict[str, dict[str, object]] = {
        "sweep": {
            "task": queues.SWEEP,
            "schedule": settings.sweep_interval_s,
            # Accumulated sweeps would only repeat each other; but one must run even while callbacks use all threads.
            "options": {"expires": max(settings.sweep_interval_s, 2 * settings.callback_timeout_s, _SWEEP_LIFE_S)},
        },
        "sweep-photos": {
            "task": queues.SWEEP_PHOTOS,
            "schedule": _HOUR_S,
            "options": {"expires": _HOUR_S},
        },
    }
    if settings.retrain_schedule:
        schedule["retrain"] = {
            "task": queues.START_SCHEDULED_RUN,
            "schedule": crontab.from_string(settings.effective_retrain_schedule),
        }
    return schedule


keep_private()
app = make_celery(load_settings_or_exit())
