"""Writes docs/performance.md from the results in bench/results.

python -m bench.write_page > docs/performance.md
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_INTRODUCTION = """# Performance

The command above each table writes a file in `bench/results`, and `python -m bench.write_page` generates this page
from these files. Times are processor time unless the table says otherwise. Ratios carry over to other machines better
than times, so run the commands on yours. `python -m bench.compare_results` compares your results with the committed ones.
"""
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_MOST_GROWN = 12
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def write_page() -> str:
    """Return the page as Markdown."""
    sections = (
        _peers(),
        _cold_start(),
        _submission(),
        _reading(),
        _throughput(),
        _waiting(),
        _worker(),
        _batching(),
        _backlog(),
        _erasing(),
        _growth(),
        _pages(),
        _start_up(),
        _exports(),
    )
    return "\n".join([_INTRODUCTION, *("\n".join(section) for section in sections)])


def _peers() -> Iterator[str]:
    found = _read("peers")
    yield from _head("A photo's analysis", "bench.analysis.peers --peers .peers", found)
    yield (
        "`make bench-peers` installs the peers. The lower bound is the time that the same networks need without any other work:\n"
        "decode, one resize, one run of the detector's first network, one run of the classifier per face. Emoscope uses the\n"
        "version `quick`. A ratio of 4.1 for fer means that fer takes 4.1 times as long as Emoscope.\n"
    )
    taken: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in found["rows"]:
        taken[row["photo"]][row["side"]] = row
    rows = []
    for photo, sides in taken.items():
        ours = sides["ours, quick"]
        ratios = [_ratio(sides[side]["ms"], ours["ms"]) for side in ("fer", "face-api")]
        others = [str(sides[side]["faces"]) for side in ("fer", "face-api")]
        limit = _ratio(ours["ms"], sides["least, quick"]["ms"])
        rows.append([photo, f"{ours['ms']:.1f} ms", limit, *ratios, str(ours["faces"]), *others])
    heads = (
        "photo",
        "Emoscope",
        "Emoscope / lower bound",
        "fer / Emoscope",
        "face-api / Emoscope",
        "faces found: Emoscope",
        "fer",
        "face-api",
    )
    yield from _table(heads, rows)


def _cold_start() -> Iterator[str]:
    found = _read("cold_start")
    yield from _head("Start of a process to its first result", "bench.analysis.cold_start", found)
    yield (
        "The lower bound imports NumPy, OpenCV and LiteRT, loads the same two networks, decodes the photo, resizes it once\n"
        "and runs each network once. Ratios are the median of the rounds, with minimum and maximum. Most of the difference is\n"
        "imports (`python -X importtime`): 13 ms for Pillow and 16 ms for Emoscope's own modules.\n"
    )
    rows = [
        [row["measure"], f"{row['ours']:.2f} s", f"{row['least']:.2f} s", _spread(row["ratio"])]
        for row in found["rows"]
    ]
    yield from _table(("measure", "Emoscope", "lower bound", "ratio"), rows)


def _submission() -> Iterator[str]:
    found = _read("submission")
    yield from _head("Submitting a photo", "bench.service.submission", found)
    yield (
        "`POST /v1/jobs` compared with a minimal view under the same server, which only reads the photo, hashes it, writes\n"
        "it to disk and pushes a message. Ratios are the median of the rounds, with minimum and maximum.\n"
        "With 8 clients and more, requests queue for the one interpreter: p50 is the number of clients times the processor\n"
        "time per request. `EMOSCOPE_API_THREADS=4` doesn't change it.\n"
    )
    names = {"p50_ms": "p50", "p99_ms": "p99", "cpu_ms": "processor time per request"}
    rows = [
        [
            str(row["clients"]),
            names[row["measure"]],
            f"{row['ours']:.1f} ms",
            f"{row['bare']:.1f} ms",
            _spread(row["ratio"]),
        ]
        for row in found["rows"]
    ]
    yield from _table(("clients", "measure", "Emoscope", "minimal view", "ratio"), rows)


def _reading() -> Iterator[str]:
    found = _read("reading")
    yield from _head("Reading a job", "bench.service.reading", found)
    rows = [[f"`{row['answer']}`", f"{row['cpu_ms']:.2f} ms", _range(row["spread_ms"])] for row in found["rows"]]
    yield from _table(("response of `GET /v1/jobs/{id}`", "processor time", "range of the rounds"), rows)


def _throughput() -> Iterator[str]:
    found = _read("throughput")
    yield from _head("Photos per second", "bench.service.throughput --other CHECKOUT", found)
    yield (
        f"The whole of `emoscope up`, with {found['clients']} clients that submit photos of one face and wait for each result,\n"
        f"compared with an earlier commit (`{found['other']}`). Ratio of photos per second: {_spread(found['ratio'])}.\n"
    )
    rows = [
        [
            f"`{found['machine']['commit'] if row['code'] == 'here' else found['other']}`",
            f"{row['photos_a_second']:g} ({row['spread']})",
            f"{row['cpu_ms']:g} ms ({row['cpu_spread']})",
        ]
        for row in found["rows"]
    ]
    yield from _table(("commit", "photos per second (wall clock)", "processor time of all processes per photo"), rows)


def _waiting() -> Iterator[str]:
    found = _read("waiting")
    yield from _head("Waiting for results", "bench.service.waiting", found)
    after = found["answer_after_end_ms"]
    rows = [
        ["waiting clients", str(found["clients"])],
        ["jobs, failed requests", f"{found['jobs']:,}, {found['failed']}"],
        ["requests per job", f"{found['requests_a_job']:g}"],
        [
            "end of the job to the response: p50, p95, p99 (wall clock)",
            f"{after['p50']}, {after['p95']}, {after['p99']} ms",
        ],
    ]
    yield from _table(("measure", ""), rows)


def _worker() -> Iterator[str]:
    found = _read("worker_job")
    yield from _head("A job in the worker, without the analysis", "bench.service.worker_job", found)
    rows = [[row["faces"], f"{row['cpu_ms']:.1f} ms", _range(row["spread_ms"])] for row in found["rows"]]
    yield from _table(("faces", "processor time", "range of the rounds"), rows)


def _batching() -> Iterator[str]:
    found = _read("batching")
    yield from _head("Batches on an accelerator", "bench.analysis.batching", found)
    yield (
        f"A stand-in for an accelerator takes {found['call_ms']:g} ms per call and {found['face_ms']:g} ms per face, without\n"
        "using a core. The worker classifies all faces of a photo in one call, and doesn't join photos. With four photos,\n"
        "a ratio below 1 is what joining them would save.\n"
    )
    rows = [
        [
            row["faces"],
            f"{row['ours_ms']:.1f} ms",
            f"{row['other']}: {row['other_ms']:.1f} ms",
            f"{row['ratio'][0]:.2f}",
        ]
        for row in found["rows"]
    ]
    yield from _table(("faces", "Emoscope", "the alternative", "alternative / Emoscope"), rows)
    yield "Worker processes that share the accelerator: while it is mostly idle, joining photos would gain nothing.\n"
    shared = [[str(row["processes"]), f"{row['photos_a_second']:.1f}", f"{row['busy']:.0%}"] for row in found["shared"]]
    yield from _table(("processes", "photos per second (wall clock)", "accelerator busy"), shared)


def _backlog() -> Iterator[str]:
    found = _read("backlog")
    yield from _head(f"With {found['waiting']:,} queued jobs", "bench.service.backlog", found)
    rows = [[row["measure"], f"{row['empty_ms']:.1f} ms", f"{row['waiting_ms']:.1f} ms"] for row in found["rows"]]
    yield from _table(("measure", "empty queue", f"{found['waiting']:,} queued jobs"), rows)


def _erasing() -> Iterator[str]:
    found = _read("erasing")
    yield from _head("Erasing", "bench.service.erasing", found)
    rows = [
        [row["what"], f"{row['count']:,}", f"{row['a_second']:,}", f"{row['a_cpu_second']:,}"] for row in found["rows"]
    ]
    yield from _table(("what", "number", "per second (wall clock)", "per second of processor time"), rows)


def _growth() -> Iterator[str]:
    found = _read("growth")
    sizes = f"{found['few']:,}", f"{found['many']:,}"
    yield from _head(f"Growth from {sizes[0]} to {sizes[1]} faces", "bench.growth", found)
    yield (
        f"{found['addresses']:,} pages and API calls on {_NAMES[found['database']]}, of both databases in turn. The median ratio "
        f"is {found['median_ratio']}.\n{found['grown']} take more than 1.5 times as long with {sizes[1]} faces, "
        f"{found['grown_because_longer']} of them because they list more. The table\nhas `/metrics` and the pages that grow most, "
        "without a filter. Statistics, progress and accuracy by version grow with the\nreviewers' labels, of which the larger "
        "database has a hundred times as many.\n"
    )
    plain = [row for row in found["rows"] if "?" not in row["address"] and not row["is_longer"]]
    plain.sort(key=lambda row: -row["ratio"])
    rows = [*(row for row in plain if row["address"] == "/metrics"), *plain[:_MOST_GROWN]]
    yield from _table(
        ("address", f"{sizes[0]} faces", f"{sizes[1]} faces", "ratio"),
        [
            [
                f"`{_ID.sub('ID', row['address'])}`",
                f"{row['few_ms']:.1f} ms",
                f"{row['many_ms']:.1f} ms",
                f"{row['ratio']:.2f}",
            ]
            for row in rows
        ],
    )


def _pages() -> Iterator[str]:
    found = {name: _read(name) for name in ("pages", "pages_postgresql")}
    yield from _head("Pages over a million faces", "bench.pages --faces 1000000", found["pages"])
    for each in found.values():
        yield from _slowest_pages(each)


def _slowest_pages(found: dict[str, Any]) -> Iterator[str]:
    """Write the ten slowest pages: by processor time on SQLite, which runs in the process itself; on PostgreSQL by the least
    wall-clock time, which other programs affect least.
    """
    is_own = found["database"] == "sqlite"
    by = "processor" if is_own else "least"
    slowest = sorted(found["milliseconds"].items(), key=lambda page: -page[1][by])[:10]
    machine = found["machine"]
    yield (
        f"The ten slowest of {found['addresses']:,} pages and filters on {'SQLite' if is_own else 'PostgreSQL'}, "
        f"commit `{machine['commit']}`, load {machine['load_at_the_end']}.\n"
    )
    rows = [
        [
            f"`{_ID.sub('ID', name)}`" if name.startswith("/") else name,
            f"{taken['processor']:.0f} ms",
            f"{taken['least']:.0f} ms",
            f"{taken['median']:.0f} ms",
        ]
        for name, taken in slowest
    ]
    yield from _table(("page", "processor time of the API", "wall clock, minimum", "wall clock, median"), rows)


def _start_up() -> Iterator[str]:
    found = _read("start_up")
    yield from _head("Start-up and memory of `emoscope up`", "bench.service.start_up", found)
    rows = [
        ["from start to ready (wall clock)", f"{found['ready_s']:.1f} s"],
        ["processor time until ready", f"{found['cpu_s']:.1f} s ({_range(found['cpu_spread_s'])})"],
        ["memory of the idle stack (PSS)", f"{found['pss_mb']} MB"],
    ]
    yield from _table(("measure", ""), rows)


def _exports() -> Iterator[str]:
    found = _read("exports")
    yield from _head("Exports", "bench.exports.million_rows", found)
    rows = [
        [row["database"], row["way"], f"{row['rows']:,}", f"{row['rows_a_second']:,}", f"{row['peak_mb']:.0f} MB"]
        for row in found["rows"]
    ]
    yield from _table(("database", "output", "rows", "rows per second (wall clock)", "peak memory"), rows)


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _head(title: str, command: str, found: dict[str, Any]) -> Iterator[str]:
    machine = found["machine"]
    flags = ", ".join(machine["flags"])
    yield f"## {title}\n"
    yield f"```sh\npython -m {command}\n```\n"
    yield (
        f"On {machine['cores']} cores of an {machine['processor']} ({flags}), Python {machine['python']}, "
        f"commit `{machine['commit']}`; load average at the end {machine['load_at_the_end']}.\n"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.1f}" if one / other >= 2 else f"{one / other:.2f}"


def _spread(found: Sequence[float]) -> str:
    middle, least, greatest = found
    return f"{middle:.1f} ({least:.1f} to {greatest:.1f})"


def _range(found: Sequence[float]) -> str:
    return f"{min(found):g} to {max(found):g}"


def main() -> None:
    """Print the page."""
    print(write_page(), end="")


if __name__ == "__main__":
    main()
