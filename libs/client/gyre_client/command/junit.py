"""A report as JUnit XML, for the tools that show test results."""

from collections.abc import Sequence
from xml.etree import ElementTree

from gyre_client.results import ItemResult, Report


def junit(report: Report, items: Sequence[ItemResult]) -> str:
    """Return one test case per item, and one for the floors of the suite."""
    errors = sum(bool(item.error) for item in items)
    failures = sum(not item.error and not item.passed for item in items)
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(report.suite),
        tests=str(len(items) + 1),
        failures=str(failures + (not report.ok)),
        errors=str(errors),
        skipped="0",
        time=f"{sum(item.latency_s for item in items):.3f}",
    )
    facts = {"suite_digest": report.suite_digest, "route": report.route, "model": report.model}
    facts |= {metric.name: str(metric.value) for metric in report.metrics}
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in facts.items():
        ElementTree.SubElement(properties, "property", name=_xml(name), value=_xml(value))
    for item in items:
        _case(suite, report.suite, item)
    floors = _test(suite, report.suite, "floors", 0)
    if not report.ok:
        text = "; ".join(report.failures) or "a floor is not reached"
        ElementTree.SubElement(floors, "failure", message=_xml(text))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _test(suite: ElementTree.Element, of: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_xml(of), name=_xml(name), time=f"{seconds:.3f}"
    )


def _case(suite: ElementTree.Element, name: str, item: ItemResult) -> None:
    case = _test(suite, name, item.item_id, item.latency_s)
    if item.error:
        ElementTree.SubElement(case, "error", message=_xml(item.error))
    elif not item.passed:
        failure = ElementTree.SubElement(case, "failure", message="not as expected")
        failure.text = _xml(f"expected: {item.expected}\ngot: {item.answer}")
    out = ElementTree.SubElement(case, "system-out")
    figures = "\n".join(f"{metric.name} {metric.value:g}" for metric in item.metrics)
    out.text = _xml(f"question: {item.question}\nanswer: {item.answer}\n{figures}")


def _xml(text: str) -> str:
    r"""Return `text` without what XML 1.0 cannot hold, escaped or not (section 2.2).

    >>> _xml("a\x00b\n\ufffe")
    'ab\n'
    """
    return "".join(
        c
        for c in text
        if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff"
    )
