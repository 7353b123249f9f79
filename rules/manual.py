#!/usr/bin/env python3
"""manual.py [--check] - makes pktmod-rules.5 of README.md, so that the language is described once.

Knows the Markdown that README.md is written in: headings, paragraphs, lists, tables, fenced code,
`code`, **strong**, *emphasis* and [links](of pages). --check: exit 1 if the page is not what
README.md makes.
"""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "pktmod-rules.5"
HEAD = r""".\" pktmod-rules.5 - the manual of rule files. Made of README.md by manual.py; do not edit.
.TH PKTMOD-RULES 5 2026-11-21 pktmod
.SH NAME
pktmod-rules \- rule files of pktmod
.SH DESCRIPTION
"""
FOOT = r""".SH SEE ALSO
.BR pktmod (1),
.BR pktmod-flow (5),
.BR pcre2syntax (3),
.BR pcap-filter (7),
.BR wireshark-filter (4)
"""
INLINE = re.compile(r"``(.+?)``|`(.+?)`|\*\*(.+?)\*\*|(?<![\w*])\*([^*\s][^*]*?)\*|\[([^\]]+)\]\(([^)]+)\)")


def plain(text):
    """Characters that mean something to roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return text.replace("`", "\\(ga").replace("'", "\\(aq")


def prose(text):
    return plain(text).replace("\\-", "-").replace("\\(aq", "'")


def inline(text):
    out, at = "", 0
    for found in INLINE.finditer(text):
        out += prose(text[at:found.start()])
        code, strong, weak, link, target = (found.group(1) or found.group(2), found.group(3),
                                            found.group(4), found.group(5), found.group(6))
        if code is not None:
            out += "\\fB" + plain(code) + "\\fP"
        elif strong is not None:
            out += "\\fB" + prose(strong) + "\\fP"
        elif weak is not None:
            out += "\\fI" + prose(weak) + "\\fP"
        else:
            out += inline(link) if target.startswith("#") else plain(target)
        at = found.end()
    return out + prose(text[at:])


def line(text):
    """A line of text: it may not begin as a request does, and sentences end where lines do."""
    text = text.strip()
    return ("\\&" if text.startswith((".", "'")) else "") + text


def filled(text):
    return [line(sentence) for sentence in re.split(r"(?<=[.:;?]) +(?=[A-Z\\`])", inline(text))]


def code(lines):
    out = [".nf", ".RS 2"]
    for text in lines:
        text = plain(text)
        out.append(("\\&" if text.startswith((".", "\\(aq")) else "") + text)
    return out + [".RE", ".fi"]


def cells(row):
    row = row.strip().strip("|").replace("\\|", "\0")
    return [cell.strip().replace("\0", "|") for cell in row.split("|")]


def table(rows):
    """The first column is what is told of; the others tell, under their heads."""
    heads = cells(rows[0])
    out = []
    for row in rows[2:]:
        first, *rest = cells(row)
        out += [".TP", line(inline(first))]
        told = []
        for head, cell in zip(heads[1:], rest):
            if cell:
                named = head not in ("", "holds if", "values")
                told.append((head + ": " if named else "") + cell)
        out += filled("; ".join(told)) if told else ["\\&"]
    return out


def blocks(text):
    """(kind, lines) of the page."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        start = at
        if lines[at].startswith("```"):
            at += 1
            while not lines[at].startswith("```"):
                at += 1
            yield "code", lines[start + 1:at]
            at += 1
        elif lines[at].startswith("|"):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            yield "table", lines[start:at]
        elif lines[at].startswith("#"):
            at += 1
            yield "head", lines[start:at]
        elif lines[at].startswith("* "):
            at += 1
            while at < len(lines) and lines[at].startswith("  "):
                at += 1
            yield "item", lines[start:at]
        elif lines[at].strip() == "":
            at += 1
        else:
            while at < len(lines) and lines[at].strip() and not lines[at].startswith(("```", "|", "#", "* ")):
                at += 1
            yield "text", lines[start:at]


def page(text):
    out = []
    was = ""
    for kind, lines in blocks(text):
        if kind == "head":
            level, title = lines[0].split(" ", 1)
            if level == "##":
                out.append(".SH " + plain(title.upper()))
            elif level != "#":
                out.append(".SS " + plain(title))
        elif kind == "code":
            out += ([] if was == "head" else [".PP"]) + code(lines)
        elif kind == "table":
            out += table(lines)
        elif kind == "item":
            out += [".IP \\(bu 2"] + filled(" ".join(part.strip() for part in lines)[2:])
        else:
            out += ([] if was == "head" else [".PP"]) + filled(" ".join(part.strip() for part in lines))
        was = kind
    return HEAD + "\n".join(out) + "\n" + FOOT


def main():
    made = page((HERE / "README.md").read_text(encoding="utf-8"))
    made = made.encode("ascii", "xmlcharrefreplace").decode()
    made = re.sub(r"&#(\d+);", lambda found: f"\\[u{int(found.group(1)):04X}]", made)
    if sys.argv[1:] == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
            print("rules/pktmod-rules.5 is not what README.md makes: run rules/manual.py")
            return 1
        return 0
    PAGE.write_text(made, encoding="utf-8")
    return 0


sys.exit(main())
