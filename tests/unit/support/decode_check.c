#include "tests/unit/support/decode_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/support/decode_schema.h"
#include "tests/unit/support/failmalloc.h"
#include "tests/unit/support/guard.h"

enum { SMALL = 1 << 20, PIECE_MAX = 24 << 10 };

static struct str from_hex(const char *hex, char *to)
{
    size_t n = 0;
    for (; *hex; hex += *hex == ' ' ? 1 : 2) {
        unsigned byte;
        if (*hex == ' ')
            continue;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        to[n++] = (char)byte;
    }
    return str_of(to, n);
}

static struct tc_decode_spec with_defaults(const struct tc_decode_spec *given)
{
    struct tc_decode_spec spec = {.message = &test_all, .schema = &test_schema};
    if (given)
        spec = *given;
    spec.message = spec.message ? spec.message : &test_all;
    spec.schema = spec.schema ? spec.schema : &test_schema;
    return spec;
}

/* Drains after each slice, as a caller does; the pieces are put together again in `out`. */
static enum tc_status in_slices(struct tc_decoder *d, size_t soft, bool may_tire, struct buf *out)
{
    struct buf piece;
    enum tc_status st;
    bool kept = true;
    buf_init(&piece, SIZE_MAX);
    do {
        st = tc_decode_some(d, &piece, soft);
        assert_true(piece.n <= soft + PIECE_MAX);
        assert_true(st != TC_FULL || piece.n >= soft || may_tire);
        kept = kept && buf_add(out, buf_str(&piece));
        piece.n = 0;
    } while (st == TC_FULL);
    assert_int_equal(tc_decode_some(d, &piece, soft), st); /* final */
    assert_int_equal(piece.n, 0);
    buf_release(&piece);
    return kept ? st : TC_NOMEM;
}

enum tc_status decode_once(struct str message, const struct tc_decode_spec *spec, size_t most,
                           size_t soft, struct buf *out, struct tc_error *error)
{
    struct tc_decode_spec full = with_defaults(spec);
    struct arena arena;
    arena_init(&arena, 4096, most);
    struct tc_decoder *d = tc_decoder_new(&arena, &full, message, error);
    bool may_tire = full.work || message.n > TC_DEC_WORK;
    enum tc_status st = d ? in_slices(d, soft, may_tire, out) : TC_NOMEM;
    arena_release(&arena);
    return st;
}

struct run {
    struct str message, json;
    const struct tc_decode_spec *spec;
};

static bool run_once(void *arg)
{
    const struct run *r = arg;
    struct buf out;
    struct tc_error error = {0};
    buf_init(&out, SMALL);
    enum tc_status st = decode_once(r->message, r->spec, SMALL, 16, &out, &error);
    bool same = st == TC_OK && str_eq(buf_str(&out), r->json);
    if (st == TC_OK ? !same : st != TC_NOMEM)
        fail_msg("%d %s: %s\n%.*s", st, error.path, error.text, STR_ARG(buf_str(&out)));
    buf_release(&out);
    return st == TC_OK;
}

static void slices(const char *name, const struct run *r, uint32_t work, size_t soft)
{
    struct tc_decode_spec spec = with_defaults(r->spec);
    struct buf out;
    struct tc_error error = {0};
    buf_init(&out, SMALL);
    spec.work = work;
    enum tc_status st = decode_once(r->message, &spec, SMALL, soft, &out, &error);
    if (st != TC_OK || !str_eq(buf_str(&out), r->json))
        fail_msg("%s, %u fields a call, slices of %zu: %d %s: %s\n%.*s", name, work, soft, st,
                 error.path, error.text, STR_ARG(buf_str(&out)));
    buf_release(&out);
}

static void every_slice(const char *name, const struct run *r)
{
    for (size_t soft = 1; soft <= r->json.n + 1; soft++)
        slices(name, r, 0, soft);
    for (uint32_t work = 1; work <= 12; work++)
        slices(name, r, work, r->json.n + 1);
}

/* A cut message is an error or, between two fields, a shorter message: nothing else. */
static void every_cut(const struct run *r)
{
    for (size_t n = 0; n < r->message.n; n++) {
        struct guard cut = guard_copy(str_of(r->message.p, n));
        struct buf out;
        struct tc_error error = {0};
        buf_init(&out, SMALL);
        enum tc_status st = decode_once(cut.s, r->spec, SMALL, 7, &out, &error);
        assert_true(st == TC_OK || st == TC_INVALID);
        assert_true(st == error.status);
        buf_release(&out);
        guard_release(&cut);
    }
}

/* `out` is never filled beyond its ceiling, and too low a ceiling is TC_LIMIT. */
static void every_ceiling(const struct run *r)
{
    struct tc_decode_spec spec = with_defaults(r->spec);
    for (size_t max = 0; max < r->json.n; max++) {
        struct arena arena;
        struct buf out;
        arena_init(&arena, 4096, SMALL);
        buf_init(&out, max);
        struct tc_decoder *d = tc_decoder_new(&arena, &spec, r->message, NULL);
        enum tc_status st = tc_decode_some(d, &out, SIZE_MAX);
        if (st != TC_LIMIT)
            fail_msg("%d with a ceiling of %zu: %.*s", st, max, STR_ARG(buf_str(&out)));
        assert_true(out.n <= max);
        buf_release(&out);
        arena_release(&arena);
    }
}

void decode_check(const struct decode_case *cases, size_t n, const struct tc_decode_spec *spec)
{
    for (size_t i = 0; i < n; i++) {
        char bytes[4096];
        struct guard message = guard_copy(from_hex(cases[i].hex, bytes));
        struct run r = {message.s, str_c(cases[i].json), spec};
        every_slice(cases[i].name, &r);
        every_cut(&r);
        every_ceiling(&r);
        failmalloc_each(run_once, &r);
        guard_release(&message);
    }
}

void decode_check_faults(const struct decode_fault *faults, size_t n,
                         const struct tc_decode_spec *spec)
{
    for (size_t i = 0; i < n; i++) {
        char bytes[4096];
        struct guard message = guard_copy(from_hex(faults[i].hex, bytes));
        for (size_t soft = 1; soft < 40; soft++) {
            struct tc_decode_spec one = with_defaults(spec);
            struct buf out;
            struct tc_error error = {0};
            buf_init(&out, SMALL);
            one.work = soft % 4; /* 0: as many as there are */
            enum tc_status st = decode_once(message.s, &one, SMALL, soft, &out, &error);
            if (st != TC_INVALID || strcmp(error.path, faults[i].path) != 0 ||
                !strstr(error.text, faults[i].text))
                fail_msg("%s: %d \"%s\": %s", faults[i].name, st, error.path, error.text);
            buf_release(&out);
        }
        guard_release(&message);
    }
}
