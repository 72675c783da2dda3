"""The plot of a calibration as an SVG file: the share right by level, of all probes and of each kind."""

from collections.abc import Sequence
from html import escape
from typing import Final

from gateway.app.calibration_document import Calibration, accepted_between
from gateway.core.probes.probe import LEVELS
from gateway.core.reliability import Reliability, by_kind, over_all

_WIDTH: Final = 760
_HEIGHT: Final = 420
_LEFT: Final = 60
_RIGHT: Final = 540
_TOP: Final = 50
_BOTTOM: Final = 360
_COLOURS: Final = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#97bbf5", "#9c6b4e", "#6cc5b0")
_INK: Final = "#333333"


def plot(calibration: Calibration) -> str:
    """Return the drawing: points with 90 % intervals and the falling curve of all probes, thin curves of the kinds."""
    tier, ability = calibration.tier, calibration.ability
    low, high = accepted_between(ability, ability.standard_error)
    heading = f"Tier {tier.name} ({tier.model}): {ability.prior:.0%} accepted, 90 % interval {low:.0%} to {high:.0%}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="13" fill="{_INK}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="28" font-size="15" font-weight="bold">{escape(heading)}</text>',
        *_axes(),
    ]
    for number, kind in enumerate(by_kind(calibration.answers)):
        colour, y = _COLOURS[number % len(_COLOURS)], _TOP + 34 + 22 * number
        parts.append(_curve(kind, colour, 1.5))
        parts.append(f'<rect x="{_RIGHT + 25}" y="{y - 10}" width="12" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{_RIGHT + 45}" y="{y - 4}">{escape(kind.name)} ({kind.whole.value:.0%})</text>')
    parts += _whole(over_all(calibration.answers))
    parts.append(f'<rect x="{_RIGHT + 25}" y="{_TOP + 3}" width="12" height="4" fill="{_INK}"/>')
    parts.append(f'<text x="{_RIGHT + 45}" y="{_TOP + 10}">all, with 90 % intervals</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(level: float) -> float:
    return round(_LEFT + (level - 0.5) / LEVELS * (_RIGHT - _LEFT), 1)


def _y(share: float) -> float:
    return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)


def _axes() -> list[str]:
    parts = []
    for tenth in range(0, 11, 2):
        y = _y(tenth / 10)
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{10 * tenth} %</text>')
    parts += [
        f'<text x="{_x(level)}" y="{_BOTTOM + 20}" text-anchor="middle">{level}</text>'
        for level in range(1, LEVELS + 1)
    ]
    middle = (_LEFT + _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_BOTTOM + 42}" text-anchor="middle">level of difficulty</text>')
    return parts


def _curve(reliability: Reliability, colour: str, width: float) -> str:
    points = _points([level for level, _ in reliability.levels], reliability.curve)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _points(levels: Sequence[int], curve: Sequence[float]) -> str:
    return " ".join(f"{_x(level)},{_y(share)}" for level, share in zip(levels, curve, strict=True))


def _whole(reliability: Reliability) -> list[str]:
    parts = [_curve(reliability, _INK, 2.5)]
    for level, share in reliability.levels:
        x, (low, high) = _x(level), share.interval
        parts.append(f'<line x1="{x}" y1="{_y(low)}" x2="{x}" y2="{_y(high)}" stroke="{_INK}"/>')
        parts.append(f'<circle cx="{x}" cy="{_y(share.value)}" r="4" fill="{_INK}"/>')
    return parts
