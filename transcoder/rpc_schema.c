#include "transcoder/rpc_schema.h"

#define FIELD(number_, type_, flags_, name_, json_)                                          \
    .name = STR_INIT(name_), .json_name = STR_INIT(json_), .number = number_, .type = type_, \
    .flags = flags_, .oneof = -1
#define STRING(number, name, json)                    \
    {                                                 \
        FIELD(number, TC_STRING, TC_UTF8, name, json) \
    }
#define MESSAGE(number, flags, name, json, type)                         \
    {                                                                    \
        FIELD(number, TC_MESSAGE, flags, name, json), .message = &(type) \
    }
#define TYPE(name, fields_, wkt_)                                                        \
    {                                                                                    \
        .full_name = STR_INIT(name), .fields = (fields_),                                \
        .nfields = sizeof(fields_) / sizeof *(fields_), .by_name = no_names, .wkt = wkt_ \
    }

/* One free slot: no name is found. */
static const uint16_t no_names[1] = {0};

static const struct tc_field any_fields[] = {
    STRING(1, "type_url", "typeUrl"),
    {FIELD(2, TC_BYTES, 0, "value", "value")},
};
const struct tc_message tc_rpc_any = TYPE("google.protobuf.Any", any_fields, TC_WKT_ANY);

static const struct tc_field duration_fields[] = {
    {FIELD(1, TC_INT64, 0, "seconds", "seconds")},
    {FIELD(2, TC_INT32, 0, "nanos", "nanos")},
};
static const struct tc_message duration = TYPE("google.protobuf.Duration", duration_fields,
                                               TC_WKT_DURATION);

/* The entry of every map<string, string>. */
static const struct tc_field entry_fields[] = {
    STRING(1, "key", "key"),
    STRING(2, "value", "value"),
};
static const struct tc_message metadata_entry = TYPE("google.rpc.ErrorInfo.MetadataEntry",
                                                     entry_fields, TC_WKT_NONE);
static const struct tc_message dimensions_entry = TYPE(
    "google.rpc.QuotaFailure.Violation.QuotaDimensionsEntry", entry_fields, TC_WKT_NONE);

static const struct tc_field error_info_fields[] = {
    STRING(1, "reason", "reason"),
    STRING(2, "domain", "domain"),
    MESSAGE(3, TC_REPEATED | TC_MAP, "metadata", "metadata", metadata_entry),
};
static const struct tc_message error_info = TYPE("google.rpc.ErrorInfo", error_info_fields,
                                                 TC_WKT_NONE);

static const struct tc_field retry_info_fields[] = {
    MESSAGE(1, TC_PRESENCE, "retry_delay", "retryDelay", duration),
};
static const struct tc_message retry_info = TYPE("google.rpc.RetryInfo", retry_info_fields,
                                                 TC_WKT_NONE);

static const struct tc_field debug_info_fields[] = {
    {FIELD(1, TC_STRING, TC_REPEATED | TC_UTF8, "stack_entries", "stackEntries")},
    STRING(2, "detail", "detail"),
};
static const struct tc_message debug_info = TYPE("google.rpc.DebugInfo", debug_info_fields,
                                                 TC_WKT_NONE);

static const struct tc_field quota_violation_fields[] = {
    STRING(1, "subject", "subject"),
    STRING(2, "description", "description"),
    STRING(3, "api_service", "apiService"),
    STRING(4, "quota_metric", "quotaMetric"),
    STRING(5, "quota_id", "quotaId"),
    MESSAGE(6, TC_REPEATED | TC_MAP, "quota_dimensions", "quotaDimensions", dimensions_entry),
    {FIELD(7, TC_INT64, 0, "quota_value", "quotaValue")},
    {FIELD(8, TC_INT64, TC_PRESENCE, "future_quota_value", "futureQuotaValue")},
};
static const struct tc_message quota_violation = TYPE("google.rpc.QuotaFailure.Violation",
                                                      quota_violation_fields, TC_WKT_NONE);
static const struct tc_field quota_failure_fields[] = {
    MESSAGE(1, TC_REPEATED, "violations", "violations", quota_violation),
};
static const struct tc_message quota_failure = TYPE("google.rpc.QuotaFailure", quota_failure_fields,
                                                    TC_WKT_NONE);

static const struct tc_field precondition_violation_fields[] = {
    STRING(1, "type", "type"),
    STRING(2, "subject", "subject"),
    STRING(3, "description", "description"),
};
static const struct tc_message precondition_violation = TYPE(
    "google.rpc.PreconditionFailure.Violation", precondition_violation_fields, TC_WKT_NONE);
static const struct tc_field precondition_failure_fields[] = {
    MESSAGE(1, TC_REPEATED, "violations", "violations", precondition_violation),
};
static const struct tc_message precondition_failure = TYPE(
    "google.rpc.PreconditionFailure", precondition_failure_fields, TC_WKT_NONE);

static const struct tc_field localized_message_fields[] = {
    STRING(1, "locale", "locale"),
    STRING(2, "message", "message"),
};
static const struct tc_message localized_message = TYPE("google.rpc.LocalizedMessage",
                                                        localized_message_fields, TC_WKT_NONE);

static const struct tc_field field_violation_fields[] = {
    STRING(1, "field", "field"),
    STRING(2, "description", "description"),
    STRING(3, "reason", "reason"),
    MESSAGE(4, TC_PRESENCE, "localized_message", "localizedMessage", localized_message),
};
static const struct tc_message field_violation = TYPE("google.rpc.BadRequest.FieldViolation",
                                                      field_violation_fields, TC_WKT_NONE);
static const struct tc_field bad_request_fields[] = {
    MESSAGE(1, TC_REPEATED, "field_violations", "fieldViolations", field_violation),
};
static const struct tc_message bad_request = TYPE("google.rpc.BadRequest", bad_request_fields,
                                                  TC_WKT_NONE);

static const struct tc_field request_info_fields[] = {
    STRING(1, "request_id", "requestId"),
    STRING(2, "serving_data", "servingData"),
};
static const struct tc_message request_info = TYPE("google.rpc.RequestInfo", request_info_fields,
                                                   TC_WKT_NONE);

static const struct tc_field resource_info_fields[] = {
    STRING(1, "resource_type", "resourceType"),
    STRING(2, "resource_name", "resourceName"),
    STRING(3, "owner", "owner"),
    STRING(4, "description", "description"),
};
static const struct tc_message resource_info = TYPE("google.rpc.ResourceInfo", resource_info_fields,
                                                    TC_WKT_NONE);

static const struct tc_field link_fields[] = {
    STRING(1, "description", "description"),
    STRING(2, "url", "url"),
};
static const struct tc_message help_link = TYPE("google.rpc.Help.Link", link_fields, TC_WKT_NONE);
static const struct tc_field help_fields[] = {
    MESSAGE(1, TC_REPEATED, "links", "links", help_link),
};
static const struct tc_message help = TYPE("google.rpc.Help", help_fields, TC_WKT_NONE);

/* Ascending by name. */
static const struct tc_message *const messages[] = {
    &tc_rpc_any,    &duration,          &bad_request,          &field_violation,
    &debug_info,    &error_info,        &metadata_entry,       &help,
    &help_link,     &localized_message, &precondition_failure, &precondition_violation,
    &quota_failure, &quota_violation,   &dimensions_entry,     &request_info,
    &resource_info, &retry_info,
};

const struct tc_schema tc_rpc_schema = {
    .messages = messages,
    .nmessages = sizeof messages / sizeof *messages,
};
