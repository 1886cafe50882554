"""Random messages against Google's own mapping (Debian's python3-protobuf), both ways: its JSON must
arrive as the message it was made of, and the message must come back as JSON that says the same to
both. What a server may legally write in many ways, out of order, in parts, overridden, must be read
as protobuf reads it."""
import json
import random
import struct

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as F

import h1
from backend import Backend
from harness import Gateway, assert_error, same, same_json

ROUNDS = 150
INT32 = (0, 1, -1, 7, -2**31, 2**31 - 1)
INT64 = (*INT32, 2**53 + 1, -2**53 - 1, -2**63, 2**63 - 1)
UINT32, UINT64 = (0, 1, 7, 2**32 - 1), (0, 1, 2**53 + 1, 2**64 - 1)
TEXTS = ("", "a", "naïve – café", '"\\/\b\f\n\r\t', "\0\1\x1f\x7f", "😀\u2028\u2029<&>", "x" * 300)
PATHS = ("name", "f_part.number", "x1.y_z", "a_b_c")
ANY_TYPES = {"kitchen": ("kitchen.Sink.Part", "google.protobuf.Duration", "kitchen.Nothing",
                         "google.protobuf.Int64Value"),
             "kitchen2": ("kitchen.Sink.Part", "google.protobuf.Timestamp")}


class Maker:
    """Fills messages of a schema with whatever fits, edges first."""

    def __init__(self, schema, name, seed):
        self.schema, self.dice, self.any_types = schema, random.Random(seed), ANY_TYPES[name]

    def double(self):
        if self.dice.random() < 0.3:
            return self.dice.choice((0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, float("inf"),
                                     float("-inf"), float("nan")))
        return self.number("d", 8)

    def float(self):
        return self.number("f", 4)

    def number(self, form, size):
        """JSON has one NaN, whatever its bits."""
        x = struct.unpack(form, self.dice.randbytes(size))[0]
        return x if x == x else float("nan")

    def finite(self):
        return self.dice.choice((0, -1.5, 1e300, 2**53, 0.1))

    def scalar(self, f):
        pick = self.dice.choice
        if f.type == F.TYPE_ENUM:
            return pick(f.enum_type.values).number
        return {F.CPPTYPE_INT32: lambda: pick(INT32), F.CPPTYPE_INT64: lambda: pick(INT64),
                F.CPPTYPE_UINT32: lambda: pick(UINT32), F.CPPTYPE_UINT64: lambda: pick(UINT64),
                F.CPPTYPE_DOUBLE: self.double, F.CPPTYPE_FLOAT: self.float,
                F.CPPTYPE_BOOL: lambda: pick((True, False)),
                F.CPPTYPE_STRING: lambda: (pick(TEXTS) if f.type == F.TYPE_STRING
                                           else self.dice.randbytes(pick((0, 1, 2, 3, 50))))}[f.cpp_type]()

    def timestamp(self, m):
        m.seconds = self.dice.choice((0, -1, 1, -62135596800, 253402300799, self.dice.randrange(-10**10, 10**10)))
        m.nanos = self.nanos()

    def duration(self, m):
        sign = self.dice.choice((-1, 1))
        m.seconds = sign * self.dice.choice((0, 1, 315576000000, self.dice.randrange(10**9)))
        m.nanos = sign * self.nanos()

    def nanos(self):
        return self.dice.choice((0, 1, 999999999, 500000000, 120000, self.dice.randrange(10**9)))

    def mask(self, m):
        m.paths.extend(self.dice.sample(PATHS, self.dice.randrange(3)))

    def value(self, m, depth):
        kinds = ("null_value", "number_value", "string_value", "bool_value", "struct_value", "list_value")
        kind = self.dice.choice(kinds if depth else kinds[:4])
        if kind == "struct_value":
            self.struct(m.struct_value, depth - 1)
        elif kind == "list_value":
            self.list(m.list_value, depth - 1)
        else:
            setattr(m, kind, {"null_value": 0, "number_value": self.finite(),
                              "string_value": self.dice.choice(TEXTS),
                              "bool_value": self.dice.random() < 0.5}[kind])

    def struct(self, m, depth):
        m.SetInParent()
        for key in self.dice.sample(TEXTS, self.dice.randrange(3)):
            self.value(m.fields[key], depth)

    def list(self, m, depth):
        m.SetInParent()
        for _ in range(self.dice.randrange(3)):
            self.value(m.values.add(), depth)

    def any(self, m, depth):
        inner = self.schema.new(self.dice.choice(self.any_types)) if depth else None
        if inner is not None:
            self.fill(inner, depth - 1)
            m.Pack(inner)

    def fill(self, m, depth):
        special = {"google.protobuf.Timestamp": self.timestamp,
                   "google.protobuf.Duration": self.duration,
                   "google.protobuf.FieldMask": self.mask,
                   "google.protobuf.Value": lambda m: self.value(m, depth),
                   "google.protobuf.Struct": lambda m: self.struct(m, depth),
                   "google.protobuf.ListValue": lambda m: self.list(m, depth),
                   "google.protobuf.Any": lambda m: self.any(m, depth)}
        if m.DESCRIPTOR.full_name in special:
            special[m.DESCRIPTOR.full_name](m)
            return m
        # Google's Python (json_format 4.21) writes a repeated extension under its bare name, which
        # then means nothing, and a list of NullValues that it does not read.
        extensions = self.schema.pool.FindAllExtensions(m.DESCRIPTOR)
        fields = [f for f in m.DESCRIPTOR.fields if f.name != "rk_null"]
        fields += [f for f in extensions if f.label != F.LABEL_REPEATED]
        often = min(0.9, 6 / (len(fields) + 1)) if depth else 0
        for f in fields:
            if f.label == F.LABEL_REQUIRED or self.dice.random() < often:
                self.field(m, f, depth)
        return m

    def field(self, m, f, depth):
        if f.message_type and f.message_type.GetOptions().map_entry:
            key, value = f.message_type.fields_by_name["key"], f.message_type.fields_by_name["value"]
            for _ in range(self.dice.randrange(3)):
                if value.message_type:
                    self.fill(getattr(m, f.name)[self.scalar(key)], depth - 1)
                else:
                    getattr(m, f.name)[self.scalar(key)] = self.scalar(value)
            return
        if f.is_extension:
            at = m.Extensions[f] if f.message_type else None
        else:
            at = getattr(m, f.name)
        if f.label == F.LABEL_REPEATED:
            for _ in range(self.dice.randrange(4)):
                if f.message_type:
                    self.fill(at.add(), depth - 1)
                else:
                    at.append(self.scalar(f))
        elif f.message_type:
            at.SetInParent()
            self.fill(at, depth - 1)
        elif f.is_extension:
            m.Extensions[f] = self.scalar(f)
        else:
            setattr(m, f.name, self.scalar(f))


def read_json(text):
    """Python takes -0 for an integer, which has no sign to keep."""
    return json.loads(text, parse_int=lambda s: -0.0 if s == "-0" else int(s))


TYPES = [("kitchen", "/kitchen.KitchenService/Plain", "kitchen.Sink"),
         ("kitchen2", "/kitchen2.Kitchen2Service/Plain", "kitchen2.Sink2")]


@pytest.fixture(scope="module")
def stands(schemas, sets, tmp_path_factory):
    made = {}
    for name, _, _ in TYPES:
        server = Backend(schemas[name])
        made[name] = Gateway(tmp_path_factory.mktemp(name), sets[name], server.target), server
    yield made
    for gateway, server in made.values():
        gateway.stop()
        server.stop()


@pytest.mark.parametrize("name, method, type_name", TYPES)
def test_random_messages_mean_the_same_to_google_and_to_us(stands, name, method, type_name):
    gateway, server = stands[name]
    for seed in range(ROUNDS):
        message = Maker(server.schema, name, seed).fill(server.schema.new(type_name), 3)
        theirs = server.schema.json(message)
        server.reset()
        server.answers[method] = message
        answer = h1.call(gateway.port, "POST", method, json=theirs)
        assert answer.status == 200, (seed, answer, theirs)
        assert same(server.calls[0].request, message), (seed, server.calls[0].request, message)
        assert same_json(answer.json, theirs), (seed, answer.json, theirs)
        again = json_format.ParseDict(read_json(answer.text), server.schema.new(type_name),
                                      descriptor_pool=server.schema.pool)
        assert same(again, message), (seed, answer.json, message)


@pytest.mark.parametrize("name, method, type_name", TYPES)
def test_parts_of_messages_are_read_as_google_reads_them(stands, name, method, type_name):
    """The parse of two messages one behind the other is their merge; their fields may be shuffled in chunks."""
    gateway, server = stands[name]
    for seed in range(ROUNDS):
        maker = Maker(server.schema, name, 1000 + seed)
        parts = [maker.fill(server.schema.new(type_name), 2).SerializeToString() for _ in range(3)]
        wire = b"".join(parts)
        merged = server.schema.new(type_name)
        merged.MergeFromString(wire)
        server.reset()
        server.answers[method] = wire
        try:
            theirs = server.schema.json(merged)
        except json_format.SerializeToJsonError:  # parts of two Durations may differ in sign
            theirs = None
        answer = h1.call(gateway.port, "POST", method, json=theirs or {})
        if theirs is None:
            assert_error(answer, 500, 13)
            continue
        assert answer.status == 200, (seed, answer)
        assert same_json(answer.json, theirs), (seed, answer.json, theirs)
