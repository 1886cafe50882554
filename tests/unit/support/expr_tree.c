#include "tests/unit/support/expr_tree.h"

static void print_literal(struct buf *b, const struct expr_value *v)
{
    switch (v->kind) {
    case EXPR_NULL: buf_add(b, STR("null")); break;
    case EXPR_BOOL: buf_printf(b, "%s", v->b ? "true" : "false"); break;
    case EXPR_INT: buf_printf(b, "%lld", (long long)v->i); break;
    case EXPR_UINT: buf_printf(b, "%lluu", (unsigned long long)v->u); break;
    case EXPR_DOUBLE: buf_printf(b, "%.17g.", v->d); break;
    case EXPR_STRING: buf_printf(b, "\"%.*s\"", STR_ARG(v->s)); break;
    case EXPR_BYTES: buf_printf(b, "b\"%.*s\"", STR_ARG(v->s)); break;
    default: buf_printf(b, "<%u>", v->kind);
    }
}

static void print_entries(struct buf *b, const struct expr_node *n)
{
    for (uint32_t i = 0; i < n->nentries; i++) {
        const struct expr_entry *e = &n->entries[i];
        buf_printf(b, "%s%s", i ? ", " : "", e->optional ? "?" : "");
        if (e->key) {
            expr_tree_print(b, e->key);
            buf_add(b, STR(": "));
        }
        if (e->field.p)
            buf_printf(b, "%.*s: ", STR_ARG(e->field));
        expr_tree_print(b, e->value);
    }
}

static void print_call(struct buf *b, const struct expr_node *n)
{
    buf_add_char(b, '(');
    if (n->operand) {
        expr_tree_print(b, n->operand);
        buf_add_char(b, '.');
    }
    buf_add(b, n->name);
    for (uint32_t i = 0; i < n->nargs; i++) {
        buf_add_char(b, ' ');
        expr_tree_print(b, n->args[i]);
    }
    buf_add_char(b, ')');
}

static void print_fold(struct buf *b, const struct expr_fold *f)
{
    const struct expr_node *parts[] = {f->range, f->init, f->condition, f->step, f->result};

    buf_printf(b, "{fold %.*s", STR_ARG(f->var));
    if (f->var2.p)
        buf_printf(b, " %.*s", STR_ARG(f->var2));
    buf_printf(b, " %.*s:", STR_ARG(f->accu));
    for (int i = 0; i < 5; i++) {
        buf_add(b, i ? STR(" | ") : STR(" "));
        expr_tree_print(b, parts[i]);
    }
    buf_add_char(b, '}');
}

void expr_tree_print(struct buf *b, const struct expr_node *n)
{
    switch ((enum expr_node_kind)n->kind) {
    case EXPR_NODE_LITERAL: print_literal(b, &n->constant); break;
    case EXPR_NODE_IDENT:
        buf_printf(b, "%s%.*s", n->test_only ? "has " : "", STR_ARG(n->name));
        break;
    case EXPR_NODE_SELECT:
        buf_printf(b, "%s", n->test_only ? "has " : "");
        expr_tree_print(b, n->operand);
        buf_printf(b, "%s%.*s", n->optional ? ".?" : ".", STR_ARG(n->name));
        break;
    case EXPR_NODE_CALL: print_call(b, n); break;
    case EXPR_NODE_LIST:
        buf_add_char(b, '[');
        print_entries(b, n);
        buf_add_char(b, ']');
        break;
    case EXPR_NODE_MAP:
    case EXPR_NODE_STRUCT:
        buf_printf(b, "%.*s{", STR_ARG(n->name));
        print_entries(b, n);
        buf_add_char(b, '}');
        break;
    case EXPR_NODE_FOLD: print_fold(b, n->fold); break;
    }
}
