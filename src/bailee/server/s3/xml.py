"""S3's XML, both ways. Reading goes through defusedxml: no entities, no external references; sizes are bounded before.

A document is written as nested tuples (name, content): content is text, a list of such, or None to leave it out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bailee.server.s3.errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DEEPEST = 20
_MOST = 200_000
"""Marks of a document: 10,000 parts with five elements each, and no bomb of a million empty ones."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

Node: TypeAlias = "tuple[str, str | bool | int | Sequence[Node] | None]"


def write(name: str, content: Sequence[Node], attributes: str = f' xmlns="{NAMESPACE}"') -> bytes:
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n', f"<{name}{attributes}>"]
    _write(content, parts)
    parts.append(f"</{name}>")
    return "".join(parts).encode()


def _write(nodes: Sequence[Node], parts: list[str]) -> None:
    for name, content in nodes:
        if content is None:
            continue
        if isinstance(content, bool):
            text = "true" if content else "false"
        elif isinstance(content, int):
            text = str(content)
        elif isinstance(content, str):
            # XML 1.0 cannot say most control characters, not even escaped; such keys are listed with encoding-type=url.
            text = escape(_CONTROL.sub("\ufffd", content), {"\r": "&#13;"})
        else:
            parts.append(f"<{name}>")
            _write(content, parts)
            parts.append(f"</{name.partition(' ')[0]}>")
            continue
        parts.append(f"<{name}>{text}</{name}>")


def read(data: bytes, root: str) -> Element:
    """The root element with namespaces taken off. Raises S3Error MalformedXML for all that is not such a document."""
    if data.count(b"<") > _MOST or data.count(b"=") > _MOST:
        raise malformed("it has too many elements or attributes")
    try:
        tree = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise malformed() from None
    if not isinstance(tree, Element):
        raise malformed()
    _strip(tree, 0)
    if tree.tag != root:
        raise malformed(f"expected {root}")
    return tree


def _strip(element: Element, depth: int) -> None:
    if depth > _DEEPEST or not isinstance(element.tag, str):
        raise malformed("nested too deep")
    element.tag = element.tag.rpartition("}")[2]
    for child in element:
        _strip(child, depth + 1)


def text_of(element: Element, name: str) -> str | None:
    """The text of the one child of that name, None where there is none."""
    found = element.findall(name)
    if len(found) > 1 or (found and len(found[0])):
        raise malformed(f"expected one {name}")
    return (found[0].text or "").strip() if found else None


def raw_text_of(element: Element, name: str) -> str | None:
    """As `text_of`, spaces kept: keys may begin and end in them."""
    found = element.findall(name)
    if len(found) > 1 or (found and len(found[0])):
        raise malformed(f"expected one {name}")
    return (found[0].text or "") if found else None


def required(element: Element, name: str) -> str:
    text = text_of(element, name)
    if text is None:
        raise malformed(f"{name} is missing")
    return text


def only(element: Element, *names: str) -> None:
    """Raises S3Error for a child of another name: what is not understood is refused, not skipped."""
    for child in element:
        if child.tag not in names:
            raise malformed(f"{child.tag} is not known in {element.tag}")


def malformed(why: str = "") -> S3Error:
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return S3Error("MalformedXML", f"{message}: {why}" if why else message)
