/* One binding of a google.api.http rule while it is read. policy_http.c reads rules and paths,
 * policy_body.c what stands in the bodies. */
#pragma once

#include "gateway/policy/policy_internal.h"

struct rule {
    struct compile *c;
    const struct method_policy *policy;
    const struct tc_method *method;
    struct origin origin;
    struct str at; /* path of the binding inside the option: "", "additional_bindings[0]" */
    const Google__Api__HttpRule *http;
    const char *kind, *template; /* "get", "/v1/{name}" */
    struct str verb;
};

/* Notes that `part` of the binding is wrong: WRONG(r, "body", "what, and %s would be right", x). */
#define WRONG(r, part, ...) policy_rule_wrong(r, part, arena_printf((r)->c->arena, __VA_ARGS__))
void policy_rule_wrong(const struct rule *r, const char *part, struct str sentence);

/* policy_body: fills what the binding says of bodies; the variables stand already. */
void policy_body_read(const struct rule *r, struct route *route);
/* What follows from the fields that are the bodies and from the method. */
void policy_body_derive(struct route *route);
