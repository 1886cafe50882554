"""What `make install` puts there: all of it, and it works from there."""
import os
import re
import shutil
import subprocess

import pytest

import h1
from harness import BUILD, POSTERN, REPO, Process, free_port

PROGRAM = r"""
#include <stdio.h>
#include "demo/v1/echo.postern.h"
#include "gateway/upstream/transport.h"

static void echo(struct server_call *call, const Demo__V1__EchoMessage *request)
{
    demo__v1__echo__echo__reply(call, request);
}
static const struct demo__v1__echo__handlers handlers = {.echo = echo};

static void done(void *ctx, const Demo__V1__EchoMessage *r, const struct call_end *end)
{
    if (r)
        puts(r->text);
    else
        printf("%.*s\n", STR_ARG(end->message));
    channel_close(ctx);
}

int main(void)
{
    const struct server_service services[] = {{&demo__v1__echo__service, &handlers, NULL}};
    char why[SERVER_WHY_MAX];
    struct server *server = server_start(&(struct server_options){
        .address = "127.0.0.1:%(port)d", .services = services, .nservices = 1}, why);
    struct str endpoint = STR("127.0.0.1:%(port)d");
    struct cluster_config cluster = cluster_config_of_endpoint(&endpoint);
    uv_loop_t loop;
    if (!server || uv_loop_init(&loop) != 0)
        return 2;
    struct channel *channel = transport_open(&loop, &cluster);
    Demo__V1__EchoMessage request = DEMO__V1__ECHO_MESSAGE__INIT;
    request.text = (char *)"there and back";
    demo__v1__echo__echo(channel, NULL, &request, done, channel);
    uv_run(&loop, UV_RUN_DEFAULT);
    server_stop(server, 100);
    return 0;
}
"""


def installed(root, prefix="/usr", destdir=True):
    env = {**os.environ, "POSTERN_BUILD": str(BUILD), "PREFIX": prefix}
    env["DESTDIR"] = str(root) if destdir else ""
    subprocess.run(["tools/install.sh"], cwd=REPO, env=env, check=True, capture_output=True)
    return root / prefix.strip("/") if destdir else root


@pytest.fixture(scope="module")
def usr(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("install"))


def files(root, pattern):
    return {str(p.relative_to(root)) for p in root.rglob(pattern) if p.is_file()}


# ---- what is there ----

@pytest.mark.parametrize("path, mode", [
    ("bin/postern", 0o755), ("bin/protoc-gen-postern", 0o755),
    ("lib/postern/postern-grpc-core.so", 0o644), ("lib/libtranscoder.a", 0o644),
    ("lib/libgateway.a", 0o644), ("lib/libgen.a", 0o644), ("lib/libstubs.a", 0o644),
    ("share/man/man1/postern.1", 0o644), ("share/postern/postern.yaml", 0o644),
    ("lib/systemd/system/postern.service", 0o644)])
def test_it_is_there_for_everyone_to_use(usr, path, mode):
    assert (usr / path).stat().st_mode & 0o777 == mode


def test_all_protos_are_there(usr):
    assert files(usr / "share/postern/proto", "*") == files(REPO / "proto", "*.proto") != set()


def test_nothing_is_written_but_below_destdir(tmp_path):
    installed(tmp_path, prefix="/opt/postern")
    assert {p.name for p in tmp_path.iterdir()} == {"opt"}
    assert "/opt/postern/bin/postern" in (
        tmp_path / "opt/postern/lib/systemd/system/postern.service").read_text()


def test_every_header_stands_alone(usr, tmp_path):
    root = usr / "include/postern"
    headers = sorted(files(root, "*.h"))
    assert "stubs/client.h" in headers and not [h for h in headers if "internal" in h]
    main = tmp_path / "all.c"
    for once in headers, reversed(headers):
        main.write_text("".join(f'#include "{h}"\n' for h in once))
        subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                        "-D_GNU_SOURCE", f"-I{root}", f"-I{root}/gen", main], check=True)


# ---- it works from there ----

@pytest.fixture
def serving(usr, tmp_path, sets, demo_server):
    """The installed postern with the installed example, but for its addresses; both transports."""
    port = free_port()
    text = (usr / "share/postern/postern.yaml").read_text()
    for old, new in (("0.0.0.0:8080", f"127.0.0.1:{port}"), ("127.0.0.1:9001", demo_server.target),
                     ("127.0.0.1:9900", f"127.0.0.1:{free_port()}"),
                     ("# descriptors: api.pb", "descriptors: api.pb")):
        assert old in text
        text = text.replace(old, new)
    shutil.copy(sets["demo"], tmp_path / "api.pb")

    def start(transport):
        (tmp_path / "postern.yaml").write_text(text.replace(
            "  # gRPC core's", f"    transport: {transport}\n  # gRPC core's"))
        p = Process([usr / "bin/postern", "--config", tmp_path / "postern.yaml"], tmp_path)
        made.append(p)
        p.await_port(port)
        return port
    made = []
    yield start
    for p in made:
        p.stop()


@pytest.mark.parametrize("transport", ["HTTP2", "GRPC_CORE"])
def test_the_installed_gateway_serves_the_installed_example(serving, transport):
    answer = h1.call(serving(transport), "POST", "/v1/echo", json={"text": "hi"})
    assert answer.status == 200 and answer.json == {"text": "hi"}


def test_stubs_are_made_compiled_and_run_with_what_is_installed(usr, tmp_path):
    if BUILD.name in ("asan", "tsan", "cov"):
        pytest.skip("sanitized archives do not link into other people's programs")
    subprocess.run(["protoc", f"--plugin={usr}/bin/protoc-gen-postern", f"--postern_out={tmp_path}",
                    f"-I{usr}/share/postern/proto", "demo/v1/echo.proto"], check=True)
    (tmp_path / "main.c").write_text(PROGRAM.replace("%(port)d", str(free_port())))
    root, lib = usr / "include/postern", usr / "lib"
    archives = [f"{lib}/lib{n}.a" for n in ("stubs", "gateway", "gen", "transcoder")]
    flags = subprocess.run(["pkg-config", "--libs", "libnghttp2", "libuv", "libprotobuf-c"],
                           check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", f"-I{tmp_path}", f"-I{root}",
                    f"-I{root}/gen", "-o", tmp_path / "program", tmp_path / "main.c",
                    *tmp_path.rglob("echo.p*.c"), "-Wl,--start-group", *archives,
                    "-Wl,--end-group", *flags, "-lgrpc", "-lgpr", "-l:libre2.a", "-lstdc++", "-lm",
                    "-lpthread", "-ldl"], check=True)
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, "there and back\n"), done


# ---- what is said of it ----

def flags_of_help():
    out = subprocess.run([POSTERN, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--([a-z][a-z-]+)", re.sub(r"protoc [^)]*", "", out)))


def flags_of_parser():
    text = (REPO / "gateway/options.c").read_text()
    return set(re.findall(r'^ *\{"([a-z-]+)", (?:no|required)_argument', text, re.M))


def flags_of_manual(text, macro):
    return set(re.findall(rf"^{macro} Fl -([a-z-]+)", text, re.M))


def test_help_parser_and_manual_know_the_same_flags(usr):
    manual = (usr / "share/man/man1/postern.1").read_text()
    options = manual[manual.index("The options are:"):]
    assert flags_of_parser() == flags_of_help() == flags_of_manual(options, ".It") != set()


def test_the_manual_is_well_formed(usr):
    page = usr / "share/man/man1/postern.1"
    done = subprocess.run(["groff", "-mdoc", "-ww", "-b", "-z", "-Tutf8", page],
                          capture_output=True, text=True) if shutil.which("groff") else None
    if not done:
        pytest.skip("groff is not installed")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_what_is_installed_with_flags_that_exist(tmp_path):
    root = installed(tmp_path / "root", prefix=str(tmp_path / "root"), destdir=False)
    unit = root / "lib/systemd/system/postern.service"
    commands = re.findall(r"^ExecStart\w*=(.*)$", unit.read_text(), re.M)
    assert len(commands) == 2
    for command in commands:
        program, *arguments = command.split()
        assert os.access(program, os.X_OK)
        assert {a[2:] for a in arguments if a.startswith("--")} <= flags_of_parser()


def test_systemd_accepts_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    root = installed(tmp_path / "root", prefix=str(tmp_path / "root"), destdir=False)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                           root / "lib/systemd/system/postern.service"],
                          capture_output=True, text=True)
    said = [x for x in done.stderr.splitlines() if "postern.service" in x]
    assert (done.returncode, said) == (0, []), done
