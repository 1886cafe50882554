#include "gateway/watch/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/gateway/watch/watch_fixture.h"
#include "tests/unit/support/failmalloc.h"

/* ---- a reader of the text format 0.0.4 that knows its rules ---- */

struct reader {
    struct str family;   /* of the latest TYPE */
    struct str seen[64]; /* families so far */
    int nseen;
    bool histogram;
    double le, cumulated; /* of the histogram being read */
    int samples;
};

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789:", s.p[i]))
            return false;
    return s.n > 0 && !(s.p[0] >= '0' && s.p[0] <= '9');
}

/* Takes `name="value",` off; the value still escaped. */
static void read_label(struct str *rest, struct str *name, struct str *value)
{
    *name = str_cut(rest, '=');
    assert_true(is_name(*name));
    assert_true(rest->n > 1 && rest->p[0] == '"');
    size_t end = 1;
    while (end < rest->n && rest->p[end] != '"') {
        if (rest->p[end] == '\\') {
            end++;
            assert_true(end < rest->n && strchr("\\\"n", rest->p[end]));
        }
        end++;
    }
    assert_true(end < rest->n);
    *value = str_of(rest->p + 1, end - 1);
    *rest = str_skip(*rest, end + 1);
    if (rest->n && rest->p[0] == ',')
        *rest = str_skip(*rest, 1);
    else
        assert_true(rest->n && rest->p[0] == '}');
}

static double number(struct str s)
{
    char text[64], *end;
    assert_in_range(s.n, 1, sizeof text - 1);
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    double v = strtod(text, &end);
    assert_ptr_equal(end, text + s.n);
    return v;
}

static void check_histogram(struct reader *r, struct str suffix, struct str le, double value)
{
    if (str_eq(suffix, STR("_bucket"))) {
        double bound = number(le);
        assert_true(bound > r->le && value >= r->cumulated);
        r->cumulated = value;
        r->le = bound;
    } else if (str_eq(suffix, STR("_count"))) {
        assert_true(r->le > 1e300); /* +Inf was the last bucket */
        assert_true(value == r->cumulated);
        r->le = r->cumulated = 0;
    } else {
        assert_true(str_eq(suffix, STR("_sum")));
    }
}

static void read_sample(struct reader *r, struct str line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] != '{' && line.p[n] != ' ')
        n++;
    struct str name = str_of(line.p, n), rest = str_skip(line, n), le = STR_NONE;
    assert_true(is_name(name));
    assert_true(str_starts(name, r->family));
    if (rest.n && rest.p[0] == '{') {
        rest = str_skip(rest, 1);
        while (rest.n && rest.p[0] != '}') {
            struct str label, value;
            read_label(&rest, &label, &value);
            if (str_eq(label, STR("le")))
                le = value;
        }
        rest = str_skip(rest, 1);
    }
    assert_true(rest.n > 1 && rest.p[0] == ' ');
    double value = number(str_skip(rest, 1));
    if (r->histogram)
        check_histogram(r, str_skip(name, r->family.n), le, value);
    else
        assert_int_equal(name.n, r->family.n);
    r->samples++;
}

static void read_type(struct reader *r, struct str rest)
{
    struct str name = str_cut(&rest, ' ');
    for (int i = 0; i < r->nseen; i++)
        assert_false(str_eq(r->seen[i], name)); /* a family stands in one place */
    assert_true(is_name(name));
    r->seen[r->nseen++] = r->family = name;
    r->histogram = str_eq(rest, STR("histogram"));
    assert_true(r->histogram || str_eq(rest, STR("counter")) || str_eq(rest, STR("gauge")));
}

static struct reader read_page(struct str page)
{
    struct reader r = {0};
    assert_true(page.n && page.p[page.n - 1] == '\n');
    page.n--;
    while (page.p) {
        struct str line = str_cut(&page, '\n');
        assert_true(line.n > 0);
        if (str_starts(line, STR("# TYPE ")))
            read_type(&r, str_skip(line, 7));
        else if (!str_starts(line, STR("# HELP ")))
            read_sample(&r, line);
    }
    return r;
}

/* Value of the sample whose line starts with `sample`, or -1. */
static double value_of(struct str page, struct str sample)
{
    while (page.p) {
        struct str line = str_cut(&page, '\n');
        if (str_starts(line, sample) && line.n > sample.n && line.p[sample.n] == ' ')
            return number(str_skip(line, sample.n + 1));
    }
    return -1;
}

static const struct watch_gauge gauges[] = {
    {"postern_upstream_connections", "Connections.", "gauge", STR_INIT("cluster=\"a\""), 3, false},
    {"postern_upstream_connections", "Connections.", "gauge", STR_INIT("cluster=\"b\""), 4, false},
    {"postern_ready", "Ready.", "gauge", STR_INIT(""), 1, false},
    {"postern_waited_seconds_total", "Waited.", "counter", STR_INIT(""), 12000000034, true},
};

static void page_of_two_workers_parses_and_sums_up(void **state)
{
    struct fixture f;
    struct watch *w[2];
    struct buf out;
    (void)state;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 2; i++)
        assert_non_null(w[i] = watch_new(FIXTURE_METHODS, NULL));
    for (int i = 0; i < 10; i++) {
        struct event e = fixture_event(&f, i % 2);
        e.total_ns = (uint64_t)i * 100000000;
        if (i == 4) {
            e.http_status = 503;
            e.code = TC_CODE_UNAVAILABLE;
            e.upstream_ns = 0;
        }
        e.refusal = i < 6 ? REFUSAL_SCOPE : REFUSAL_NONE;
        watch_record(w[i < 3], &e);
    }
    struct event lost = fixture_event(&f, -1);
    lost.http_status = 404;
    lost.code = TC_CODE_NOT_FOUND;
    watch_record(w[0], &lost);
    watch_active(w[0], 2, 5);
    watch_active(w[1], 3, 7);
    assert_true(watch_metrics(&out, w, 2, &f.plan, gauges, 4));

    struct str page = buf_str(&out);
    struct reader r = read_page(page);
    assert_true(r.samples > 100);
#define ECHO "method=\"demo.v1.Echo.Unary\""
#define VALUE(text) value_of(page, STR(text))
    assert_true(VALUE("postern_requests_total{" ECHO ",status=\"200\",code=\"OK\"}") == 4);
    assert_true(VALUE("postern_requests_total{" ECHO ",status=\"503\",code=\"UNAVAILABLE\"}") == 1);
    assert_true(VALUE("postern_requests_total{method=\"od\\\"d\\\\na\\nme\",status=\"200\",code="
                      "\"OK\"}") == 5);
    assert_true(VALUE("postern_auth_refusals_total{" ECHO ",reason=\"missing_scope\"}") == 3);
    assert_true(VALUE("postern_requests_total{method=\"\",status=\"404\",code=\"NOT_FOUND\"}") ==
                1);
    /* 0, 200, 400, 600, 800 ms */
    assert_true(VALUE("postern_request_duration_seconds_bucket{" ECHO ",le=\"0.1\"}") == 1);
    assert_true(VALUE("postern_request_duration_seconds_bucket{" ECHO ",le=\"0.5\"}") == 3);
    assert_true(VALUE("postern_request_duration_seconds_bucket{" ECHO ",le=\"+Inf\"}") == 5);
    assert_true(VALUE("postern_request_duration_seconds_sum{" ECHO "}") == 2);
    assert_true(VALUE("postern_upstream_duration_seconds_count{" ECHO "}") == 4);
    assert_true(VALUE("postern_own_duration_seconds_bucket{" ECHO ",le=\"0.0001\"}") == 5);
    assert_true(VALUE("postern_request_body_bytes_total{" ECHO "}") == 50);
    assert_true(VALUE("postern_messages_out_total{" ECHO "}") == 10);
    assert_true(VALUE("postern_active_requests") == 5);
    assert_true(VALUE("postern_connections") == 12);
    assert_true(VALUE("postern_upstream_connections{cluster=\"b\"}") == 4);
    assert_true(VALUE("postern_ready") == 1);
    assert_true(VALUE("postern_waited_seconds_total") > 12); /* of ns */
    for (int i = 0; i < 2; i++)
        watch_free(w[i]);
    buf_release(&out);
}

static void more_outcomes_than_places_are_counted_together(void **state)
{
    struct fixture f;
    struct buf out;
    struct watch *w = watch_new(FIXTURE_METHODS, NULL);
    (void)state;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    for (uint16_t i = 0; i < 100; i++) {
        struct event e = fixture_event(&f, 0);
        e.http_status = (uint16_t)(400 + i);
        watch_record(w, &e);
    }
    assert_true(watch_metrics(&out, &w, 1, &f.plan, NULL, 0));
    struct str page = buf_str(&out);
    read_page(page);
    assert_true(VALUE("postern_requests_total{" ECHO ",status=\"430\",code=\"OK\"}") == 1);
    assert_true(VALUE("postern_requests_total{" ECHO ",status=\"431\",code=\"OK\"}") == -1);
    assert_true(VALUE("postern_requests_total{" ECHO ",status=\"0\",code=\"UNKNOWN\"}") == 69);
    watch_free(w);
    buf_release(&out);
}

static void event_of_a_newer_plan_counts_as_without_route(void **state)
{
    struct fixture f;
    struct buf out;
    struct watch *w = watch_new(1, NULL);
    (void)state;

    fixture_init(&f);
    buf_init(&out, 1 << 20);
    struct event e = fixture_event(&f, 2);
    watch_record(w, &e);
    assert_true(watch_metrics(&out, &w, 1, &f.plan, NULL, 0));
    struct str page = buf_str(&out);
    assert_true(VALUE("postern_requests_total{method=\"\",status=\"200\",code=\"OK\"}") == 1);
    watch_free(w);
    buf_release(&out);
}

static void full_page_is_reported(void **state)
{
    struct fixture f;
    struct watch *w = watch_new(FIXTURE_METHODS, NULL);
    (void)state;

    fixture_init(&f);
    struct event e = fixture_event(&f, 1);
    watch_record(w, &e);
    struct buf whole;
    buf_init(&whole, 1 << 20);
    assert_true(watch_metrics(&whole, &w, 1, &f.plan, gauges, 4));
    for (size_t max = 0; max < whole.n; max += 7) {
        struct buf out;
        buf_init(&out, max);
        assert_false(watch_metrics(&out, &w, 1, &f.plan, gauges, 4));
        buf_release(&out);
    }
    buf_release(&whole);
    watch_free(w);
}

static bool whole_life(void *arg)
{
    struct fixture *f = arg;
    struct buf out;
    bool ok = false;
    struct watch *w = watch_new(FIXTURE_METHODS, NULL);
    if (!w)
        return false;
    struct event e = fixture_event(f, 1);
    buf_init(&out, 1 << 20);
    watch_record(w, &e);
    ok = watch_metrics(&out, &w, 1, &f->plan, gauges, 4);
    buf_release(&out);
    watch_free(w);
    return ok;
}

static void short_memory_is_reported(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    assert_true(failmalloc_each(whole_life, &f) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_of_two_workers_parses_and_sums_up),
        cmocka_unit_test(more_outcomes_than_places_are_counted_together),
        cmocka_unit_test(event_of_a_newer_plan_counts_as_without_route),
        cmocka_unit_test(full_page_is_reported),
        cmocka_unit_test(short_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
