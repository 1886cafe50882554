#include "tools/demo-backend/demo.h"

enum { WATCH_MS = 100 };

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name
#define SERVING_STATUS Grpc__Health__V1__HealthCheckResponse__ServingStatus

/* "" is the server as a whole. */
static const char *const known[] = {
    "",
    "demo.v1.Echo",
    "demo.v1.TextGeneration",
    "inference.GRPCInferenceService",
};
enum { KNOWN = sizeof known / sizeof *known };

static SERVING_STATUS status_of(const struct server_call *c, const char *service)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (str_eq(str_c(known[i]), str_c(service)))
            return atomic_load(&demo_of(c)->serving) ? STATUS(SERVING) : STATUS(NOT_SERVING);
    return STATUS(SERVICE_UNKNOWN);
}

static void check(struct server_call *c, const Grpc__Health__V1__HealthCheckRequest *request)
{
    Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    r.status = status_of(c, request->service);
    if (r.status == STATUS(SERVICE_UNKNOWN))
        reply_status(c, TC_CODE_NOT_FOUND, "no service '%s' here", request->service);
    else
        grpc__health__v1__health__check__reply(c, &r);
}

struct watch {
    const char *service;
    SERVING_STATUS last;
};

static void look(struct server_call *c)
{
    struct watch *w = server_call_state(c);
    Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    r.status = status_of(c, w->service);
    if (r.status != w->last)
        grpc__health__v1__health__watch__reply(c, &r);
    w->last = r.status;
    server_call_after(c, WATCH_MS, look);
}

static void watch(struct server_call *c, const Grpc__Health__V1__HealthCheckRequest *request)
{
    struct watch *w = arena_alloc(server_call_arena(c), sizeof *w);
    if (!w) {
        reply_status(c, TC_CODE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *w = (struct watch){.service = request->service, .last = STATUS(UNKNOWN)};
    server_call_set_state(c, w, NULL);
    look(c);
}

static void list(struct server_call *c, const Grpc__Health__V1__HealthListRequest *request)
{
    (void)request;
    Grpc__Health__V1__HealthCheckResponse values[KNOWN];
    Grpc__Health__V1__HealthListResponse__StatusesEntry entries[KNOWN], *pointers[KNOWN];
    for (size_t i = 0; i < KNOWN; i++) {
        grpc__health__v1__health_check_response__init(&values[i]);
        values[i].status = status_of(c, known[i]);
        grpc__health__v1__health_list_response__statuses_entry__init(&entries[i]);
        entries[i].key = text_in(server_call_arena(c), "%s", known[i]);
        entries[i].value = &values[i];
        pointers[i] = &entries[i];
    }
    Grpc__Health__V1__HealthListResponse r = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
    r.statuses = pointers;
    r.n_statuses = KNOWN;
    grpc__health__v1__health__list__reply(c, &r);
}

const struct grpc__health__v1__health__handlers health_handlers = {
    .check = check,
    .watch = watch,
    .list = list,
};
