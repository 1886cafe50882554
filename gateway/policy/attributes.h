/* What expressions may read of a call, one row an attribute: name, type and where the value comes
 * from. The compiler of policies declares the rows in the environment of each method that has an
 * expression; a stage evaluates:
 *
 *     struct expr_value v = attributes_eval(x, &policy->allow[i]);     // of the program's type, or
 * EXPR_ERROR
 *
 * Values are found when an expression first asks for them and kept with the exchange. A value is
 * valid until the next evaluation on the same worker; copy what must stay. */
#pragma once

#include "gateway/core/exchange.h"

enum attribute {
    ATTRIBUTE_REQUEST,
    ATTRIBUTE_RESPONSE,
    ATTRIBUTE_CALLER_AUTHENTICATED,
    ATTRIBUTE_CALLER_ID,
    ATTRIBUTE_CALLER_KEY,
    ATTRIBUTE_CALLER_TENANT,
    ATTRIBUTE_CALLER_TIER,
    ATTRIBUTE_CALLER_SUBJECT,
    ATTRIBUTE_CALLER_PROVIDER,
    ATTRIBUTE_CALLER_SCOPES,
    ATTRIBUTE_CALLER_ROLES,
    ATTRIBUTE_CALLER_LIMITS,
    ATTRIBUTE_HEADERS,
    ATTRIBUTE_METADATA,
    ATTRIBUTE_SOURCE_IP,
    ATTRIBUTE_NOW,
    ATTRIBUTE_ROUTE_METHOD,
    ATTRIBUTE_ROUTE_PATH,
    ATTRIBUTE_ROUTE_PATTERN,
    ATTRIBUTE_ROUTE_RPC,
    ATTRIBUTES, /* claims.NAME follow, then tables.NAME, as plan_attributes has them */
};

/* Declares all rows for a method; claims are the caller's to declare behind them. False: out of
 * memory. */
bool attributes_declare(struct expr_env *env, const struct tc_method *m, struct arena *arena);
/* Type of a declared claim (Postern__V1__Claim__Type). */
const struct expr_type *attributes_claim_type(uint8_t type, struct arena *arena);
/* "caller.tier", "claims.models", "tables.NAME" (without the NAME). */
struct str attributes_name(const struct plan_attributes *p, uint32_t slot, struct arena *arena);
/* For `explain`: sets what is known without a call, which is the request message, the time and the
 * tables. */
void attributes_alone(const struct method_policy *p, struct str request, struct expr_value *slots);
/* When all that the program reads is there. */
enum plan_when attributes_when(const struct expr_program *p);

/* The request message (PLAN_MESSAGE) is x->message, the response x->reply. An error is noted for
 * the log (x->rule_error) and counted. */
struct expr_value attributes_eval(struct exchange *x, const struct plan_expr *e);
/* Before the request message is sent, when plan_attributes.request_later. False: out of memory. */
bool attributes_keep_request(struct exchange *x);
/* A message of the upstream has come: what was read of the one before is forgotten. */
void attributes_renew(struct exchange *x, enum attribute message);
