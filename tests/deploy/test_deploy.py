"""The deployment files hold together: alert rules, addresses, secrets, users, files; checked without a container engine."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from controlwatch import exported
from controlwatch.settings import PREFIX, Settings, load
from tests.services.monitoring import amtool, promtool

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
RULES = [rule for group in yaml.safe_load((DEPLOY / "rules.yml").read_text())["groups"] for rule in group["rules"]]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
INSTRUCTIONS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]


def ours():
    return {name: service for name, service in SERVICES.items() if "build" in service}


# ------------------------------------------------------------------------------------------------- Prometheus


def test_prometheus_accepts_its_configuration():
    assert "SUCCESS" in promtool("check", "config", DEPLOY / "prometheus.yml")


def test_the_rules_fire_when_they_should_and_only_then():
    assert "SUCCESS" in promtool("test", "rules", DEPLOY / "rules_test.yml")


def test_the_rules_test_can_fail(tmp_path):
    for name in ("rules.yml", "rules_test.yml"):
        shutil.copy(DEPLOY / name, tmp_path / name)
    rules = (tmp_path / "rules.yml").read_text()
    (tmp_path / "rules.yml").write_text(rules.replace('severity="critical", change="opened"', 'severity="high", change="opened"'))
    with pytest.raises(AssertionError, match="ControlwatchCriticalViolation"):
        promtool("test", "rules", tmp_path / "rules_test.yml")


def test_every_alert_is_tested_firing_and_quiet():
    tests = yaml.safe_load((DEPLOY / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    for rule in RULES:
        of_rule = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]]
        assert True in of_rule, rule["alert"]
        assert False in of_rule or rule["alert"] == "ControlwatchWatchdog", rule["alert"]


def test_every_metric_in_the_rules_is_exported_with_the_labels_used():
    metrics = {name: {*metric.labels, "le"} for metric in exported.metrics() for name in metric.names}
    for rule in RULES:
        for name in re.findall(r"\bcontrolwatch_\w+", rule["expr"]):
            assert name in metrics, f"{rule['alert']}: nothing exports {name}"
        for name, matchers in re.findall(r"\b(controlwatch_\w+)\{(.*?)\}", rule["expr"]):
            assert set(re.findall(r"(\w+)\s*[!=]", matchers)) <= metrics[name], f"{rule['alert']}: labels of {name}"


def test_what_the_issue_of_watching_asks_for_is_alerted_on():
    assert {"ControlwatchSourceSilent", "ControlwatchLag", "ControlwatchDeadLetters", "ControlwatchCriticalViolation"} <= {
        rule["alert"] for rule in RULES
    }


def test_every_alert_says_how_bad_it_is_and_what_it_means():
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "none"}
        assert rule["annotations"]["summary"]


# ----------------------------------------------------------------------------------------------- Alertmanager


def test_alertmanager_accepts_its_configuration():
    assert "SUCCESS" in amtool("check-config", DEPLOY / "alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=ControlwatchWatchdog", "severity=none"], "watchdog"),
        (["alertname=ControlwatchCriticalViolation", "severity=critical"], "soc"),
        (["alertname=ControlwatchDeadLetters", "severity=warning"], "soc"),
    ],
)
def test_alerts_go_to_whom_they_concern(labels, receiver):
    told = amtool("config", "routes", "test", f"--config.file={DEPLOY / 'alertmanager.yml'}", *labels)
    assert told.split()[-1] == receiver


# ---------------------------------------------------------------------------------------------------- Compose


def test_every_port_is_on_loopback():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) >= 5
    assert [port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+(/udp|/tcp)?", port)] == []


def test_no_service_has_the_host_s_network_or_more_rights_than_it_needs():
    for name, service in SERVICES.items():
        assert "network_mode" not in service, name
        assert "privileged" not in service, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["read_only"] is True, name
        assert not re.match(r"(0|root)\b", str(service["user"])), name


def test_every_service_is_bounded():
    for name, service in SERVICES.items():
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service), name
        assert service["logging"]["options"]["max-size"], name


def test_every_image_is_pinned_by_version():
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*(@sha256:[0-9a-f]{64})?", service["image"]), name


def test_our_image_has_the_version_of_the_project():
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert {service["image"] for service in ours().values()} == {f"controlwatch:{version}"}


def test_every_service_that_stays_is_checked_for_health():
    for name, service in SERVICES.items():
        if service["restart"] != "no":
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name


def test_nothing_depends_on_what_is_not_there():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], f"{name} waits for {other}"
        assert set(service["networks"]) <= set(COMPOSE["networks"]), name
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in COMPOSE["secrets"], name


def test_what_is_mounted_is_in_the_repository_or_made_by_the_user():
    made_by_the_user = {"./configuration", "/var/log"}
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            if volume["type"] == "volume":
                assert volume["source"] in COMPOSE["volumes"], name
            else:
                assert volume["read_only"] is True, name
                assert volume["bind"]["create_host_path"] is False, name
                assert volume["source"] in made_by_the_user or (DEPLOY / volume["source"]).is_file(), volume


def test_no_password_stands_in_a_file_that_is_committed():
    text = "".join(path.read_text() for path in DEPLOY.iterdir() if path.is_file() and path.suffix != ".md")
    assert re.findall(r"(?i)(?:password|api_key|token|secret)\w*[ \t]*[:=][ \t]*(?!/run/secrets/)[\"']?[\w$]{6,}", text) == []
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./secrets/")
        assert not (DEPLOY / secret["file"]).exists() or "/deploy/secrets/" in (ROOT / ".gitignore").read_text()
    assert SERVICES["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"


def test_every_setting_given_to_our_stages_exists_and_fits(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for service in ours().values():
        given = {name.removeprefix(PREFIX).lower(): value for name, value in service["environment"].items()}
        assert set(given) <= set(Settings.model_fields)
        Settings.model_validate(given)


def test_each_worker_has_a_name_of_its_own():
    names = [service["environment"].get("CONTROLWATCH_WORKER") for service in ours().values() if service["command"][0] == "run"]
    assert len(set(names)) == len(names) > 1
    assert None not in names


def test_every_stage_runs_somewhere_and_prometheus_asks_every_worker():
    running = [word for service in ours().values() for word in service["command"]]
    assert {"collect", "normalize", "detect", "deliver"} <= set(running)
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    asked = {target for job in jobs for config in job["static_configs"] for target in config["targets"]}
    assert {f"{name}:9108" for name, service in ours().items() if service["command"][0] == "run"} <= asked


def test_the_secret_of_our_stage_is_read_under_the_name_it_is_mounted_as(monkeypatch, tmp_path):
    (name,) = SERVICES["judge"]["secrets"]
    (tmp_path / name).write_text("key-of-the-test\n")
    monkeypatch.setattr("controlwatch.settings.SECRETS", tmp_path)
    monkeypatch.chdir(tmp_path)
    settings = load()
    assert settings.elasticsearch_api_key.get_secret_value() == "key-of-the-test"
    assert "key-of-the-test" not in repr(settings)


def test_the_commands_of_the_first_start_are_valid_shell():
    text = (DEPLOY / "README.md").read_text()
    commands = "\n".join(line[7:] for line in text.splitlines() if line.startswith(" " * 7))
    assert "docker compose up" in commands
    subprocess.run(["bash", "-n"], input=commands, text=True, check=True)
    for secret in COMPOSE["secrets"].values():
        assert f" {secret['file'].removeprefix('./')}" in commands


def test_the_api_key_may_only_touch_our_indices():
    (role,) = json.loads((DEPLOY / "api-key.json").read_text())["role_descriptors"].values()
    assert [index["names"] for index in role["indices"]] == [["controlwatch-*"]]
    assert "all" not in role["cluster"]


# ------------------------------------------------------------------------------------------------- Dockerfile


def test_the_image_is_built_in_two_stages_on_the_pinned_base():
    assert [rest for word, rest in INSTRUCTIONS if word == "ARG"] == ["BASE=python:3.13-slim-bookworm"]
    assert [rest for word, rest in INSTRUCTIONS if word == "FROM"] == ["${BASE} AS build", "${BASE}"]


def test_the_image_runs_without_root():
    final = INSTRUCTIONS[max(i for i, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
    users = [rest for word, rest in final if word == "USER"]
    assert users == ["10001:10001"]
    assert {str(service["user"]) for service in ours().values()} == set(users)


def test_only_what_is_locked_with_hashes_is_installed():
    installs = re.findall(r"pip install [^&]*", DOCKERFILE)
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes -r requirements" in command or "--no-deps --no-index" in command
    assert "PIP_NO_CACHE_DIR=1" in DOCKERFILE
    assert all("--no-cache" in command for command in re.findall(r"uv pip install [^&]*", DOCKERFILE))


def test_every_file_that_is_copied_exists_and_is_in_the_context():
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split()[:-1] for word, rest in INSTRUCTIONS if word == "COPY" and not rest.startswith("--from")]
    names = {name for names in copied for name in names}
    assert all((ROOT / name).exists() for name in names)
    assert names == allowed


def test_every_package_of_the_wheel_is_copied():
    packages = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    copied = {rest.split()[0] for word, rest in INSTRUCTIONS if word == "COPY"}
    assert set(json.loads(packages)) <= copied
