/* IP addresses and prefixes as values. Pure. */
#pragma once

#include "gateway/expr/value.h"

enum { EXPR_IP_TEXT_MAX = 64 };

/* NULL, or why the text is no address (no prefix) of this language. */
const char *expr_ip_parse(struct str s, struct expr_value *out);
const char *expr_cidr_parse(struct str s, struct expr_value *out);
/* RFC 5952, with "/n" behind a prefix. To `out` (EXPR_IP_TEXT_MAX); the length. */
size_t expr_ip_print(char *out, const struct expr_value *v);
/* An EXPR_IP or EXPR_CIDR whose address lies in the prefix; never across families. */
bool expr_cidr_contains(const struct expr_value *cidr, const struct expr_value *ip);
/* The prefix is written out: "10.0.0.0/8". */
bool expr_ip_in(const struct expr_value *ip, const char *cidr);
/* The bits behind the prefix cleared. */
struct expr_value expr_cidr_masked(const struct expr_value *cidr);
