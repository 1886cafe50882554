#!/usr/bin/python3
"""seeds.py BUILD: writes tests/fuzz/corpus/{encode,decode,query,unframe,schema,h2} anew, from the table below.

encode gets the JSON, decode what protobuf's own library makes of it; schema gets descriptor sets of small files.
A seed's first byte is a row of tests/fuzz/messages.h, its second one says how it is cut or printed."""
import pathlib
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = pathlib.Path(__file__).parent
MESSAGES = re.findall(r'^    "([\w.]+)",$', (HERE / "messages.h").read_text(), re.M)
ANY = "type.googleapis.com/"

JSON = {
    "kitchen.Sink": [
        '{}',
        '{"fDouble":-1.5e-300,"fFloat":0.1,"fInt32":-5,"fInt64":"-9223372036854775808","fUint32":4294967295,'
        '"fUint64":"18446744073709551615","fSint32":1e3,"fSint64":"7","fFixed32":1,"fFixed64":"2","fSfixed32":-3,'
        '"fSfixed64":"-4","fBool":true,"fString":"x\\u00e9\\ud83d\\ude00\\n","fBytes":"AAEC/w=="}',
        '{"fDouble":"NaN","fFloat":"-Infinity","fInt32":"12","f_bytes":"_-8","fColor":"BEIGE","fSize":"LITTLE","fKind":1}',
        '{"fPart":{"number":1,"label":"a","kind":"DRAIN","screw":{"turns":2,"of":{"number":3}}},"fSink":{"rSink":[{},{"name":"b"}]}}',
        '{"rDouble":[1,2.5,1e10],"rFloat":[0.5],"rInt32":[1,-1,300],"rInt64":["1",2],"rUint32":[1],"rUint64":["1"],"rBool":[true,false],'
        '"rString":["","a"],"rBytes":["","AA=="],"rColor":["RED",2],"rPart":[{},{"number":1}]}',
        '{"rSint32":[-1],"rSint64":["-2"],"rFixed32":[1],"rFixed64":["2"],"rSfixed32":[-1],"rSfixed64":["-2"],'
        '"uDouble":[1],"uFloat":[2],"uInt32":[3],"uInt64":["4"],"uBool":[true],"uColor":["GREEN"],"uFixed64":["9"]}',
        '{"mInt32":{"-1":1.5},"mInt64":{"2":0.5},"mUint32":{"3":4},"mUint64":{"5":"6"},"mBool":{"true":false,"false":true},"mString":{"":"","k":"v"}}',
        '{"mToBytes":{"a":"AA=="},"mToColor":{"r":"RED"},"mToPart":{"p":{"number":1}},"mToSink":{"s":{"mToSink":{"t":{}}}},"mToValue":{"n":null,"l":[1]},'
        '"mToTimestamp":{"t":"1970-01-01T00:00:00Z"},"mToWrapper":{"w":"1"},"mToAny":{"y":{"@type":"' + ANY + 'kitchen.Ping"}}}',
        '{"oInt32":1}', '{"oBytes":"AA=="}', '{"oSink":{"oNull":null}}', '{"oNull":"NULL_VALUE"}', '{"oValue":null}', '{"oWrapper":"w"}', '{"oTimestamp":"2020-02-29T23:59:59.999999999Z","oLonely":""}',
        '{"pDouble":0,"pFloat":0,"pInt32":0,"pInt64":"0","pUint32":0,"pUint64":"0","pBool":false,"pString":"","pBytes":"","pColor":0,"pPart":{}}',
        '{"wDouble":1,"wFloat":"NaN","wInt64":"1","wUint64":"2","wInt32":3,"wUint32":4,"wBool":false,"wString":"","wBytes":"AA==","rwInt64":["1","0"],"rwString":["a",""]}',
        '{"kTimestamp":"0001-01-01T00:00:00+01:00","kDuration":"-1.000000001s","kMask":"fSink.name,rPart","kStruct":{"a":{"b":[null,1,"x",true]}},"kValue":[{}],"kList":[[],{}],"kNull":null,"kEmpty":{}}'.replace("0001-01-01T00:00:00+01:00", "2001-01-01T00:00:00+01:00"),
        '{"kAny":{"@type":"' + ANY + 'google.protobuf.Duration","value":"1s"}}',
        '{"kAny":{"name":"late","@type":"' + ANY + 'kitchen.Sink","kAny":{"@type":"' + ANY + 'google.protobuf.Value","value":{"a":1}}}}',
        '{"rkTimestamp":["2020-01-01T00:00:00Z"],"rkDuration":["1s"],"rkMask":["a"],"rkStruct":[{}],"rkValue":[null,1],"rkList":[[1]],"rkNull":[null],"rkAny":[{}],"rkEmpty":[{}]}',
    ],
    "kitchen2.Sink2": [
        '{"id":"1","label":"l","dDouble":1,"dString":"s","dLevel":"LOW","levels":["LOW","HIGH"],"packedLevels":["MIDDLE",1],"switches":{"a":"ON"},"loose":[1,2],"tight":[3,4],"words":["w"]}',
        '{"id":1,"label":"","box":{"width":1,"lid":{"open":true}},"crate":[{"content":"c","inner":{"id":"2","label":"m"}}],"bag":{"things":["t"]}}',
        '{"id":1,"label":"","[kitchen2.ext_int32]":1,"[kitchen2.ext_nested]":{"name":"n","[kitchen2.ext_inner]":"i"},"[kitchen2.Nested.scoped]":{"name":"x"}}'.replace("kitchen2.Nested.scoped", "kitchen2.Sink2.Nested.scoped"),
        '{"id":1,"label":"","[kitchen2.ext_list]":["1"],"[kitchen2.ext_packed]":["2","3"],"[kitchen2.ext_last]":true,"[kitchen2.far_numbers]":["1"],"[kitchen2.far_wrappers]":[1],"[kitchen2.far_values]":[{}]}',
        '{"id":1,"label":"","nested":{"name":"n","deeper":{"name":"m"}},"part":{"number":1},"color":"RED","time":"2020-01-01T00:00:00Z","height":"HIGH","toolbox":{"[kitchen2.Wrench.wrench]":{"size":1}}}',
    ],
    "kitchen.OddNames": ['{"Leading":1,"trailing":2,"doubleUnderscore":3,"CamelCase":4,"ALLCAPS":5,"with2digits3":6,"other":7,"with space":8,"qu\\"o\\\\te":9,"line\\nbreak\\u0001":1,"größe":2,"a.b":3,"@type":4,"tagLast":5,"tag2048":6}'],
    "kitchen2.Toolbox": ['{"[kitchen2.Wrench.wrench]":{"size":7,"inner":{"[kitchen2.Wrench.wrench]":{}}}}'],
    "kitchen.Text": ['{"name":"n","words":["a"],"counts":{"b":1},"size":"2","raw":"AA==","value":{"x":[]}}'],
    "kitchen.UpdateRequest": ['{"sink":{"name":"n"},"updateMask":"name,fPart.number","validateOnly":true}'],
    "kitchen.FindRequest": ['{"key":{"group":"g","id":{"number":"1","note":"n"},"tags":["t"]},"pageSize":3}'],
    "kitchen.TypedRequest": ['{"fDouble":1.7976931348623157e308,"fFloat":3.4028235e38,"fInt32":2147483647,"fEnum":"LAST"}'],
    "google.protobuf.Any": ['{}', '{"@type":"' + ANY + 'google.protobuf.Any","value":{"@type":"' + ANY + 'kitchen.Text","name":"n"}}',
                            '{"@type":"' + ANY + 'google.protobuf.Struct","value":{"a":1}}'],
    "google.protobuf.Value": ['null', '1.5e3', '"s"', '[[],{},null]', '{"a":{"b":{"c":[true,false]}}}'],
    "google.protobuf.Struct": ['{"a":1,"b":null,"c":{"d":"e"}}'],
    "google.protobuf.ListValue": ['[1,"a",null,[2]]'],
    "google.protobuf.Timestamp": ['"2020-01-01T00:00:00.123Z"', '"9999-12-31T23:59:59-23:59"', '"1969-12-31T23:59:59.000001Z"'],
    "google.protobuf.Duration": ['"1.5s"', '"-315576000000s"', '"0.000000001s"'],
    "google.protobuf.FieldMask": ['""', '"fooBar,baz.quxQuux"'],
    "google.protobuf.DoubleValue": ['0.1', '"Infinity"'],
    "google.protobuf.Int64Value": ['"1"', '12e2'],
    "google.protobuf.StringValue": ['"\\u0000\\ud83d\\ude00"'],
    "google.protobuf.BytesValue": ['"AAEC_-8"'],
    "google.protobuf.Empty": ['{}'],
    "google.api.HttpBody": ['{"contentType":"text/plain","data":"AA==","extensions":[{"@type":"' + ANY + 'kitchen.Ping"}]}'],
    "kitchen.Ping": ['{"pong":{"ping":[{"pong":{}},{}]}}'],
    "kitchen2.Holder": ['{"middle":{"back":{"middle":{"get":{"id":1}}},"get":{"id":"2","level":"LOW"}}}'],
    "kitchen2.GetRequest": ['{"id":1}'],
}

QUERIES = {
    "kitchen.Sink": ["fInt32=-5&f_string=a%20b+c&rInt32=1&rInt32=2&fColor=RED&fBytes=AAEC_-8", "mString[k]=v&mInt32[1]=2.5&m_to_part[a%5D].number=1",
                     "fPart.screw.turns=1&kTimestamp=2020-01-01T00:00:00Z&kDuration=1.5s&kMask=a,b&wInt64=5", "oInt32=1&pBool=false&fSink.fSink.name=x&unknown=1"],
    "kitchen2.Sink2": ["id=1&label=l&box.width=2&levels=LOW&levels=5&[kitchen2.ext_int32]=1"],
    "kitchen2.Holder": ["name=x&middle.get.id=1&middle.back.name=y", "middle.back.middle.get.level=LOW&middle.get.id=1"],
    "kitchen.FindRequest": ["key.group=g&key.id.number=1&key.tags=a&key.tags=b&pageSize=2"],
    "kitchen.TypedRequest": ["fDouble=1e308&fFloat=nan&fUint64=18446744073709551615&fEnum=-1&fBool=true"],
}

STREAMS = {"kitchen.Ping": ['[{},{"pong":{}}]', '{}\n{"pong":{}}\r\n{}'], "google.protobuf.Value": ['[1,[2],"3",null]', '1\n"2"\n[]', ' [ ] '],
           "kitchen.Text": ['[{"name":"a"},{"words":["b"]}]']}

PROTOS = [
    'syntax="proto3"; package a.b; message M { int32 x = 1; repeated M m = 2; map<string, M> k = 3; oneof o { string s = 4; E e = 5; } optional bool p = 6; '
    'reserved 9 to 12; reserved "r"; enum E { option allow_alias = true; Z = 0; Y = 0; N = -1; } message I { message J {} J j = 1 [json_name="q"]; } } '
    'service S { rpc R(M) returns (stream M.I); }',
    'syntax="proto2"; package c; message M { required int64 x = 1 [default=-5]; optional group G = 2 { optional bytes b = 1 [default="\\001x"]; } extensions 10 to max; '
    'optional E e = 3 [default=B]; repeated float f = 4 [packed=true]; optional double d = 5 [default=inf]; optional string s = 6 [default="q"]; } enum E { A = 1; B = 7; } '
    'extend M { optional M more = 10; repeated E es = 11; } message Set { option message_set_wire_format = true; extensions 4 to max; } message In { extend Set { optional In in = 100; } }',
    'syntax="proto3"; import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto"; message W { google.protobuf.Any a = 1; google.protobuf.Timestamp t = 2; }',
]


GREETING = (4, 0, 0, b""), (4, 1, 0, b"")
HEAD = {":status": "200", "content-type": "application/grpc", "x-a": "b", "x-bin": "AAE="}
MESSAGE = b"\0\0\0\0\5hello"

# What a gRPC server sends: frames of (type, flags, stream, payload or headers).
ANSWERS = [
    (*GREETING, (1, 4, 1, HEAD), (0, 0, 1, MESSAGE), (1, 5, 1, {"grpc-status": "0"})),
    (*GREETING, (1, 4, 1, HEAD), (0, 0, 1, 2 * MESSAGE + b"\0\0"), (0, 0, 1, b"\0\1x"), (1, 5, 1, {"grpc-status": "0", "x-t": "v"})),
    (*GREETING, (1, 5, 1, HEAD | {"grpc-status": "5", "grpc-message": "no%20such%zz", "grpc-status-details-bin": "CAUSAW4="})),
    (*GREETING, (1, 4, 1, {":status": "100"}), (1, 4, 1, HEAD), (0, 1, 1, MESSAGE)),
    (*GREETING, (1, 5, 1, {":status": "503", "content-type": "text/html", "retry-after": "1"})),
    (*GREETING, (1, 4, 1, HEAD | {"grpc-encoding": "gzip"}), (0, 0, 1, b"\1" + MESSAGE[1:]), (3, 0, 1, b"\0\0\0\x0b")),
    (*GREETING, (3, 0, 1, b"\0\0\0\7"), (7, 0, 0, b"\0\0\0\0\0\0\0\0why")),
    ((4, 0, 0, b"\0\3\0\0\0\0\0\4\0\1\0\0\0\1\0\0\0\0"), (6, 0, 0, b"12345678"), (8, 0, 0, b"\0\0\1\0"), (8, 0, 1, b"\0\0\1\0"),
     (1, 0, 1, HEAD), (9, 4, 1, {"y": "z"}), (0, 8, 1, b"\2" + MESSAGE + b"\0\0"), (7, 0, 0, b"\0\0\0\1\0\0\0\x0b")),
]


def frame(kind, flags, stream, payload):
    if isinstance(payload, dict):
        payload = b"".join(b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in payload.items())
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def main(build):
    pool = descriptor_pool.DescriptorPool()
    for proto in descriptor_pb2.FileDescriptorSet.FromString((build / "tests/protos/kitchen_sink2.pb").read_bytes()).file:
        pool.Add(proto)
    classes = message_factory.MessageFactory(pool)

    def write(target, name, data):
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    for target in ("encode", "decode", "query", "unframe", "schema", "h2"):
        for old in (HERE / "corpus" / target).glob("seed-*"):
            old.unlink()
    for row, message in enumerate(MESSAGES):
        short = message.rsplit(".", 1)[1].lower()
        for i, text in enumerate(JSON[message]):
            write("encode", f"seed-{short}-{i}", bytes([row, i % 4]) + text.encode())
            try:
                wire = json_format.Parse(text, classes.GetPrototype(pool.FindMessageTypeByName(message))(), descriptor_pool=pool).SerializeToString()
            except (json_format.ParseError, ValueError, TypeError) as fault:
                print(f"{message} {i}: not for decode: {fault}")
                continue
            write("decode", f"seed-{short}-{i}", bytes([row, i]) + wire)
        for i, text in enumerate(QUERIES.get(message, [])):
            write("query", f"seed-{short}-{i}", bytes([row]) + text.encode())
        for i, text in enumerate(STREAMS.get(message, [])):
            write("unframe", f"seed-{short}-{i}", bytes([row, i]) + text.encode())
    for i, frames in enumerate(ANSWERS):
        write("h2", f"seed-{i}", bytes([i % 3]) + b"".join(frame(*f) for f in frames))
    for i, text in enumerate(PROTOS):
        with tempfile.TemporaryDirectory() as d:
            (pathlib.Path(d) / "f.proto").write_text(text)
            subprocess.run(["protoc", f"-I{d}", "-I/usr/include", "--include_imports", f"-o{d}/f.pb", "f.proto"], check=True)
            write("schema", f"seed-{i}", (pathlib.Path(d) / "f.pb").read_bytes())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
