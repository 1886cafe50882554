#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "gateway/config_internal.h"
#include "gen/postern/v1/config.postern.h"
#include "transcoder/encode.h"
#include "transcoder/wire.h"

/* ---- text -> message ---- */

static enum tc_status encode_once(struct config_reader *r, const struct tc_message *type,
                                  const struct buf *json, struct buf *wire, struct tc_error *error)
{
    struct tc_encode_spec spec = {.schema = &postern_schema_postern_v1_config,
                                  .message = type,
                                  .max_depth = CONFIG_DEPTH_MAX + 1};
    *error = (struct tc_error){0};
    wire->n = 0;
    struct tc_encoder *e = tc_encoder_new(r->arena, &spec, wire, error);
    if (!e)
        return TC_NOMEM;
    enum tc_status st = tc_encode_feed(e, buf_str(json));
    return st == TC_OK || st == TC_MORE ? tc_encode_finish(e) : st;
}

/* "; expected HTTP2 or GRPC_CORE" for an enum; else nothing. */
static struct str choice(struct config_reader *r, const struct tc_field *field)
{
    const struct tc_enum *e = field ? field->enumeration : NULL;
    struct str all = STR("");
    for (uint16_t i = 0; e && i < e->nvalues && all.p; i++)
        all = arena_printf(r->arena, "%.*s%s%.*s", STR_ARG(all), i ? " or " : "; expected ",
                           STR_ARG(e->values[i].name));
    return all;
}

/* The encoder stops at the first fault. What it is about is then left out, and all the rest tried
 * again, so that every fault is found. */
static bool encode(struct config_reader *r, const struct tc_message *type, struct buf *json,
                   struct buf *wire)
{
    while (config_yaml_json(r, type, json)) {
        struct tc_error error;
        enum tc_status st = encode_once(r, type, json, wire, &error);
        if (st == TC_OK)
            return true;
        uint32_t at = st == TC_INVALID ? config_place_at(r->places, error.offset) : 0;
        r->out_of_memory |= st == TC_NOMEM;
        if (st != TC_NOMEM)
            config_fault_place(r, at, "%s%.*s", error.text,
                               STR_ARG(choice(r, r->places->items[at].field)));
        if (at == 0 || r->nfaults == CONFIG_FAULTS_MAX || r->out_of_memory)
            return false;
        r->places->items[at].left_out = true;
    }
    return false;
}

static void *take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

/* It goes with the arena. */
static void give_back(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

static Postern__V1__Config *unpack(struct config_reader *r, const struct tc_message *type,
                                   struct str wire)
{
    ProtobufCAllocator allocator = {take, give_back, r->arena};
    struct tc_error error = {0};
    if (tc_wire_check(type, wire, TC_WIRE_FOR_C, &error) != TC_OK) {
        config_fault_line(r, 0, "cannot be read: %s", error.text);
        return NULL;
    }
    Postern__V1__Config *m = postern__v1__config__unpack(&allocator, wire.n,
                                                         (const uint8_t *)(wire.n ? wire.p : ""));
    r->out_of_memory |= !m;
    return m;
}

static Postern__V1__Config *read_message(struct config_reader *r, struct str yaml)
{
    const struct tc_message *type = tc_schema_message(&postern_schema_postern_v1_config,
                                                      STR("postern.v1.Config"));
    Postern__V1__Config *m = NULL;
    struct buf json, wire;
    buf_init(&json, CONFIG_JSON_MAX);
    buf_init(&wire, CONFIG_JSON_MAX);
    if (config_yaml_load(r, yaml) && encode(r, type, &json, &wire))
        m = unpack(r, type, buf_str(&wire));
    config_yaml_release(r);
    buf_release(&wire);
    buf_release(&json);
    return m;
}

struct config *config_parse(struct str yaml, const char *name, struct arena *arena,
                            struct tc_faults *faults)
{
    struct config *c = arena_alloc(arena, sizeof *c);
    struct config_places *places = arena_alloc(arena, sizeof *places);
    struct config_reader r = {
        .arena = arena, .name = arena_copy(arena, str_c(name)), .places = places};
    r.out_of_memory = !c || !places || !r.name.p;
    if (!r.out_of_memory && yaml.n > CONFIG_FILE_MAX)
        config_fault_line(&r, 0, "larger than %d MiB", CONFIG_FILE_MAX >> 20);
    else if (!r.out_of_memory && (c->message = read_message(&r, yaml)) != NULL) {
        c->name = r.name;
        c->places = places;
        config_check(c, &r, r.nfaults == 0);
    }
    config_faults_pass(&r, faults);
    return r.nfaults == 0 && !r.out_of_memory ? c : NULL;
}

/* ---- the file ---- */

static bool read_all(int fd, struct buf *to)
{
    for (;;) {
        char *room = buf_reserve(to, 1);
        if (!room && buf_room(to) == 0)
            return true; /* one byte over the ceiling: config_parse refuses it */
        if (!room) {
            errno = ENOMEM;
            return false;
        }
        ssize_t n = read(fd, room, to->cap - to->n);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        to->n += n > 0 ? (size_t)n : 0;
    }
}

struct config *config_load(const char *path, struct arena *arena, struct tc_faults *faults)
{
    if (!path)
        return config_parse(STR(""), "command line", arena, faults);
    struct config *c = NULL;
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read_all(fd, &text))
        c = config_parse(buf_str(&text), path, arena, faults);
    else
        tc_fault_add(faults, str_c(path), "cannot be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_release(&text);
    return c;
}
