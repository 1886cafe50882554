#!/usr/bin/env bash
# The whole way, shown: a gRPC model server, the gateway before it, real REST calls and what came back. Ends by itself.
set -euo pipefail
build=${POSTERN_BUILD:-build}
work=$(mktemp -d)
pids=()

stop() {
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first port from $1 on that nobody listens on.
free_port() {
    local port=$1
    while listens "$port"; do port=$((port + 1)); done
    echo "$port"
}

wait_for() { # port, what, its log
    for _ in $(seq 1 200); do
        listens "$1" && return
        sleep 0.05
    done
    echo "demo: $2 did not start:" >&2
    cat "$3" >&2
    exit 1
}

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }

# Shows a command and runs it. A call that should fail is part of the show.
run() {
    local shown='$ curl' word
    for word in "$@"; do
        case $word in
        *$'\n'*) word=\$\'${word//$'\n'/\\n}\' ;;
        *[!a-zA-Z0-9:/.,=_-]*) word=\'$word\' ;;
        esac
        shown+=" $word"
    done
    echo "$shown"
    curl -sS --max-time 20 "$@" || { echo "demo: the call failed" >&2; exit 1; }
    echo
}

backend=$(free_port 9001)
listen=$(free_port 8080)
admin=$(free_port 9900)
url=http://127.0.0.1:$listen
json='content-type: application/json'

say "A schema, as protoc writes it"
echo '$ protoc -Iproto --include_imports --include_source_info --descriptor_set_out=api.pb demo/v1/text_generation.proto'
protoc -Iproto -I/usr/include --include_imports --include_source_info \
    --descriptor_set_out="$work/api.pb" demo/v1/text_generation.proto

say "What the gateway is told besides: whoever lists models may do so three times in two seconds"
cat >"$work/postern.yaml" <<'END'
overrides:
  - selector: demo.v1.TextGeneration.ListModels
    policy: { limit: [{ name: listing, key: source.ip, rate: 3/2s, algorithm: FIXED_WINDOW }] }
END
echo '$ cat postern.yaml'
cat "$work/postern.yaml"

say "A model server that speaks gRPC, and the gateway before it"
echo "\$ demo-backend --listen 127.0.0.1:$backend &"
"$build/demo-backend" --listen "127.0.0.1:$backend" >"$work/backend.log" 2>&1 &
pids+=($!)
wait_for "$backend" demo-backend "$work/backend.log"
echo "\$ postern --config postern.yaml --descriptors api.pb --upstream 127.0.0.1:$backend --listen 127.0.0.1:$listen --admin 127.0.0.1:$admin &"
"$build/postern" --config "$work/postern.yaml" --descriptors "$work/api.pb" --upstream "127.0.0.1:$backend" \
    --listen "127.0.0.1:$listen" --admin "127.0.0.1:$admin" --access-log "$work/access.log" \
    2>"$work/postern.log" &
pids+=($!)
wait_for "$listen" postern "$work/postern.log"

say "One question, one answer"
run "$url/v1/models/tiny:generate" -H "$json" -d '{"prompt":"The gate in the wall","maxTokens":8}'

say "The answer as it is made: server-sent events"
run -N "$url/v1/models/tiny:streamGenerate" -H "$json" -H 'accept: text/event-stream' \
    -d '{"prompt":"Once upon a time","maxTokens":5}'

say "The same as a JSON line a message"
run -N "$url/v1/models/tiny:streamGenerate" -H "$json" -H 'accept: application/x-ndjson' \
    -d '{"prompt":"Once upon a time","maxTokens":3}'

say "A client's stream: two chunks in, one summary out"
run "$url/v1/models/tiny:summarize" -H 'content-type: application/x-ndjson' \
    --data-binary $'{"text":"The gate was small. "}\n{"text":"It stood in the wall."}\n'

say "Fields from the query"
run "$url/v1/models?page_size=2"

say "A limit: the second and third may pass, the fourth is told when to come back"
for _ in 2 3; do run -o /dev/null -w 'HTTP %{http_code}\n' "$url/v1/models?page_size=1"; done
run -i "$url/v1/models?page_size=1"
sleep 2
echo '$ sleep 2'
run "$url/v1/models?page_size=1"

say "A mistake of the caller: where it is and what would be right"
run "$url/v1/models/tiny:generate" -H "$json" -d '{"prompt":"hello","max_token":8}'

say "An error of the model server, with its details"
run "$url/v1/models/nobody:generate" -H "$json" -d '{"prompt":"hello"}'

say "A path that no RPC serves, and a method that it does not take"
run "$url/v2/nothing"
run -i -X PUT "$url/v1/models/tiny:generate" -H "$json" -d '{}'

say "Who may call: providers of API keys and of tokens, and a condition, for an RPC whose .proto one may not edit"
cat >"$work/postern.yaml" <<END
auth:
  - name: partners
    api_keys: { file: keys.json }
  - name: staff
    jwt: { issuer: https://id.example, audiences: [models], algorithms: [HS256], jwks_file: jwks.json }
overrides:
  - { selector: "*", policy: { auth: { anonymous: true } } }
  - selector: demo.v1.TextGeneration.Generate
    policy:
      auth: { any_of: [{ api_key: partners, scopes: [infer] }, { jwt: staff, scopes: [infer] }] }
      allow: [{ name: tiny-only, expr: "caller.tier == 'gold' || request.model == 'tiny'" }]
END
cat "$work/postern.yaml"
key() {
    echo "\$ postern keys add --file keys.json $*" >&2
    "$build/postern" keys add --file "$work/keys.json" "$@"
}
# A token of HS256, good for $1 seconds from now on, signed with a key that the gateway has in its file.
token() {
    python3 - "$work/jwks.json" "$1" <<'END'
import base64, hashlib, hmac, json, os, secrets, sys, time
b64 = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
path, life = sys.argv[1], int(sys.argv[2])
if not os.path.exists(path):
    with open(path, "w") as out:
        json.dump({"keys": [{"kty": "oct", "kid": "demo", "alg": "HS256", "k": b64(secrets.token_bytes(32))}]}, out)
with open(path) as file:
    k = json.load(file)["keys"][0]["k"]
claims = {"iss": "https://id.example", "aud": "models", "sub": "ann", "scope": "infer", "exp": int(time.time()) + life}
text = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "demo"}, claims))
print(f"{text}.{b64(hmac.digest(base64.urlsafe_b64decode(k + '='), text.encode(), hashlib.sha256))}")
END
}
good=$(key --id team-a --scope infer)
other=$(key --id team-b --scope read)
old=$(key --id team-c --scope infer --expires "$(date -u -d '+2 seconds' +%FT%TZ)")
expired=$((SECONDS + 3))
fresh=$(token 300)
late=$(token -300)
guarded=$(free_port $((listen + 1)))
echo "\$ postern --config postern.yaml --descriptors api.pb --upstream 127.0.0.1:$backend --listen 127.0.0.1:$guarded &"
"$build/postern" --config "$work/postern.yaml" --descriptors "$work/api.pb" --upstream "127.0.0.1:$backend" \
    --listen "127.0.0.1:$guarded" 2>"$work/guarded.log" &
pids+=($!)
wait_for "$guarded" postern "$work/guarded.log"
tiny=http://127.0.0.1:$guarded/v1/models/tiny:generate
while ((SECONDS < expired)); do sleep 0.1; done
run "$tiny" -H "$json" -d '{"prompt":"hello"}'
run "$tiny" -H "$json" -H "x-api-key: pk_guessed-by-somebody" -d '{"prompt":"hello"}'
run "$tiny" -H "$json" -H "x-api-key: $old" -d '{"prompt":"hello"}'
run "$tiny" -H "$json" -H "x-api-key: $other" -d '{"prompt":"hello"}'
run "$tiny" -H "$json" -H "x-api-key: $good" -d '{"prompt":"hello","maxTokens":4}'
run "$tiny" -H "$json" -H "authorization: Bearer $late" -d '{"prompt":"hello"}'
run "$tiny" -H "$json" -H "authorization: Bearer $fresh" -d '{"prompt":"hello","maxTokens":4}'
run "http://127.0.0.1:$guarded/v1/models/large:generate" -H "$json" -H "x-api-key: $good" -d '{"prompt":"hello"}'

say "What an operator sees"
run "http://127.0.0.1:$admin/readyz"
echo '$ tail -n 1 access.log'
tail -n 1 "$work/access.log"

say "Done: nothing is left running"
