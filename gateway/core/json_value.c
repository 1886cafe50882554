#include "gateway/core/json_value.h"

#include "transcoder/json_lexer.h"
#include "transcoder/number.h"
#include "transcoder/text.h"

/* Containers are gathered as linked lists while they are read and become arrays at their end. */
struct item {
    struct item *next;
    struct expr_value key, value; /* key: members of an object */
};

struct object {
    struct expr_map map; /* first */
    const struct expr_value *keys, *values;
    uint32_t n;
};

struct open {
    struct open *outer;
    struct item *first, **last;
    struct expr_value key; /* of the member being read */
    uint32_t n;
    bool array;
};

struct parser {
    struct tc_lexer lexer;
    struct arena *arena;
    struct tc_error *error;
    struct open *open;
    struct expr_value result;
    uint32_t items;
};

/* ---- maps ---- */

static uint32_t object_size(const struct expr_map *map)
{
    return ((const struct object *)map)->n;
}

static bool object_find(const struct expr_map *map, struct expr_run *run,
                        const struct expr_value *key, struct expr_value *out)
{
    const struct object *o = (const struct object *)map;
    (void)run;
    for (uint32_t i = 0; key->kind == EXPR_STRING && i < o->n; i++) {
        if (!str_eq(o->keys[i].s, key->s))
            continue;
        *out = o->values[i];
        return true;
    }
    return false;
}

static void object_at(const struct expr_map *map, struct expr_run *run, uint32_t i,
                      struct expr_value *key, struct expr_value *out)
{
    const struct object *o = (const struct object *)map;
    (void)run;
    *key = o->keys[i];
    *out = o->values[i];
}

/* ---- building ---- */

static bool out_of_memory(struct parser *p)
{
    tc_fail(p->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
    return false;
}

static bool fail_lexer(struct parser *p)
{
    tc_fail(p->error, p->lexer.status, p->lexer.bad, "", "%s", p->lexer.why);
    return false;
}

static bool close_array(struct parser *p, const struct open *o, struct expr_value *out)
{
    struct expr_value *items = arena_array(p->arena, o->n, sizeof *items);
    struct expr_array *list = arena_alloc(p->arena, sizeof *list);
    uint32_t n = 0;

    if (!items || !list)
        return out_of_memory(p);
    for (const struct item *i = o->first; i; i = i->next)
        items[n++] = i->value;
    *out = expr_array_init(list, items, n);
    return true;
}

static bool close_object(struct parser *p, const struct open *o, struct expr_value *out)
{
    struct expr_value *keys = arena_array(p->arena, o->n, sizeof *keys);
    struct expr_value *values = arena_array(p->arena, o->n, sizeof *values);
    struct object *object = arena_alloc(p->arena, sizeof *object);
    uint32_t n = 0;

    if (!keys || !values || !object)
        return out_of_memory(p);
    for (const struct item *i = o->first; i; i = i->next) {
        keys[n] = i->key;
        values[n++] = i->value;
    }
    *object = (struct object){{object_size, object_find, object_at}, keys, values, n};
    *out = (struct expr_value){.kind = EXPR_MAP, .map = &object->map};
    return true;
}

/* The value is complete: a member or element of what is open, or the result. */
static bool put(struct parser *p, struct expr_value v)
{
    struct open *o = p->open;
    if (!o) {
        p->result = v;
        return true;
    }
    if (++p->items > JSON_VALUE_ITEMS_MAX || (!o->array && o->n == JSON_VALUE_MEMBERS_MAX)) {
        tc_fail(p->error, TC_LIMIT, tc_lex_offset(&p->lexer), "",
                "more than %d values, or %d in one object", JSON_VALUE_ITEMS_MAX,
                JSON_VALUE_MEMBERS_MAX);
        return false;
    }
    struct item *item = arena_alloc(p->arena, sizeof *item);
    if (!item)
        return out_of_memory(p);
    item->key = o->key;
    item->value = v;
    *o->last = item;
    o->last = &item->next;
    o->n++;
    return true;
}

static bool open_container(struct parser *p, bool array)
{
    struct open *o = arena_alloc(p->arena, sizeof *o);
    if (!o)
        return out_of_memory(p);
    *o = (struct open){.outer = p->open, .array = array};
    o->last = &o->first;
    p->open = o;
    return true;
}

static bool close_container(struct parser *p)
{
    struct open *o = p->open;
    struct expr_value v;
    if (!(o->array ? close_array(p, o, &v) : close_object(p, o, &v)))
        return false;
    p->open = o->outer;
    return put(p, v);
}

/* ---- scalars ---- */

static bool read_string(struct parser *p, struct str *out)
{
    struct buf text;
    if (tc_lex_whole_string(&p->lexer, out)) {
        *out = arena_copy(p->arena, *out);
        return out->p || out_of_memory(p);
    }
    buf_init(&text, SIZE_MAX);
    enum tc_status st = tc_lex_string(&p->lexer, &text);
    *out = st == TC_OK ? arena_copy(p->arena, buf_str(&text)) : STR_NONE;
    buf_release(&text);
    if (st == TC_OK && out->p)
        return true;
    if (st == TC_INVALID)
        return fail_lexer(p);
    if (st != TC_MORE)
        return out_of_memory(p);
    tc_fail(p->error, TC_INVALID, tc_lex_offset(&p->lexer), "", "a string is cut short");
    return false;
}

static bool read_key(struct parser *p)
{
    struct str name;
    size_t at = p->lexer.token;
    if (!read_string(p, &name))
        return false;
    p->open->key = expr_string(name);
    for (const struct item *i = p->open->first; i; i = i->next) {
        if (!str_eq(i->key.s, name))
            continue;
        tc_fail(p->error, TC_INVALID, at, "", "\"%.*s\" stands there twice", STR_ARG(name));
        return false;
    }
    return true;
}

static bool put_string(struct parser *p)
{
    struct str text;
    return read_string(p, &text) && put(p, expr_string(text));
}

static bool put_number(struct parser *p)
{
    struct expr_value v = expr_int(0);
    struct str text = p->lexer.number;
    bool whole = str_find(text, '.') == text.n && str_find(text, 'e') == text.n &&
                 str_find(text, 'E') == text.n;
    if (whole && tc_parse_int64(text, &v.i))
        return put(p, v);
    v.kind = EXPR_DOUBLE;
    if (tc_parse_double(text, &v.d))
        return put(p, v);
    tc_fail(p->error, TC_INVALID, p->lexer.token, "", "a number is out of range");
    return false;
}

static bool take(struct parser *p, enum tc_json_token t)
{
    switch (t) {
    case TC_JSON_NULL: return put(p, (struct expr_value){.kind = EXPR_NULL});
    case TC_JSON_FALSE: return put(p, expr_bool(false));
    case TC_JSON_TRUE: return put(p, expr_bool(true));
    case TC_JSON_NUMBER: return put_number(p);
    case TC_JSON_STRING: return put_string(p);
    case TC_JSON_KEY: return read_key(p);
    case TC_JSON_OBJECT: return open_container(p, false);
    case TC_JSON_ARRAY: return open_container(p, true);
    case TC_JSON_OBJECT_END:
    case TC_JSON_ARRAY_END: return close_container(p);
    case TC_JSON_BAD: return fail_lexer(p);
    default:
        tc_fail(p->error, TC_INVALID, tc_lex_offset(&p->lexer), "", "the text is cut short");
        return false;
    }
}

bool json_value_parse(struct str text, struct arena *arena, struct expr_value *out,
                      struct tc_error *error)
{
    struct parser p = {.arena = arena, .error = error, .result = expr_absent()};
    enum tc_json_token t;

    if (!tc_lex_init(&p.lexer, arena, JSON_VALUE_DEPTH_MAX))
        return out_of_memory(&p);
    tc_lex_feed(&p.lexer, text);
    while ((t = tc_lex_next(&p.lexer)) != TC_JSON_DONE) {
        if (t == TC_JSON_MORE)
            t = tc_lex_end(&p.lexer);
        if (t == TC_JSON_DONE)
            break;
        if (!take(&p, t))
            return false;
    }
    *out = p.result;
    return tc_lex_trailing(&p.lexer) || fail_lexer(&p);
}

/* ---- text again ---- */

static bool print_scalar(struct buf *out, const struct expr_value *v)
{
    char text[TC_NUMBER_TEXT_MAX];
    switch (v->kind) {
    case EXPR_STRING: return tc_json_string(out, v->s);
    case EXPR_BOOL: return buf_add(out, v->b ? STR("true") : STR("false"));
    case EXPR_INT: return buf_add(out, str_of(text, tc_print_int64(text, v->i)));
    case EXPR_DOUBLE: return buf_add(out, str_of(text, tc_print_double(text, v->d)));
    default: return buf_add(out, STR("null"));
    }
}

static bool print_break(struct buf *out, uint32_t indent)
{
    return buf_printf(out, "\n%*s", (int)indent, "");
}

static bool print_list(struct buf *out, const struct expr_list *list, uint32_t indent)
{
    bool ok = buf_add_char(out, '[');
    for (uint32_t i = 0, n = list->size(list); i < n && ok; i++) {
        struct expr_value v = list->at(list, NULL, i);
        bool nested = v.kind == EXPR_MAP || v.kind == EXPR_LIST;
        ok = (!i || buf_add(out, nested ? STR(",") : STR(", "))) &&
             (!nested || print_break(out, indent + 2)) && json_value_print(out, &v, indent + 2);
    }
    return ok && buf_add_char(out, ']');
}

static bool print_map(struct buf *out, const struct expr_map *map, uint32_t indent)
{
    uint32_t n = map->size(map);
    bool ok = buf_add_char(out, '{');
    for (uint32_t i = 0; i < n && ok; i++) {
        struct expr_value key, v;
        map->at(map, NULL, i, &key, &v);
        ok = (!i || buf_add_char(out, ',')) && print_break(out, indent + 2) &&
             tc_json_string(out, key.s) && buf_add(out, STR(": ")) &&
             json_value_print(out, &v, indent + 2);
    }
    return ok && (!n || print_break(out, indent)) && buf_add_char(out, '}');
}

bool json_value_print(struct buf *out, const struct expr_value *v, uint32_t indent)
{
    if (v->kind == EXPR_LIST)
        return print_list(out, v->list, indent);
    return v->kind == EXPR_MAP ? print_map(out, v->map, indent) : print_scalar(out, v);
}

struct expr_value json_member(const struct expr_value *v, const char *name)
{
    struct expr_value key = expr_string(str_c(name)), out;
    if (v->kind == EXPR_MAP && v->map->find(v->map, NULL, &key, &out))
        return out;
    return expr_absent();
}

struct str json_text(const struct expr_value *v, const char *name)
{
    struct expr_value member = json_member(v, name);
    return member.kind == EXPR_STRING ? member.s : STR_NONE;
}
