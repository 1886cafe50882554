/* The expressions of a method's policies, compiled: conditions, metadata, limits. */
#pragma once

#include "gateway/expr/expr.h"

struct method_policy;

/* When all that an expression reads is there. */
enum plan_when { PLAN_HEAD, PLAN_MESSAGE, PLAN_REPLY };

/* An expression of a method; evaluated by policy/attributes.h. */
struct plan_expr {
    const struct expr_program *program;
    struct str name;   /* of the condition, key or limit it belongs to, for messages and logs */
    struct str source; /* its text */
    enum plan_when when;
    bool pass_on_error;
};

/* An expression that somebody asks about: `postern explain --expr`. */
struct plan_probe {
    struct plan_expr expr; /* program == NULL: no method of that name */
    const struct method_policy *policy;
};

/* postern.v1.MetadataRule. */
struct plan_metadata {
    struct str key;
    struct plan_expr value; /* program == NULL: the client's own is removed, nothing is sent */
};

/* What the expressions of a method see. */
struct plan_attributes {
    const struct expr_env *env;
    const struct str *claims;   /* slot = ATTRIBUTES + index */
    const uint8_t *claim_types; /* Postern__V1__Claim__Type */
    uint32_t nclaims;
    const struct expr_value *tables; /* of the configuration; their slots follow the claims' */
    bool request_later;              /* some expression reads request and response */
};

/* What a plan's expressions hold outside the arena. */
struct plan_env {
    const struct plan_env *next;
    struct expr_env *env;
};
