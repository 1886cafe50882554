#include "tests/unit/support/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "tests/unit/support/splits.h"

enum { MEMORY = 64 << 20, HEAD = sizeof ENCODING_HEAD - 1 };

bool encoding_begin(struct encoding_run *r, const struct set *s, const struct encoding *c,
                    size_t max)
{
    struct tc_encode_spec spec = {
        .schema = s->schema,
        .message = set_message(s, c->message),
        .field = c->field ? set_field(s, c->message, c->field) : NULL,
        .bound = c->bound,
        .max_depth = c->max_depth,
        .ignore_unknown_fields = c->ignore_fields,
        .ignore_unknown_enums = c->ignore_enums,
        .enum_names = c->enum_names,
    };

    *r = (struct encoding_run){.encoder = NULL};
    arena_init(&r->arena, 4096, MEMORY);
    buf_init(&r->out, max + HEAD);
    if (!buf_add(&r->out, STR(ENCODING_HEAD)))
        return false;
    r->encoder = tc_encoder_new(&r->arena, &spec, &r->out, &r->error);
    return r->encoder;
}

void encoding_end(struct encoding_run *r)
{
    arena_release(&r->arena);
    buf_release(&r->out);
}

struct str encoding_result(const struct encoding_run *r)
{
    return str_skip(buf_str(&r->out), HEAD);
}

enum tc_status encoding_feed(struct encoding_run *r, const struct str *pieces, size_t n)
{
    enum tc_status st = TC_MORE;

    for (size_t i = 0; i < n && st <= TC_MORE; i++)
        st = tc_encode_feed(r->encoder, pieces[i]);
    return st <= TC_MORE ? tc_encode_finish(r->encoder) : st;
}

struct str encoding_hex(struct arena *a, const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *p = arena_alloc(a, n);

    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        unsigned v;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        p[i] = (char)v;
    }
    return str_of(p, n);
}

struct expectation {
    const struct set *set;
    const struct encoding *c;
    struct str wire;
};

static void print_cut(const struct expectation *x, const struct str *pieces, size_t n)
{
    print_error("%s %.*s\n  in %zu pieces:", x->c->message, STR_ARG(x->c->json), n);
    for (size_t i = 0; i < n && i < 4; i++)
        print_error(" %zu", pieces[i].n);
    print_error("\n");
}

static bool as_expected(const struct expectation *x, const struct encoding_run *r,
                        enum tc_status st)
{
    const struct encoding *c = x->c;

    if (c->hex)
        return st == TC_OK && str_eq(encoding_result(r), x->wire) && r->error.status == TC_OK &&
               str_starts(buf_str(&r->out), STR(ENCODING_HEAD));
    return st == (c->status ? c->status : TC_INVALID) && r->error.status == st &&
           r->error.offset == c->offset && str_eq(str_c(r->error.path), str_c(c->path)) &&
           strstr(r->error.text, c->text);
}

static void run_cut(void *arg, const struct str *pieces, size_t n)
{
    const struct expectation *x = arg;
    struct encoding_run r;
    enum tc_status st;

    assert_true(encoding_begin(&r, x->set, x->c, 1 << 20));
    st = encoding_feed(&r, pieces, n);
    if (!as_expected(x, &r, st)) {
        struct str got = encoding_result(&r);

        print_cut(x, pieces, n);
        print_error("  status %d, error %d at %zu, path %s: %s\n  bytes ", (int)st,
                    (int)r.error.status, r.error.offset, r.error.path, r.error.text);
        for (size_t i = 0; i < got.n; i++)
            print_error("%02x", (unsigned char)got.p[i]);
        fail_msg("not as expected");
    }
    encoding_end(&r);
}

void encoding_check(const struct set *s, const struct encoding *c)
{
    struct arena a;
    struct expectation x = {.set = s, .c = c};
    struct guard g = guard_copy(c->json);

    arena_init(&a, 4096, MEMORY);
    x.wire = c->hex ? encoding_hex(&a, c->hex) : STR_NONE;
    run_cut(&x, &g.s, 1);
    splits_each(g.s, run_cut, &x);
    guard_release(&g);
    arena_release(&a);
}

void encoding_check_all(const struct set *s, const struct encoding *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        encoding_check(s, &cases[i]);
}
