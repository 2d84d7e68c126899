"""The benchmark runs and prints its table; nothing here says how fast anything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.charts import Case, write_requests
from benchmarks.figures import Report, percentile, row_of
from benchmarks.load import Load
from benchmarks.trust import measure_trust

ROOT = Path(__file__).resolve().parent.parent


def run(*options: str) -> str:
    if not Path("/proc/self/statm").exists():
        pytest.skip("skipped, because memory and processor time can be read on Linux only")
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks", "--seconds", "0.1", "--sizes", "10", "--mixed-only", *options),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_both_servers_answer_and_a_table_comes_out() -> None:
    printed = run()
    assert "The service beside a bare route on the same server" in printed
    assert "mixed 10" in printed
    assert "Start and memory" in printed
    assert "To know the caller, in production" in printed
    assert "a token in ES384 verified" in printed


@pytest.mark.slow
def test_the_figures_are_also_had_as_json() -> None:
    report = msgspec.json.decode(run("--json"), type=Report)
    (row,) = report.rows
    assert row.chart == "mixed 10"
    # Four connections have at least one answer in each of five rounds.
    assert row.service.requests >= 20
    assert row.floor.requests >= 20
    # Methotrexate without folic acid, azathioprine beside allopurinol and without TPMT, and what no result tells of.
    assert row.cards == 4
    assert report.service.workers == report.floor.workers == 2


def test_what_trust_costs_is_told_step_by_step() -> None:
    told = measure_trust(20)
    assert [cost.what for cost in told] == [
        "a token in ES384 verified",
        "a token in RS384 verified",
        "of it: remembered as used",
        "an expired token refused",
    ]
    assert all(cost.us > 0 for cost in told)


@pytest.mark.parametrize("case", [Case("mixed", 10), Case("orders", 10), Case("basket", 10)], ids=str)
def test_requests_are_the_same_at_every_run_and_another_for_each_patient(case: Case) -> None:
    requests = write_requests(case, 3)
    assert requests == write_requests(case, 3)
    assert len(set(requests)) == 3


@pytest.mark.parametrize("size", [1, 10, 100])
def test_a_chart_has_the_resources_that_it_is_named_for(size: int) -> None:
    (body,) = write_requests(Case("mixed", size), 1)
    prefetch = msgspec.json.decode(body)["prefetch"]
    assert sum(len(value["entry"]) for value in prefetch.values() if value["resourceType"] == "Bundle") == size


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = [float(value) for value in range(1, 101)]
    assert percentile(hundred, 50) == 50
    assert percentile(hundred, 99) == 99
    assert percentile([7.0], 99) == 7


def test_a_row_compares_the_medians_of_the_rounds() -> None:
    def load(answers: int, seconds: float, cpu_s: float) -> Load:
        return Load(latencies=(0.002,) * answers, seconds=seconds, cpu_s=cpu_s, own_cpu_s=0.001 * answers)

    # 100, 50 and 10 a second, the median is 50; beside it 200, 200, 100: the median is 200.
    service = [load(100, 1, 0.3), load(50, 1, 0.2), load(10, 1, 0.01)]
    floor = [load(200, 1, 0.2), load(400, 2, 0.4), load(100, 1, 0.2)]
    row = row_of(Case("mixed", 100), 1, 2, service, floor)
    assert row.ratios.throughput == 0.25
    assert row.ratios.p50 == 1
    # Milliseconds a request: 3, 4 and 1, the median is 3; beside it 1, 1 and 2: the median is 1.
    assert row.ratios.cpu == pytest.approx(3)
    assert row.goal == 0.5


@pytest.mark.parametrize(
    ("case", "goal"),
    [(Case("mixed", 99), None), (Case("mixed", 1000), 0.5), (Case("orders", 100), 0.4), (Case("basket", 100), 0.4)],
    ids=str,
)
def test_the_goals_are_those_of_the_project(case: Case, goal: float | None) -> None:
    load = [Load(latencies=(0.001,), seconds=1, cpu_s=1, own_cpu_s=1)]
    assert row_of(case, 1, 1, load, load).goal == goal
