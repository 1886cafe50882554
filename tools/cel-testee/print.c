#include "tools/cel-testee/testee.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_hex(char letter, struct str s)
{
    printf("%c:", letter);
    for (size_t i = 0; i < s.n; i++)
        printf("%02x", (unsigned char)s.p[i]);
}

static void print_list(struct trial *t, const struct expr_value *v)
{
    printf("[");
    for (uint32_t i = 0; i < expr_list_size(v); i++) {
        struct expr_value item = expr_list_at(&t->run, v, i);
        printf(i ? "," : "");
        value_print(t, &item);
    }
    printf("]");
}

/* In the order of the map: whoever compares sorts. */
static void print_map(struct trial *t, const struct expr_value *v)
{
    printf("{");
    for (uint32_t i = 0; i < expr_map_size(v); i++) {
        struct expr_value key, value;
        v->map->at(v->map, &t->run, i, &key, &value);
        value = expr_settle(&t->run, value);
        printf(i ? "," : "");
        value_print(t, &key);
        printf("=");
        value_print(t, &value);
    }
    printf("}");
}

void value_print(struct trial *t, const struct expr_value *v)
{
    switch (v->kind) {
    case EXPR_NULL: printf("null"); break;
    case EXPR_BOOL: printf("%s", v->b ? "true" : "false"); break;
    case EXPR_INT: printf("i:%" PRId64, v->i); break;
    case EXPR_UINT: printf("u:%" PRIu64, v->u); break;
    case EXPR_DOUBLE:
        if (v->d != v->d)
            printf("d:nan");
        else
            printf("d:%.17g", v->d);
        break;
    case EXPR_STRING: print_hex('s', v->s); break;
    case EXPR_BYTES: print_hex('b', v->s); break;
    case EXPR_TIMESTAMP: printf("t:%" PRId64 ".%09d", v->time.seconds, v->time.nanos); break;
    case EXPR_DURATION:
        printf("p:%s%" PRId64 ".%09d", v->time.seconds < 0 || v->time.nanos < 0 ? "-" : "",
               v->time.seconds < 0 ? -v->time.seconds : v->time.seconds, abs(v->time.nanos));
        break;
    case EXPR_LIST: print_list(t, v); break;
    case EXPR_MAP: print_map(t, v); break;
    case EXPR_TYPE: printf("type:%.*s", STR_ARG(expr_type_name(v->type))); break;
    case EXPR_OPTIONAL:
        printf(v->optional ? "optional(" : "none");
        if (v->optional) {
            value_print(t, v->optional);
            printf(")");
        }
        break;
    case EXPR_MESSAGE: printf("message:%.*s", STR_ARG(v->message->full_name)); break;
    case EXPR_ERROR: printf("error"); break;
    default: printf("?%u", v->kind); break;
    }
}
