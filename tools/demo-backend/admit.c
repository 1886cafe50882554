#include <stdlib.h>
#include <unistd.h>

#include "tools/demo-backend/demo.h"

static void echo_metadata(struct server_call *c)
{
    struct str key, value;
    for (size_t i = 0; server_call_metadata_at(c, i, &key, &value); i++)
        if (str_starts(key, STR("x-"))) {
            server_call_header(c, key, value);
            server_call_trailer(c, key, value);
        }
}

static void fail(struct server_call *c, const struct demo_options *o)
{
    reply_reason(c, o->fail_code, "TOLD_TO_FAIL", "flag", "--fail", "%s", o->fail_message);
}

/* The service's context is not known to calls of unknown methods, so the delay keeps it in the
 * call's state until then. */
static void after_delay(struct server_call *c)
{
    const struct demo *demo = server_call_state(c);
    server_call_set_state(c, NULL, NULL);
    if (demo->options.fail)
        fail(c, &demo->options);
    else
        server_call_proceed(c);
}

void demo_admit(void *ctx, struct server_call *c)
{
    struct demo *demo = ctx;
    const struct demo_options *o = &demo->options;
    /* Counts calls on all threads; exactly one of them gets the number. */
    if (atomic_fetch_add(&demo->calls, 1) + 1 == o->die_after)
        _exit(3);
    if (o->echo_metadata)
        echo_metadata(c);
    server_call_set_state(c, demo, NULL);
    if (o->delay_ms)
        server_call_after(c, o->delay_ms, after_delay);
    else
        after_delay(c);
}
