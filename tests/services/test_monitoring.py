"""Prometheus, Alertmanager and their tools do what the tests of the product rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.monitoring import Alertmanager, Prometheus, amtool, promtool
from tests.services.server import wait_until

pytestmark = pytest.mark.services


def test_alertmanager_takes_an_alert_and_lists_it(alertmanager: Alertmanager) -> None:
    labels = {"alertname": "unapproved_change", "test": "lists_it"}
    assert alertmanager.request("POST", "/api/v2/alerts", [{"labels": labels}]) is None
    listed = alertmanager.request("GET", "/api/v2/alerts?filter=test%3Dlists_it")
    assert [(alert["labels"], alert["status"]["state"]) for alert in listed] == [(labels, "active")]


def test_prometheus_evaluates_rules_and_tells_alertmanager(alertmanager: Alertmanager, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        "groups: [{name: g, rules: [{alert: Always, expr: vector(1), labels: {test: tells}}]}]"
    )
    configuration = (
        "global: {evaluation_interval: 1s}\n"
        "rule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager.url[7:]}']}}]}}]}}\n"
    )
    with Prometheus(tmp_path, configuration):
        wait_until(lambda: alertmanager.request("GET", "/api/v2/alerts?filter=test%3Dtells") != [], seconds=30)


def test_promtool_passes_good_metrics_and_names_bad_ones() -> None:
    promtool(
        "check", "metrics", text="# HELP events_total Events read.\n# TYPE events_total counter\nevents_total 1\n"
    )
    with pytest.raises(AssertionError, match="no help text"):
        promtool("check", "metrics", text="# TYPE events_total counter\nevents_total 1\n")


def test_amtool_refuses_a_configuration_without_its_receiver(tmp_path: Path) -> None:
    configuration = tmp_path / "alertmanager.yml"
    configuration.write_text("route: {receiver: soc}\nreceivers: [{name: soc}]\n")
    amtool("check-config", configuration)
    configuration.write_text("route: {receiver: soc}\nreceivers: [{name: other}]\n")
    with pytest.raises(AssertionError, match="undefined receiver"):
        amtool("check-config", configuration)
