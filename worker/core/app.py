"""The Celery application. Start it with `celery -A worker.core.app worker -Q analysis,analysis-bulk`, or by `emoscope up`."""

from celery import Celery
from celery.schedules import crontab
from celery.utils.sysinfo import AUTO_CONCURRENCY, cpu_budget

from db.core import queues
from emoscope.private_files import keep_private
from emoscope.settings import Settings, load_settings_or_exit
from worker.core.gpus import GPU_MEMORY_MB, PROCESSES_ON_GPUS, takes_gpu
from worker.core.queue_return import SweepOnConnection
from worker.core.watch import WatchStep

_HOUR_S = 3600.0
_SWEEP_LIFE_S = 60.0
"""Seconds, at the least, after which a sweep that no thread has taken is dropped."""


def _count_processes(settings: Settings) -> int | str:
    """A child for each core that this process may use, at most what its cgroup grants; fewer where they share a GPU."""
    return min(PROCESSES_ON_GPUS, int(cpu_budget().count)) if takes_gpu(settings.runtime) else str(AUTO_CONCURRENCY)


def _find_memory_limit_mb(settings: Settings) -> int:
    """Resident MB after which a child is replaced; 0: never.

    With CUDA's libraries a child may be beyond the default before its first photo, and would be replaced after every one.
    """
    limit_mb = settings.worker_max_memory_mb
    return limit_mb + GPU_MEMORY_MB if limit_mb and takes_gpu(settings.runtime) else limit_mb


def make_celery(settings: Settings) -> Celery:
    """The application with every option that we set, each with its reason."""
    app = Celery(
        "emoscope",
        broker=settings.broker_url,
        amqp="worker.core.broker:Broker",
        include=["worker.core.tasks", "worker.core.lifecycle", "worker.core.stopping"],
    )
    app.steps["consumer"].add(WatchStep)
    app.conf.update(
        # TensorFlow, LiteRT and dlib hold threads and locks that don't survive a fork; a spawned child starts clean.
        worker_pool_start_method="spawn",
        # Unless the command line says otherwise (-c).
        worker_concurrency=settings.worker_processes or _count_processes(settings),
        # A child loads detector and model before it reports ready; with TensorFlow that takes more than the 4 s default.
        worker_proc_alive_timeout=120,
        # The message is a hint that a job waits; the database is the truth. So it is acknowledged when a child takes it,
        # and a job whose child died comes back by its lease, not by Redis's visibility timeout of an hour.
        task_acks_late=False,
        # A child holds one message at a time, or jobs would queue behind a slow photo while other children idle.
        worker_prefetch_multiplier=1,
        # Results go to the database with the faces; nobody reads Celery's own.
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # Soft: the job fails with a code. Hard: the child is killed, in case native code doesn't come back.
        task_soft_time_limit=settings.soft_time_limit_s,
        task_time_limit=settings.hard_time_limit_s,
        # Native libraries leak; a child that has grown past this is replaced after its job. Celery counts in KB.
        worker_max_memory_per_child=_find_memory_limit_mb(settings) * 1000 or None,
        worker_max_tasks_per_child=settings.worker_max_jobs_per_process or None,
        # Only those are canceled that are acknowledged late, and none is. Celery warns at each lost connection unless it is set.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        # It would fetch fewer messages after each lost connection, to spare those who acknowledge late.
        worker_enable_prefetch_count_reduction=False,
        # At shutdown, jobs that run may end; those that don't come back by their lease.
        worker_soft_shutdown_timeout=10,
        # Redis may be away for longer than 100 tries; a worker waits for it for ever, at start too.
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            # Queues are read in the order given to the worker: bulk only while no interactive job waits.
            "queue_order_strategy": "priority",
            # Redis restarts have left workers waiting on a dead socket for ever; these notice within seconds.
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        # No worker asks another for anything; gossip and mingling only add messages.
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
                # Training takes hours, and hears by itself when it is to stop.
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
            # Sweeps that pile up would only be done one after the other; but one must get through while callbacks hold all threads.
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
