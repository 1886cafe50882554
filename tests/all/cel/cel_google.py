"""cel_google.py CEL_TESTEE DESCRIPTORS COUNT SEED: expressions made at random, ours against
Google's evaluator (cel-cpp, as PyPI's cel-expr-python): the same type or both refuse, the same
value or both an error. Prints each difference and, last, "N passed, N failed"."""
import datetime
import os
import random
import re
import subprocess
import sys

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

T = cel.Type
VARIABLES = {"i": T.INT, "u": T.UINT, "d": T.DOUBLE, "s": T.STRING, "b": T.BOOL, "li": T.List(T.INT),
             "ls": T.List(T.STRING), "m": T.Map(T.STRING, T.INT), "x": T.DYN}
VALUES = {"i": 7, "u": 9, "d": 2.5, "s": "h\u00e9llo", "b": True, "li": [1, 2, 3], "ls": ["a", "bc"],
          "m": {"a": 1, "bc": 2}, "x": 3}

# What is not here, because cel-cpp 1) refuses an end at the size in substring(start, end), and
# 2) writes doubles and durations as text in its own way, which cel-spec leaves open.
# Type -> ways to write a value of it; {type} is a part of that type, {v:type} one in which a fold's
# variable of that type may stand. Leaves first, they are what depth 0 takes.
LEAVES = {
    "int": ["i", "0", "1", "2", "-3", "42", "9223372036854775807", "-9223372036854775808", "0x1F"],
    "uint": ["u", "0u", "1u", "7u", "18446744073709551615u"],
    "double": ["d", "0.0", "1.5", "-2.25", "1e300", "9007199254740993.0", "-0.0", ".5"],
    "string": ["s", "''", "'a'", "'bc'", "'1'", "'-7'", "'true'", "'2.5'", "'a,b,c'", "'\\u20ac x'", "' T '",
               "r'\\d'", "'12.5e1'", "'2009-02-13T23:31:30Z'", "'90s'"],
    "bytes": ["b''", "b'a'", "b'\\xff\\x00'", "b'caf\u00e9'"],
    "bool": ["b", "true", "false"],
    "null": ["null"],
    "ints": ["li", "[]", "[1, 2]", "[5, 4, 3, 5]"],
    "strings": ["ls", "['x']", "['b', 'a', 'b']"],
    "map": ["m", "{'k': 3}", "{}"],
    "time": ["timestamp('2009-02-13T23:31:30Z')", "timestamp('2020-02-29T12:00:00.123456Z')", "timestamp(0)",
             "timestamp('1969-12-31T23:59:59Z')"],
    "span": ["duration('1h30m')", "duration('-1.5s')", "duration('100ms')", "duration('0s')"],
    "dyn": ["x", "dyn(1)", "dyn('a')", "dyn(2u)", "dyn([1])", "dyn(1.0)", "dyn(null)", "dyn(true)"],
    "type": ["int", "string", "type(i)", "type(li)", "list", "map", "bool", "double", "null_type"],
}
FORMS = {
    "int": ["{int} + {int}", "{int} - {int}", "{int} * {int}", "{int} / {int}", "{int} % {int}", "-{int}",
            "size({string})", "size({ints})", "{strings}.size()", "{map}.size()", "size({bytes})", "int({uint})",
            "int({double})", "int({string})", "{ints}[{int}]", "{map}[{string}]", "m.a", "{bool} ? {int} : {int}",
            "{time}.getFullYear()", "{time}.getMonth()", "{time}.getDayOfWeek()", "{time}.getDayOfYear()",
            "{time}.getDate()", "{time}.getHours()", "{time}.getMinutes('+05:30')", "{span}.getSeconds()",
            "{span}.getMinutes()", "{time}.getMilliseconds()", "{span}.getMilliseconds()", "int({time})",
            "{string}.indexOf({string})", "{string}.lastIndexOf({string})", "math.greatest({int}, {int})",
            "math.least({int}, {int}, {int})", "math.abs({int})", "math.sign({int})",
            "math.bitAnd({int}, {int})", "math.bitXor({int}, {int})", "math.bitShiftLeft({int}, {int})",
            "math.bitNot({int})", "cel.bind(y, {int}, {v:int})", "optional.of({int}).orValue({int})",
            "{ints}[?{int}].orValue({int})", "{map}[?{string}].orValue({int})", "{map}.?k.orValue({int})",
            "optional.of({int}).value()", "optional.of({int}).optMap(y, {v:int}).orValue({int})",
            "optional.none().orValue({int})", "optional.ofNonZeroValue({int}).orValue(-1)"],
    "uint": ["{uint} + {uint}", "{uint} - {uint}", "{uint} * {uint}", "{uint} / {uint}", "{uint} % {uint}",
             "uint({int})", "uint({double})", "uint({string})", "{bool} ? {uint} : {uint}", "math.abs({uint})",
             "math.bitOr({uint}, {uint})", "math.bitShiftRight({uint}, {int})"],
    "double": ["{double} + {double}", "{double} - {double}", "{double} * {double}", "{double} / {double}",
               "-{double}", "double({int})", "double({uint})", "double({string})", "math.ceil({double})",
               "math.floor({double})", "math.round({double})", "math.trunc({double})", "math.sqrt({double})",
               "math.abs({double})", "{bool} ? {double} : {double}"],
    "string": ["{string} + {string}", "string({int})", "string({uint})", "string({bool})", "string({bytes})",
               "{strings}[{int}]",
               "{bool} ? {string} : {string}", "{strings}.join({string})", "{string}.lowerAscii()",
               "{string}.upperAscii()", "{string}.trim()", "{string}.substring({int})",
               "{string}.charAt({int})",
               "{string}.replace({string}, {string})", "{string}.replace({string}, {string}, {int})",
               "base64.encode({bytes})", "cel.bind(y, {string}, {v:string})"],
    "bytes": ["{bytes} + {bytes}", "bytes({string})", "bytes({bytes})", "base64.decode(base64.encode({bytes}))"],
    "bool": ["{bool} && {bool}", "{bool} || {bool}", "!{bool}", "{int} < {int}", "{int} >= {int}",
             "{int} == {int}", "{int} != {int}", "{uint} <= {uint}", "{uint} == {uint}", "{double} < {double}",
             "{double} == {double}", "{int} < {double}", "{uint} > {int}", "{double} >= {uint}",
             "{string} == {string}", "{string} < {string}", "{bytes} < {bytes}", "{bytes} == {bytes}",
             "{bool} == {bool}", "{ints} == {ints}", "{map} == {map}", "{time} < {time}", "{span} == {span}",
             "{dyn} == {dyn}", "{dyn} < {dyn}", "{int} in {ints}", "{string} in {strings}", "{string} in {map}",
             "{dyn} in {ints}", "{string}.startsWith({string})", "{string}.endsWith({string})",
             "{string}.contains({string})", "{string}.matches('^[a-c]+$')", "has({map}.a)", "has(m.zz)",
             "{ints}.all(y, {v:bool})", "{ints}.exists(y, {v:bool})", "{ints}.exists_one(y, {v:bool})",
             "{map}.all(k, k != {string})", "{type} == {type}", "{bool} ? {bool} : {bool}", "bool({string})",
             "math.isNaN({double})", "math.isInf({double})", "{dyn} == {int}", "{null} == {dyn}",
             "optional.of({int}).hasValue()", "{ints}[?{int}].hasValue()", "{dyn} && {bool}",
             "optional.of({int}) == optional.none()"],
    "ints": ["[{int}, {int}]", "{ints} + {ints}", "{ints}.map(y, {v:int})", "{ints}.filter(y, {v:bool})",
             "{ints}.map(y, {v:bool}, {v:int})", "{strings}.map(z, size(z))", "[?optional.of({int}), {int}]",
             "{bool} ? {ints} : {ints}"],
    "strings": ["[{string}]", "{strings} + {strings}", "{string}.split({string})", "{map}.filter(k, k == {string})",
                "{ints}.map(y, 'v')", "{strings}.filter(z, z < {string})"],
    "map": ["{{'a': {int}, 'b': {int}}}", "{{{string}: {int}}}", "{{?'k': optional.of({int})}}"],
    "time": ["{time} + {span}", "{time} - {span}", "{span} + {time}", "timestamp({int})", "timestamp({string})"],
    "span": ["{span} + {span}", "{span} - {span}", "{time} - {time}", "duration({string})"],
    "dyn": ["dyn({int})", "dyn({string})", "dyn({double})", "{dyn} + {dyn}", "[{int}, {string}][{int}]",
            "{dyn}[{int}]", "dyn({map}).a", "dyn({map})", "{bool} ? {dyn} : {int}", "[dyn({ints}), {dyn}]",
            "-{dyn}", "size({dyn})"],
    "type": ["type({int})", "type({dyn})", "type({ints})", "type({map})", "type({type})", "type({string})"],
    "null": ["null"],
}
WRONG = 0.04  # of the parts are of some other type

# Where the two differ and both may, or cel-cpp is wrong: by the text of Google's refusal, of ours, or
# by the source.
KNOWN = [
    # cel-spec leaves order across int, uint and double to the implementation's checker.
    ("google", r"matching overload for '_[<>]=?_' applied to '\((int|uint|double), (int|uint|double)\)'"),
    # Overloads that cel-cpp has over cel-spec.
    ("own", r"`duration` does not take \(int\)|`int` does not take \(duration\)"),
    # cel-cpp converts a bool to an int, and does not take 't' for true, which cel-spec's cases ask for.
    ("own", r"no such overload: int of bool"),
    ("source", r"bool\(.*(charAt|trim)"),
    # cel-cpp reads years of less than four digits; ours reads doubles as JSON writes them.
    ("source", r"timestamp\(.*substring"),
    ("own", r'"\.\d+" is no double'),
    # What cannot be a key is in no map here, an error there.
    ("source", r"\bin \(\{\}\)"),
    # What is not bound to a type: one may walk it here; there all overloads that fit stay open.
    ("google", r"expression of type 'dyn' cannot be the range of a comprehension"),
    ("source", r"math\.(greatest|least)\(.*\(\[\]\)\["),
    # A map has no order; that of cel-cpp changes from run to run.
    ("source", r"\bm\)*\.(map|filter)\("),
]


def known(source, own_text, google_text):
    texts = {"google": google_text, "own": own_text, "source": source}
    return any(re.search(pattern, texts[whose] or "") for whose, pattern in KNOWN)


def make(rng, kind, depth, local=None, strict=False):
    """`strict`: of this type and no other, for string(), which writes doubles, times and durations
    as it likes."""
    if not strict and rng.random() < WRONG:
        kind = rng.choice(list(LEAVES))
    if local == kind and rng.random() < 0.4:
        return "y"
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(LEAVES[kind])
    form = rng.choice(FORMS[kind])

    def part(m):
        inner, is_local = m.group(1), m.group(1).startswith("v:")
        # The variable of cel.bind(y, string, ...) is a string; all others are ints.
        own = ("string" if "y, {string}" in form else "int") if is_local else None
        text = make(rng, inner[2:] if is_local else inner, depth - 1, own,
                    strict or form.startswith("string("))
        return text if re.fullmatch(r"[\w.]+|'[^'\\]*'", text) else f"({text})"
    return re.sub(r"\{([\w:]+)\}", part, form.replace("{{", "\x01").replace("}}", "\x02")) \
        .replace("\x01", "{").replace("\x02", "}")


TYPE_NAMES = {"null": "null_type", "timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}


def type_text(t):
    """As our testee writes types."""
    text = str(t).replace("<", "(").replace(">", ")")
    return re.sub(r"[A-Z]+", lambda m: m.group(0).lower(), text)


class Unknown(Exception):
    pass


def google_value(v):
    kind, raw = str(v.type()).split("<")[0], v.value()
    if kind == "ERROR":
        return "error"
    if kind == "LIST":
        return ("list", [google_value(e) for e in raw])
    if kind == "MAP":
        return ("map", sorted((google_key(k), google_value(e)) for k, e in raw.items()))
    if kind == "TIMESTAMP":
        since = raw - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return ("time", since // datetime.timedelta(microseconds=1))
    if kind == "DURATION":
        return ("span", raw // datetime.timedelta(microseconds=1))
    if kind in ("STRING", "BYTES"):
        return (kind.lower(), raw.encode().hex() if kind == "STRING" else bytes(raw).hex())
    if kind == "TYPE":
        name = type_text(raw).split("(")[0]
        return ("type", TYPE_NAMES.get(name, name))
    if kind == "DOUBLE":
        return ("double", "%.17g" % raw)
    if kind in ("INT", "UINT", "BOOL", "NULL"):
        return (kind.lower(), raw)
    raise Unknown(kind)


def google_key(k):
    return ("key", k.encode().hex() if isinstance(k, str) else str(k))


def own_value(text, at=0):
    """(value, where it ends) of what our testee prints."""
    if text.startswith("error", at):
        return "error", at + 5
    if text[at] in "[{":
        items, end, close = [], at + 1, "]" if text[at] == "[" else "}"
        while text[end] != close:
            end += text[end] == ","
            item, end = own_value(text, end)
            if close == "}":
                value, end = own_value(text, end + 1)
                item = (("key", str(item[1])), value)
            items.append(item)
        return ("map", sorted(items)) if close == "}" else ("list", items), end + 1
    m = re.compile(r"(\w+)(?::([^,\[\]{}=\s]*))?").match(text, at)
    return own_scalar(m.group(1), m.group(2)), m.end()


def own_scalar(tag, body):
    if tag in ("true", "false"):
        return ("bool", tag == "true")
    if tag == "null":
        return ("null", None)
    if tag in "tp":
        seconds, nanos = body.lstrip("-").split(".")
        sign = -1 if body.startswith("-") else 1
        if tag == "t":
            return ("time", sign * int(seconds) * 1000000 + int(nanos) // 1000)
        return ("span", sign * (int(seconds) * 1000000 + int(nanos) // 1000))
    names = {"i": "int", "u": "uint", "d": "double", "s": "string", "b": "bytes", "type": "type"}
    return (names[tag], int(body) if tag in "iu" else body)


def google(env, source):
    try:
        program = env.compile(source)
    except RuntimeError as e:
        return ("refused", None), str(e)
    kind = type_text(program.return_type())
    try:
        return (kind, google_value(program.eval(data=VALUES))), ""
    except RuntimeError:
        return (kind, "error"), ""


# The package drops a reference to None with each null that it makes.
NONES = [None] * 10_000_000


def main():
    testee, descriptors = sys.argv[1:3]
    count, seed = int(sys.argv[3]), int(sys.argv[4])
    rng = random.Random(seed)
    env = cel.NewEnv(variables=VARIABLES, extensions=[
        ext_strings.ExtStrings(), ext_math.ExtMath(), ext_optional.ExtOptional(), ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders()])
    sources = [make(rng, rng.choice(list(FORMS)), rng.randint(1, 4)) for _ in range(count)]
    run = subprocess.run([testee, "lines", descriptors], input="\n".join(sources) + "\n", text=True,
                         stdout=subprocess.PIPE, check=True)
    tally = {"refused": 0, "error": 0, "value": 0, "known": 0}
    failed = 0
    for source, line in zip(sources, run.stdout.splitlines(), strict=True):
        parts = line.split("\t")
        own = ("refused", None) if parts[0] == "refused" else (parts[0], own_value(parts[1])[0])
        theirs, refusal = google(env, source)
        if own == theirs:
            tally["refused" if own[0] == "refused" else "error" if own[1] == "error" else "value"] += 1
            continue
        if known(source, line, refusal):
            tally["known"] += 1
            continue
        failed += 1
        if failed <= 200:
            print(f"{source}\n    ours    {own} {parts[1:]}\n    Google  {theirs}")
    print(f"{count} expressions: {tally['value']} values, {tally['error']} errors, {tally['refused']} refused by both, "
          f"{tally['known']} known to differ")
    print(f"{count - failed} passed, {failed} failed")
    return failed > 0


status = main()
sys.stdout.flush()
os._exit(status)  # the package does not survive an orderly end
