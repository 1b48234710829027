"""What `deploy/` gives to others is true of this program."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml

from core.settings import Settings
from core.telemetry import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OTHERS = {"up": {"job", "instance"}}
GIVEN = {"instance", "job", "le"}
"""Labels that Prometheus adds, and that of a histogram's buckets."""


def known():
    """Each name that `/metrics` may show, and its labels."""
    names = dict(OTHERS)
    for collector, series in Metrics().registry._collector_to_names.items():
        for one in series:
            names[one] = set(getattr(collector, "_labelnames", ())) | GIVEN
    return names


def rules():
    read = yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def panels():
    return json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))["panels"]


def expressions():
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            # Grafana puts a time in their place.
            yield panel["title"], re.sub(r"\$__(rate_interval|range)", "5m", target["expr"])


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_rules_and_dashboard_ask_only_for_metrics_and_labels_that_there_are(where, expression):
    promql_parser.parse(expression)
    names = {
        name: labels
        for name, labels in known().items()
        if re.search(rf"(?<![\w]){name}(?![\w])", expression)
    }
    asked = set(re.findall(r"\b(palaver_\w+|up)\b", expression))
    assert asked == set(names)
    labels = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', expression))
    labels |= {
        label.strip()
        for by in re.findall(r"\bby \(([^)]*)\)", expression)
        for label in by.split(",")
    }
    for name, own in names.items():
        assert labels <= own, (name, labels - own)


def test_an_alert_for_the_first_count_sees_a_counter_that_appears_with_it():
    """Prometheus finds no increase in the first value of a series."""
    at_first = [rule["expr"] for rule in rules() if re.match(r"increase\(.*\) > 0", rule["expr"])]
    assert at_first
    for expression in at_first:
        counter, window = re.match(r"increase\((.*)\[(\w+)\]\)", expression).groups()
        assert expression.endswith(f"or ({counter} unless {counter} offset {window})")


def test_every_alert_says_what_is_wrong_and_what_to_do():
    for rule in rules():
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["action"], rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_every_metric_is_told_in_the_page_of_operating():
    told = (ROOT / "docs" / "operating.md").read_text("utf-8")
    for collector in Metrics().registry._collector_to_names:
        # A counter's own name is without its end.
        assert f"`{collector._name}" in told, collector._name


def test_pods_stop_as_gently_as_the_program_and_cannot_write_or_rise():
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8")))
    (deployment,) = [one for one in documents if one["kind"] == "Deployment"]
    assert "replicas" not in deployment["spec"]  # It is the autoscaler's.
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > Settings(_env_file=None).grace_s + 10
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert {"/tmp", "/data"} <= mounted


def test_compose_starts_two_that_stop_gently_on_a_store_that_forgets_nothing():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    palaver, store = (compose["services"][name] for name in ("palaver", "valkey"))
    assert palaver["deploy"]["replicas"] == 2
    seconds = int(palaver["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings(_env_file=None).grace_s + 10
    assert palaver["read_only"]
    assert palaver["cap_drop"] == ["ALL"]
    # Without -e, an answer such as LOADING counts as health.
    assert store["healthcheck"]["test"] == ["CMD", "valkey-cli", "-e", "ping"]
    command = " ".join(map(str, store["command"]))
    assert "--appendonly yes --maxmemory-policy noeviction" in command
    used = {
        mount.partition(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", ())
        if not mount.startswith(".")
    }
    assert used == set(compose["volumes"])
