"""Our own versions of standard-library functions, without the modules that they come from.

These are the reference solutions of the source ``stdlib``: plain Python that the sandbox can run. Each function is
complete except for the functions of this file that it calls.
"""

from __future__ import annotations

import math
import re

# textwrap


def textwrap_dedent(text: str) -> str:
    """Remove the white space that all lines begin with."""
    lines = ["" if line.strip(" \t") == "" else line for line in text.split("\n")]
    margin: str | None = None
    for line in lines:
        if line == "":
            continue
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if margin is None:
            margin = indent
        common = 0
        while common < min(len(margin), len(indent)) and margin[common] == indent[common]:
            common += 1
        margin = margin[:common]
    width = len(margin or "")
    return "\n".join(line[width:] for line in lines)


def textwrap_indent(text: str, prefix: str) -> str:
    """Put a prefix in front of every line that is not blank."""
    return "".join(prefix + line if line.strip() else line for line in text.splitlines(True))


def textwrap_wrap(text: str, width: int) -> list[str]:
    """Break a paragraph of plain words into lines."""
    chunks = [chunk for chunk in re.split(r"([ ]+)", text.replace("\n", " ").replace("\t", " ")) if chunk]
    lines: list[str] = []
    while chunks:
        if lines and chunks[0].strip() == "":
            chunks = chunks[1:]
        line = ""
        while chunks and len(line) + len(chunks[0]) <= width:
            line += chunks[0]
            chunks = chunks[1:]
        line = line.rstrip(" ")
        if line:
            lines.append(line)
    return lines


def textwrap_fill(text: str, width: int) -> str:
    """Break a paragraph into lines, as one text."""
    return "\n".join(textwrap_wrap(text, width))


def textwrap_shorten(text: str, width: int) -> str:
    """Cut a text to a width, at a word, with a mark at the end."""
    words = text.split()
    if len(" ".join(words)) <= width:
        return " ".join(words)
    while words:
        shorter = " ".join(words) + " [...]"
        if len(shorter) <= width and len(" ".join(words)) <= width:
            return shorter
        words = words[:-1]
    return "[...]"


# statistics


def statistics_fmean(data: list[float]) -> float:
    """Return the mean as a float."""
    return sum(data) / len(data) * 1.0


def statistics_mean(data: list[float]) -> float:
    """Return the mean, an integer where the data are integers and it is one."""
    total = sum(data)
    if isinstance(total, int) and total % len(data) == 0:
        return total // len(data)
    return total / len(data)


def statistics_median(data: list[float]) -> float:
    """Return the middle value, or the mean of the two middle values."""
    ordered = sorted(data)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def statistics_median_low(data: list[float]) -> float:
    """Return the middle value, the smaller one of two."""
    return sorted(data)[(len(data) - 1) // 2]


def statistics_median_high(data: list[float]) -> float:
    """Return the middle value, the larger one of two."""
    return sorted(data)[len(data) // 2]


def statistics_multimode(data: list[float]) -> list[float]:
    """Return the most frequent values, in the order of their first occurrence."""
    most = max((data.count(item) for item in data), default=0)
    return [item for index, item in enumerate(data) if data.count(item) == most and item not in data[:index]]


def statistics_mode(data: list[float]) -> float:
    """Return the most frequent value, the first of several."""
    return statistics_multimode(data)[0]


def statistics_harmonic_mean(data: list[float]) -> float:
    """Return the reciprocal of the mean of the reciprocals."""
    return len(data) / sum(1 / item for item in data)


def statistics_geometric_mean(data: list[float]) -> float:
    """Return the exponential of the mean of the logarithms."""
    return math.exp(sum(math.log(item) for item in data) / len(data))


def statistics_pvariance(data: list[float]) -> float:
    """Return the mean of the squared deviations from the mean."""
    mean = sum(data) / len(data)
    total = sum((item - mean) ** 2 for item in data)
    if isinstance(data[0], int):
        exact = len(data) * sum(item * item for item in data) - sum(data) ** 2
        size = len(data) ** 2
        return exact // size if exact % size == 0 else exact / size
    return total / len(data)


def statistics_variance(data: list[float]) -> float:
    """Return the sum of the squared deviations from the mean over one less than the number of data."""
    mean = sum(data) / len(data)
    total = sum((item - mean) ** 2 for item in data)
    if isinstance(data[0], int):
        exact = len(data) * sum(item * item for item in data) - sum(data) ** 2
        size = len(data) * (len(data) - 1)
        return exact // size if exact % size == 0 else exact / size
    return total / (len(data) - 1)


def statistics_pstdev(data: list[float]) -> float:
    """Return the square root of the population variance."""
    return math.sqrt(statistics_pvariance(data))


def statistics_stdev(data: list[float]) -> float:
    """Return the square root of the sample variance."""
    return math.sqrt(statistics_variance(data))


def statistics_covariance(x: list[float], y: list[float]) -> float:
    """Return the sample covariance."""
    mean_x = statistics_fmean(x)
    mean_y = statistics_fmean(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / (len(x) - 1)


def statistics_correlation(x: list[float], y: list[float]) -> float:
    """Return Pearson's correlation."""
    return statistics_covariance(x, y) / math.sqrt(statistics_covariance(x, x) * statistics_covariance(y, y))


def statistics_quantiles(data: list[float], n: int) -> list[float]:
    """Return the cut points between n intervals of equal probability."""
    ordered = sorted(data)
    size = len(ordered)
    cuts = []
    for place in range(1, n):
        index = place * (size + 1) // n
        index = 1 if index < 1 else size - 1 if index > size - 1 else index
        delta = place * (size + 1) - index * n
        cuts.append((ordered[index - 1] * (n - delta) + ordered[index] * delta) / n)
    return cuts


# difflib and operator


def difflib_is_line_junk(line: str) -> bool:
    """Tell whether a line is blank or holds a single '#'."""
    return line.strip() in ("", "#")


def operator_countof(a: list[int], b: int) -> int:
    """Count the elements equal to a value."""
    return sum(1 for item in a if item == b)


def operator_indexof(a: list[int], b: int) -> int:
    """Return the first index of a value."""
    for index, item in enumerate(a):
        if item == b:
            return index
    raise ValueError("not found")


# calendar


def calendar_isleap(year: int) -> bool:
    """Tell whether a year is a leap year."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def calendar_leapdays(y1: int, y2: int) -> int:
    """Count the leap years from one year up to another."""
    first = y1 - 1
    last = y2 - 1
    return (last // 4 - first // 4) - (last // 100 - first // 100) + (last // 400 - first // 400)


def calendar_weekday(year: int, month: int, day: int) -> int:
    """Return the day of the week, Monday being 0, by Zeller's congruence."""
    if month < 3:
        month += 12
        year -= 1
    return (day + 13 * (month + 1) // 5 + year + year // 4 - year // 100 + year // 400 + 5) % 7


def calendar_monthrange(year: int, month: int) -> tuple[int, int]:
    """Return the weekday of a month's first day and the number of its days."""
    days = 31
    if month in (4, 6, 9, 11):
        days = 30
    if month == 2:
        days = 29 if calendar_isleap(year) else 28
    return (calendar_weekday(year, month, 1), days)


def calendar_monthcalendar(year: int, month: int) -> list[list[int]]:
    """Return the weeks of a month, with 0 for the days of other months."""
    before, days = calendar_monthrange(year, month)
    cells = [0] * before + list(range(1, days + 1))
    cells += [0] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


# shlex, string


def shlex_quote(s: str) -> str:
    """Return a text as one word of a shell."""
    if not s:
        return "''"
    if re.search(r"[^a-zA-Z0-9_@%+=:,./-]", s) is None:
        return s
    return "'" + s.replace("'", "'\"'\"'") + "'"


def shlex_join(split_command: list[str]) -> str:
    """Return a shell command from its words."""
    return " ".join(shlex_quote(word) for word in split_command)


def shlex_split(s: str) -> list[str]:
    """Split a shell command into its words."""
    words = []
    word: str | None = None
    quote = ""
    escaped = False
    for c in s:
        if escaped:
            if quote and c not in ("\\", '"'):
                word = (word or "") + "\\"
            word = (word or "") + c
            escaped = False
        elif c == "\\" and quote != "'":
            word = word or ""
            escaped = True
        elif quote:
            if c == quote:
                quote = ""
            else:
                word = (word or "") + c
        elif c in ("'", '"'):
            word = word or ""
            quote = c
        elif c in " \t\r\n":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + c
    if word is not None:
        words.append(word)
    return words


def string_capwords(s: str) -> str:
    """Capitalize every word and put single spaces between them."""
    return " ".join(word[:1].upper() + word[1:].lower() for word in s.split())


# zlib, xml


def zlib_adler32(data: bytes) -> int:
    """Return the Adler-32 checksum."""
    low = 1
    high = 0
    for byte in data:
        low = (low + byte) % 65521
        high = (high + low) % 65521
    return high * 65536 + low


def zlib_crc32(data: bytes) -> int:
    """Return the CRC-32 checksum, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc ^ byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xEDB88320 if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF


def saxutils_escape(data: str) -> str:
    """Escape the characters that have a meaning in XML text."""
    return data.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")


def saxutils_unescape(data: str) -> str:
    """Undo the escapes of XML text."""
    return data.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")


def saxutils_quoteattr(data: str) -> str:
    """Escape and quote the value of an attribute."""
    data = saxutils_escape(data).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
    if '"' not in data:
        return '"' + data + '"'
    if "'" not in data:
        return "'" + data + "'"
    return '"' + data.replace('"', "&quot;") + '"'


# urllib.parse


def parse_quote(string: str) -> str:
    """Replace everything but letters, digits and _.-~/ by its bytes in per cent notation."""
    text = ""
    for c in string:
        if c.isascii() and (c.isalnum() or c in "_.-~/"):
            text += c
        else:
            for byte in c.encode():
                text += f"%{byte:02X}"
    return text


def parse_quote_plus(string: str) -> str:
    """Quote, with plus signs for spaces and slashes quoted."""
    return "+".join(parse_quote(part).replace("/", "%2F") for part in string.split(" "))


def parse_unquote(string: str) -> str:
    """Replace per cent notation by the characters that it stands for."""
    parts = string.split("%")
    text = parts[0]
    pending = b""
    for part in parts[1:]:
        if re.match(r"[0-9a-fA-F]{2}", part) is None:
            text += pending.decode("utf-8", "replace") + "%" + part
            pending = b""
            continue
        pending += bytes.fromhex(part[:2])
        if part[2:]:
            text += pending.decode("utf-8", "replace") + part[2:]
            pending = b""
    return text + pending.decode("utf-8", "replace")


def parse_unquote_plus(string: str) -> str:
    """Unquote, with spaces for plus signs."""
    return parse_unquote(string.replace("+", " "))


def parse_urlencode(query: dict[str, object]) -> str:
    """Write a dictionary as the query of an address."""
    return "&".join(parse_quote_plus(str(key)) + "=" + parse_quote_plus(str(item)) for key, item in query.items())


def parse_parse_qsl(qs: str) -> list[tuple[str, str]]:
    """Read the query of an address as a list of pairs."""
    pairs = []
    for part in qs.split("&"):
        name, found, value = part.partition("=")
        if found and value:
            pairs.append((parse_unquote_plus(name), parse_unquote_plus(value)))
    return pairs


def parse_parse_qs(qs: str) -> dict[str, list[str]]:
    """Read the query of an address as a dictionary of lists."""
    values: dict[str, list[str]] = {}
    for name, value in parse_parse_qsl(qs):
        values[name] = [*values.get(name, []), value]
    return values


# ntpath


def ntpath_splitdrive(p: str) -> tuple[str, str]:
    """Split a drive letter off."""
    if p[1:2] == ":":
        return (p[:2], p[2:])
    return ("", p)


def ntpath_split(p: str) -> tuple[str, str]:
    """Split a path before its last part."""
    drive, rest = ntpath_splitdrive(p)
    place = max(rest.rfind("/"), rest.rfind("\\")) + 1
    head = rest[:place]
    return (drive + (head.rstrip("/\\") or head), rest[place:])


def ntpath_basename(p: str) -> str:
    """Return the last part of a path."""
    return ntpath_split(p)[1]


def ntpath_dirname(p: str) -> str:
    """Return a path without its last part."""
    return ntpath_split(p)[0]


def ntpath_splitext(p: str) -> tuple[str, str]:
    """Split an extension off."""
    start = max(p.rfind("/"), p.rfind("\\")) + 1
    dot = p.rfind(".")
    if dot <= start or p[start:dot].strip(".") == "":
        return (p, "")
    return (p[:dot], p[dot:])


# heapq, html, fnmatch, email


def heapq_nlargest(n: int, iterable: list[int]) -> list[int]:
    """Return the n largest, largest first."""
    return sorted(iterable, reverse=True)[: max(n, 0)]


def heapq_nsmallest(n: int, iterable: list[int]) -> list[int]:
    """Return the n smallest, smallest first."""
    return sorted(iterable)[: max(n, 0)]


def html_escape(s: str) -> str:
    """Escape the characters that have a meaning in HTML."""
    s = s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return s.replace('"', "&quot;").replace("'", "&#x27;")


def fnmatch_fnmatchcase(name: str, pat: str) -> bool:
    """Tell whether a name fits a pattern of the shell."""
    if pat == "":
        return name == ""
    if pat[0] == "*":
        return fnmatch_fnmatchcase(name, pat[1:]) or (name != "" and fnmatch_fnmatchcase(name[1:], pat))
    if name == "":
        return False
    if pat[0] == "[":
        end = pat.find("]", 3 if pat[1:2] == "!" else 2)
        if end > 0:
            inside = pat[1:end].replace("!", "^", 1) if pat[1] == "!" else pat[1:end]
            return re.match("[" + inside + "]", name[0]) is not None and fnmatch_fnmatchcase(name[1:], pat[end + 1 :])
    return pat[0] in ("?", name[0]) and fnmatch_fnmatchcase(name[1:], pat[1:])


def fnmatch_filter(names: list[str], pat: str) -> list[str]:
    """Keep the names that fit a pattern."""
    return [name for name in names if fnmatch_fnmatchcase(name, pat)]


def utils_quote(text: str) -> str:
    """Put a backslash before backslashes and double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def utils_unquote(text: str) -> str:
    """Take off quotation marks or angle brackets."""
    if len(text) > 1 and text[0] == '"' and text[-1] == '"':
        return text[1:-1].replace("\\\\", "\\").replace('\\"', '"')
    if len(text) > 1 and text[0] == "<" and text[-1] == ">":
        return text[1:-1]
    return text


def utils_formataddr(pair: tuple[str, str]) -> str:
    """Write a name and an address as one text."""
    name, address = pair
    if not name:
        return address
    quotes = '"' if re.search(r'[\]\[\\()<>@,:;".]', name) is not None else ""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return quotes + escaped + quotes + " <" + address + ">"
