"""protoc-gen-postern: tables, structs and stubs from .proto files, and the gateway with a schema inside."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import h1
from harness import BUILD, REPO, Process, free_port, protoc

PLUGIN = BUILD / "protoc-gen-postern"
MODES = {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"],
         "cov": ["--coverage"]}
STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wvla",
          "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"]

COMPARE = r"""
#include <stdio.h>
#include "%(header)s"
#include "tests/unit/support/schema_equal.h"
#include "transcoder/schema_compile.h"

int main(int argc, char **argv)
{
    struct arena a;
    struct tc_faults faults;
    static char bytes[1 << 22];
    char where[SCHEMA_DIFFERENCE_MAX];
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f)
        return 2;
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    arena_init(&a, 1 << 16, 1 << 26);
    tc_faults_init(&faults, &a);
    const struct tc_schema *loaded = schema_compile(str_of(bytes, n), &a, &faults);
    const char *difference = loaded ? schema_difference(&%(symbol)s, loaded, where) : "no schema";
    puts(difference ? difference : "equal");
    arena_release(&a);
    return difference != NULL;
}
"""

WORDS = """
syntax = "proto3";
package int.class;
import "google/protobuf/empty.proto";
message register {
  int32 int = 1;
  optional string class = 2;
  optional register volatile = 3;
  oneof switch { bool true = 4; bytes NULL = 5; register union = 6; }
  map<string, register> typedef = 7;
  enum enum { auto = 0; static = 1; }
  register.enum struct = 8;
  message _Bool { optional register.enum goto = 1; }
  repeated _Bool restrict = 9;
  string base = 10;
  int32 linux = 11;
  bool typeof = 12;
}
service namespace {
  rpc delete(register) returns (google.protobuf.Empty);
  rpc return(stream register) returns (stream register._Bool);
  rpc While(stream register) returns (register);
  rpc DoIt2Now(register) returns (stream register);
}
service Nothing {}
"""


def plugin(out, *files, options="", include=()):
    """Runs protoc with our plugin and returns what came of it."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [*include, REPO / "tests/protos", REPO / "proto"]
    return subprocess.run(
        ["protoc", f"--plugin=protoc-gen-postern={PLUGIN}", f"--postern_out={options}:{out}",
         *(f"-I{p}" for p in paths), *map(str, files)], capture_output=True, text=True)


def generate(out, *files, **more):
    done = plugin(out, *files, **more)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())


def refused(tmp_path, text, options="stubs=none"):
    """The lines about faulty.proto."""
    (tmp_path / "faulty.proto").write_text(text)
    done = plugin(tmp_path / "out", "faulty.proto", options=options, include=[tmp_path])
    assert done.returncode != 0
    assert not list((tmp_path / "out").iterdir()), "something was written"
    return [line for line in done.stderr.splitlines() if line.startswith("faulty.proto")]


def compile_c(*arguments, compiler="gcc"):
    done = subprocess.run([compiler, "-D_GNU_SOURCE", f"-I{REPO}", f"-I{REPO}/gen",
                           *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- what is printed ---

@pytest.mark.parametrize("name", ["kitchen_sink", "kitchen_sink2"])
def test_printed_tables_equal_the_loaded_ones(tmp_path, name):
    generate(tmp_path / "gen", f"{name}.proto", options="stubs=none")
    loaded = protoc(tmp_path / "set.pb", f"{name}.proto")
    main = tmp_path / "main.c"
    main.write_text(COMPARE % {"header": f"{name}.postern.h", "symbol": f"postern_schema_{name}"})
    compile_c("-w", *MODES.get(BUILD.name, []), f"-I{tmp_path}/gen", "-o", tmp_path / "compare",
              main, tmp_path / f"gen/{name}.postern.c", REPO / "tests/unit/support/schema_equal.c",
              BUILD / "libtranscoder.a", "-lm")
    done = subprocess.run([tmp_path / "compare", loaded], capture_output=True, text=True)
    assert done.stdout == "equal\n", done.stdout + done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_names_that_are_words_of_c_compile_without_a_warning(tmp_path, compiler):
    (tmp_path / "words.proto").write_text(WORDS)
    files = generate(tmp_path / "gen", "words.proto", include=[tmp_path])
    assert files == ["words.pb-c.c", "words.pb-c.h", "words.postern.c", "words.postern.h"]
    compile_c(*STRICT, "-c", "-o", "/dev/null", tmp_path / "gen/words.postern.c",
              compiler=compiler)
    compile_c("-w", "-c", "-o", "/dev/null", tmp_path / "gen/words.pb-c.c", compiler=compiler)


def test_generated_files_name_one_another_by_the_prefix(tmp_path):
    generate(tmp_path, "kitchen_sink.proto", options="prefix=some/where/")
    text = (tmp_path / "kitchen_sink.postern.h").read_text()
    assert '#include "some/where/kitchen_sink.pb-c.h"' in text
    assert '#include "some/where/google/' in (tmp_path / "kitchen_sink.pb-c.h").read_text()


def test_imports_that_only_carry_options_need_no_structs(tmp_path):
    generate(tmp_path, "postern/v1/options.proto", "demo/v1/echo.proto")
    text = (tmp_path / "demo/v1/echo.pb-c.h").read_text()
    assert "annotations" not in text and "google/protobuf/duration.pb-c.h" in text
    assert "descriptor" not in re.findall(r'#include "(.*)"', (
        tmp_path / "postern/v1/options.pb-c.h").read_text())


@pytest.mark.parametrize("options, there, missing", [
    ("stubs=client", "client_call_start", "__handlers"),
    ("stubs=server", "__handlers", "client_call_start"),
    ("stubs=none", "postern_schema_kitchen_sink", "pb-c.h"),
])
def test_stubs_are_made_as_asked(tmp_path, options, there, missing):
    generate(tmp_path, "kitchen_sink.proto", options=options)
    text = (tmp_path / "kitchen_sink.postern.h").read_text()
    assert there in text and missing not in text


# --- what is refused ---

def test_groups_are_refused_with_their_lines_where_structs_are_asked_for(tmp_path):
    done = plugin(tmp_path, "kitchen_sink2.proto")
    assert done.returncode != 0 and not list(tmp_path.iterdir())
    lines = [x.split(": ")[0] for x in done.stderr.splitlines() if "is a group" in x]
    source = (REPO / "tests/protos/kitchen_sink2.proto").read_text().splitlines()
    assert len(lines) >= 4
    for place in lines:
        name, line = place.split(":")
        assert name == "kitchen_sink2.proto" and " group " in " " + source[int(line) - 1].strip()


def test_every_fault_of_options_is_told_with_its_line(tmp_path):
    lines = refused(tmp_path, """syntax = "proto3";
import "google/api/annotations.proto";
import "postern/v1/options.proto";
message M { string a = 1; }
service S {
  rpc A(M) returns (M) { option (google.api.http) = { get: "/v1/{b}" }; }
  rpc B(M) returns (M) { option (google.api.http) = { get: "v1" }; }
  rpc C(M) returns (M) { option (postern.v1.method) = { timeout: "soon" }; }
}
""")
    assert [line.split(": ")[0] for line in lines] == [f"faulty.proto:{n}" for n in (6, 7, 8)]


def test_clusters_need_not_be_known_when_code_is_generated(tmp_path):
    (tmp_path / "open.proto").write_text("""syntax = "proto3";
import "postern/v1/options.proto";
message M {}
service S {
  option (postern.v1.service) = { upstream: "somewhere" };
  rpc A(M) returns (M);
}
""")
    generate(tmp_path / "gen", "open.proto", include=[tmp_path])


@pytest.mark.parametrize("options", ["stubs=some", "wings=2", "schema=maybe"])
def test_a_wrong_option_of_the_plugin_is_named(tmp_path, options):
    done = plugin(tmp_path, "demo/v1/echo.proto", options=options)
    assert done.returncode != 0
    assert options.split("=")[0] in done.stderr


# --- gen/ ---

@pytest.fixture
def tree(tmp_path):
    """What tools/gen.sh works on, to be spoilt."""
    for part in "proto", "gen":
        shutil.copytree(REPO / part, tmp_path / part)
    (tmp_path / "tools").mkdir()
    shutil.copy(REPO / "tools/gen.sh", tmp_path / "tools")
    return tmp_path


def check(tree):
    return subprocess.run(["tools/gen.sh", "--check"], cwd=tree, capture_output=True, text=True,
                          env={**os.environ, "POSTERN_BUILD": str(BUILD)})


def test_gen_is_what_the_protos_say(tree):
    done = check(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("spoil", [
    lambda t: (t / "gen/demo/v1/echo.postern.c").unlink(),
    lambda t: (t / "gen/demo/v1/extra.pb-c.h").write_text("left behind"),
    lambda t: (t / "gen/demo/v1/echo.pb-c.h").open("a").write(" "),
    lambda t: (t / "proto/demo/v1/echo.proto").open("a").write("message New {}"),
], ids=["missing", "left over", "edited", "proto changed"])
def test_gen_check_sees_stale_code(tree, spoil):
    spoil(tree)
    done = check(tree)
    assert done.returncode != 0 and "make gen" in done.stderr


# --- the gateway with a schema inside ---

def make_gateway(*variables):
    """`make gateway` for the build under test."""
    where = [f"BUILD={BUILD.parent}", f"MODE={BUILD.name}"] if BUILD.name in MODES else [
        f"BUILD={BUILD}"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "--no-print-directory", "-C", str(REPO), "gateway", *where,
                           *variables], capture_output=True, text=True, env=env)


@pytest.fixture(scope="module")
def dedicated(tmp_path_factory, demo_server):
    folder = pathlib.Path(tmp_path_factory.mktemp("dedicated"))
    program = folder / "text-gateway"
    done = make_gateway("PROTO=proto/demo/v1/text_generation.proto", f"OUT={program}")
    assert done.returncode == 0, done.stdout + done.stderr
    port = free_port()
    p = Process([program, "--upstream", demo_server.target, "--listen", f"127.0.0.1:{port}"],
                folder)
    p.await_port(port)
    yield port
    p.stop()


CALLS = [
    ("POST", "/v1/models/tiny:generate", {"prompt": "x", "maxTokens": 3, "labels": {"a": "b"}}),
    ("POST", "/v1/models/tiny:streamGenerate", {"prompt": "x", "maxTokens": 3}),
    ("POST", "/v1/models/tiny:summarize", [{"text": "a b"}, {"text": "c"}]),
    ("GET", "/v1/models?pageSize=2&filter.minContextLength=1&readMask=name,state", None),
    ("GET", "/v1/models/tiny", None),
    ("PATCH", "/v1/models/tiny?updateMask=displayName", {"displayName": "T"}),
    ("POST", "/v1/models/tiny:generate", {"promt": "x"}),
    ("POST", "/v1/models/tiny:generate", {"maxTokens": "many"}),
    ("GET", "/v1/models?nothing=1", None),
    ("PUT", "/v1/models/tiny", {}),
    ("GET", "/v2/nowhere", None),
    ("POST", "/demo.v1.TextGeneration/Chat", [{"model": "tiny", "text": "hi"}]),
]


@pytest.mark.parametrize("method, target, body", CALLS, ids=lambda v: str(v)[:40])
def test_printed_and_loaded_schemas_behave_alike(dedicated, gateway, backend, method, target, body):
    answers = [h1.call(port, method, target, json=body) for port in (dedicated, gateway.port)]
    inside, loaded = [(a.status, a.header("content-type"), a.header("allow"), a.text)
                      for a in answers]
    assert inside == loaded
    assert backend.calls == [] or str(backend.calls[0].request) == str(backend.calls[-1].request)


@pytest.mark.parametrize("variables, says", [
    ([], "PROTO is missing"),
    (["PROTO=proto/demo/v1/echo.proto"], "OUT is missing"),
    (["PROTO=nowhere.proto", "OUT=/dev/null"], "nowhere.proto: no such file"),
    (["PROTO=Makefile", "OUT=/dev/null"], "must end in .proto"),
], ids=["no proto", "no out", "no such file", "no proto file"])
def test_make_gateway_says_what_is_missing(variables, says):
    done = make_gateway(*variables)
    assert done.returncode != 0 and says in done.stderr


def test_make_gateway_shows_faults_of_the_proto_by_line(tmp_path):
    (tmp_path / "faulty.proto").write_text("""syntax = "proto3";
import "google/api/annotations.proto";
message M {}
service S { rpc A(M) returns (M) { option (google.api.http) = { get: "/{a}" }; } }
""")
    done = make_gateway(f"PROTO={tmp_path}/faulty.proto", f"OUT={tmp_path}/gateway")
    assert done.returncode != 0 and "faulty.proto:4: " in done.stderr
    assert not (tmp_path / "gateway").exists()
