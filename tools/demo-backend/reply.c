#include "tools/demo-backend/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "gen/google/rpc/error_details.pb-c.h"

static char *vtext_in(struct arena *a, const char *format, va_list args)
{
    static char nothing[] = "";
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p ? p : nothing;
}

char *text_in(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *p = vtext_in(a, format, args);
    va_end(args);
    return p;
}

Google__Protobuf__Any *detail_of(struct arena *a, const char *type, const ProtobufCMessage *m)
{
    Google__Protobuf__Any *any = arena_alloc(a, sizeof *any);
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *bytes = arena_alloc(a, n);
    if (!any || !bytes)
        return NULL;
    google__protobuf__any__init(any);
    any->type_url = text_in(a, "type.googleapis.com/%s", type);
    any->value.data = bytes;
    any->value.len = protobuf_c_message_pack(m, bytes);
    return any;
}

Google__Protobuf__Any *detail_error_info(struct arena *a, const char *reason, const char *key,
                                         const char *value)
{
    Google__Rpc__ErrorInfo__MetadataEntry entry = GOOGLE__RPC__ERROR_INFO__METADATA_ENTRY__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry *entries = &entry;
    entry.key = text_in(a, "%s", key);
    entry.value = text_in(a, "%s", value);
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    info.reason = text_in(a, "%s", reason);
    info.domain = text_in(a, "demo.postern");
    info.metadata = &entries;
    info.n_metadata = key[0] != '\0';
    return detail_of(a, "google.rpc.ErrorInfo", &info.base);
}

Google__Protobuf__Any *detail_bad_request(struct arena *a, const char *field,
                                          const char *description)
{
    Google__Rpc__BadRequest__FieldViolation violation =
        GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
    Google__Rpc__BadRequest__FieldViolation *violations = &violation;
    violation.field = text_in(a, "%s", field);
    violation.description = text_in(a, "%s", description);
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
    bad.field_violations = &violations;
    bad.n_field_violations = 1;
    return detail_of(a, "google.rpc.BadRequest", &bad.base);
}

Google__Protobuf__Any *detail_retry_info(struct arena *a, int64_t seconds)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = seconds;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    info.retry_delay = &delay;
    return detail_of(a, "google.rpc.RetryInfo", &info.base);
}

struct str detail_status(struct arena *a, enum tc_code code, const char *message,
                         Google__Protobuf__Any **details, size_t n)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = (int32_t)code;
    status.message = text_in(a, "%s", message);
    status.details = details;
    status.n_details = n;
    char *bytes = arena_alloc(a, google__rpc__status__get_packed_size(&status));
    return bytes ? str_of(bytes, google__rpc__status__pack(&status, (uint8_t *)bytes)) : STR_NONE;
}

static void fail_with(struct server_call *c, enum tc_code code, const char *message,
                      Google__Protobuf__Any *detail)
{
    struct str details = detail ? detail_status(server_call_arena(c), code, message, &detail, 1)
                                : STR_NONE;
    server_call_fail(c, code, str_c(message), details);
}

void reply_status(struct server_call *c, enum tc_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_with(c, code, vtext_in(server_call_arena(c), format, args), NULL);
    va_end(args);
}

void reply_reason(struct server_call *c, enum tc_code code, const char *reason, const char *key,
                  const char *value, const char *format, ...)
{
    struct arena *a = server_call_arena(c);
    va_list args;
    va_start(args, format);
    fail_with(c, code, vtext_in(a, format, args), detail_error_info(a, reason, key, value));
    va_end(args);
}

void reply_bad_field(struct server_call *c, const char *field, const char *format, ...)
{
    struct arena *a = server_call_arena(c);
    va_list args;
    va_start(args, format);
    const char *what = vtext_in(a, format, args);
    va_end(args);
    fail_with(c, TC_CODE_INVALID_ARGUMENT, text_in(a, "%s: %s", field, what),
              detail_bad_request(a, field, what));
}
