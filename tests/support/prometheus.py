"""A reader of Prometheus' text format that is stricter than a scraper: what it reads, any scraper reads."""

import re

_SERIES = re.compile(r'([a-z][a-z0-9_]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\S+)')
_PAIR = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"')


def read_series(text: str, *, without: str = "") -> dict[str, float]:
    """Return each series, written as it came less the label that is not wanted, with its value.

    Raises ValueError for a line that is not in the format, for a series that comes twice or before its family's TYPE,
    and for a text that does not end with a newline.
    """
    if text and not text.endswith("\n"):
        raise ValueError("the last line has no end")
    families: set[str] = set()
    series: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            families.add(line.split()[2])
            continue
        if line.startswith("# HELP "):
            continue
        name, labels, value = _parts(line)
        if name not in families and re.sub(r"_(bucket|sum|count)$", "", name) not in families:
            raise ValueError(f"no TYPE before {line!r}")
        pairs = [f'{label}="{worth}"' for label, worth in _PAIR.findall(labels) if label != without]
        key = f"{name}{{{','.join(pairs)}}}"
        if key in series:
            raise ValueError(f"twice: {key}")
        series[key] = float(value)
    return series


def _parts(line: str) -> tuple[str, str, str]:
    found = _SERIES.fullmatch(line)
    if found is None:
        raise ValueError(f"not a series: {line!r}")
    return found[1], found[2], found[3]
