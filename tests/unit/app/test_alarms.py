"""The alarms are about metrics and reasons that there are."""

import re

import pytest

from gateway.adapters.metrics_names import METRICS
from gateway.app.alarms import ALARMS, Alarm
from gateway.domain.decision import ReasonCode

LABELS = {metric.name: set(metric.labels) for metric in METRICS}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_is_about_metrics_that_have_its_labels(alarm: Alarm) -> None:
    named = re.findall(r"tiergate_\w+", alarm.expression)
    assert named
    wanted = {label.strip() for group in re.findall(r"by \(([^)]*)\)", alarm.expression) for label in group.split(",")}
    for name in named:
        assert wanted <= LABELS[name]
    for reason in re.findall(r'reason="(\w+)"', alarm.expression):
        assert ReasonCode(reason)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_brackets_are_closed_and_the_rest_is_told(alarm: Alarm) -> None:
    for opening, closing in ("()", "[]", "{}"):
        assert alarm.expression.count(opening) == alarm.expression.count(closing)
    assert re.fullmatch(r"[0-9]+[mh]", alarm.lasting)
    assert alarm.meaning.endswith(".")
