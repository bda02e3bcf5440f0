"""The metrics of the stages are what Prometheus takes, and honest: read from the counters that the conservation laws hold for."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from streams.telemetry import Delivered, StageCollector
from tests.services.monitoring import promtool
from tests.sinks.violations import violation

NORMALIZED = {"0": {"read": 7, "parsed": 4, "filtered": 1, "dead": 2, "events": 9}, "1": {}}
JUDGED = {"0": {"routed": 6, "judged": 3, "late": 1, "duplicate": 1, "parked": 1}}


@pytest.fixture
def exposition() -> str:
    metrics = CollectorRegistry()
    metrics.register(
        StageCollector(
            normalize=lambda: NORMALIZED, detect=lambda: JUDGED, dead=lambda: {"0": {"bad_json": 2}},
            heard=lambda: {'linux@"we\\b\n': 1.5}, lag=lambda: {"detect": 0.25},
        )
    )  # fmt: skip
    Delivered(metrics).tell([violation("v")], violation("v").transition.time + 2_000_000)
    return generate_latest(metrics).decode()


@pytest.mark.services
def test_promtool_has_nothing_to_say_against_the_metrics(exposition):
    promtool("check", "metrics", text=exposition)


def test_each_fate_of_each_partition_is_counted(exposition):
    for fate, count in (("read", 7), ("parsed", 4), ("filtered", 1), ("dead", 2)):
        assert f'controlwatch_records_total{{fate="{fate}",partition="0"}} {count}.0\n' in exposition
        assert f'controlwatch_records_total{{fate="{fate}",partition="1"}} 0.0\n' in exposition
    assert 'controlwatch_dead_letters_total{partition="0",reason="bad_json"} 2.0\n' in exposition
    assert 'controlwatch_judgements_total{fate="parked",partition="0"} 1.0\n' in exposition
    assert 'controlwatch_delivery_seconds_bucket{le="2.5"} 1.0\n' in exposition


def test_a_source_cannot_write_metrics_by_its_name(exposition):
    assert 'controlwatch_source_unheard_seconds{source="linux@\\"we\\\\b\\n"} 1.5\n' in exposition
