#include "gateway/config_internal.h"
#include "transcoder/text.h"

/* Where the walk stands. Lists and mappings are followed as often as aliases name them, so the
 * ceilings on depth and number of values also end a document that contains itself. */
struct walk {
    struct config_reader *r;
    struct buf *json;
    bool first;    /* places are made and faults noted */
    uint32_t next; /* place */
};

/* What is known of a value before it is looked at. */
struct slot {
    const struct tc_message *type; /* of a mapping; NULL: not known */
    const struct tc_field *field;  /* NULL: not known */
    uint32_t place, depth;
    bool absent; /* it, or what it is in, is left out */
};

/* ---- text -> nodes ---- */

/* Line of a byte that is no character: the reader of libyaml says only where it is. */
static uint32_t line_at(struct str text, size_t offset)
{
    uint32_t line = 1;
    for (size_t i = 0; i < offset && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static void report(struct config_reader *r, const yaml_parser_t *p, struct str text)
{
    if (p->error == YAML_MEMORY_ERROR)
        r->out_of_memory = true;
    else if (p->error == YAML_READER_ERROR)
        config_fault_line(r, line_at(text, p->problem_offset), "not YAML: %s; write UTF-8",
                          p->problem);
    else
        config_fault_line(r, (uint32_t)p->problem_mark.line + 1, "not YAML: %s%s%s", p->problem,
                          p->context ? " " : "", p->context ? p->context : "");
}

/* What the text holds, counted before libyaml makes nodes of it: its work grows with the square of
 * the depth and of the number of anchors. */
struct census {
    uint32_t depth, values, anchors, documents;
};

static bool has_anchor(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return e->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT: return e->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT: return e->data.mapping_start.anchor != NULL;
    default: return false;
    }
}

static void count_event(struct census *c, const yaml_event_t *e)
{
    bool opens = e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
    bool closes = e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
    c->depth += opens;
    c->depth -= closes;
    c->values += opens || e->type == YAML_SCALAR_EVENT || e->type == YAML_ALIAS_EVENT;
    c->anchors += has_anchor(e);
    c->documents += e->type == YAML_DOCUMENT_START_EVENT;
}

static bool within_ceilings(struct config_reader *r, const struct census *c, uint32_t line)
{
    if (c->depth > CONFIG_DEPTH_MAX)
        config_fault_line(r, line, "nested deeper than %d levels", CONFIG_DEPTH_MAX);
    else if (c->values > CONFIG_VALUES_MAX)
        config_fault_line(r, line, "more than %d values", CONFIG_VALUES_MAX);
    else if (c->anchors > CONFIG_ANCHORS_MAX)
        config_fault_line(r, line, "more than %d anchors", CONFIG_ANCHORS_MAX);
    else if (c->documents > 1)
        config_fault_line(r, line, "a second document; all must be in the first");
    else
        return true;
    return false;
}

static bool examine(struct config_reader *r, yaml_parser_t *p, struct str text)
{
    struct census c = {0};
    yaml_event_type_t type;
    bool ok = true;
    do {
        yaml_event_t e;
        if (!yaml_parser_parse(p, &e)) {
            report(r, p, text);
            return false;
        }
        type = e.type;
        count_event(&c, &e);
        ok = within_ceilings(r, &c, (uint32_t)e.start_mark.line + 1);
        yaml_event_delete(&e);
    } while (ok && type != YAML_STREAM_END_EVENT);
    return ok;
}

static bool load(struct config_reader *r, yaml_parser_t *p, struct str text)
{
    r->loaded = yaml_parser_load(p, &r->yaml);
    if (!r->loaded)
        report(r, p, text);
    return r->loaded;
}

/* Reads the text from its start with `read`. */
static bool with_parser(struct config_reader *r, struct str text,
                        bool (*read)(struct config_reader *, yaml_parser_t *, struct str))
{
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p)) {
        r->out_of_memory = true;
        return false;
    }
    yaml_parser_set_input_string(&p, (const unsigned char *)text.p, text.n);
    bool ok = read(r, &p, text);
    yaml_parser_delete(&p);
    return ok;
}

bool config_yaml_load(struct config_reader *r, struct str text)
{
    return with_parser(r, text, examine) && with_parser(r, text, load);
}

void config_yaml_release(struct config_reader *r)
{
    if (r->loaded)
        yaml_document_delete(&r->yaml);
    r->loaded = false;
}

/* ---- nodes -> JSON ---- */

static bool put_value(struct walk *w, int node, struct slot slot);

static bool full(struct walk *w, const struct slot *slot)
{
    if (buf_room(w->json) > CONFIG_JSON_MAX / 2)
        w->r->out_of_memory = true;
    else
        config_fault_place(w->r, slot->place, "more than %d MiB with all aliases expanded",
                           CONFIG_JSON_MAX >> 20);
    return false;
}

/* Finds or makes the next place. Each walk meets the same places in the same order. */
static bool enter(struct walk *w, struct config_place place, struct slot *slot)
{
    if (w->first && !config_place_add(w->r, place))
        return false;
    slot->place = w->next++;
    struct config_place *p = &w->r->places->items[slot->place];
    slot->absent |= p->left_out;
    p->offset = slot->absent ? SIZE_MAX : w->json->n;
    return true;
}

static void leave_out(struct walk *w, struct slot *slot)
{
    struct config_place *p = &w->r->places->items[slot->place];
    p->left_out = slot->absent = true;
    p->offset = SIZE_MAX;
}

static struct str text_of(const yaml_node_t *n)
{
    return str_of((const char *)n->data.scalar.value, n->data.scalar.length);
}

static const char *scalar_fault(const yaml_node_t *n)
{
    if (n->tag && strcmp((const char *)n->tag, YAML_DEFAULT_SCALAR_TAG) != 0)
        return "tags are not used here; write the plain value";
    struct str text = text_of(n);
    return str_find(text, '\0') < text.n ? "a text cannot hold a NUL byte" : NULL;
}

static bool put_scalar(struct walk *w, const yaml_node_t *n, struct slot *slot)
{
    const char *wrong = scalar_fault(n);
    if (wrong && w->first) {
        config_fault_place(w->r, slot->place, "%s", wrong);
        leave_out(w, slot);
    }
    bool plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool text_wanted = slot->field && slot->field->type == TC_STRING;
    return config_scalar_json(w->json, text_of(n), plain, text_wanted) || full(w, slot);
}

static bool put_list(struct walk *w, const yaml_node_t *n, const struct slot *slot)
{
    const yaml_node_item_t *item = n->data.sequence.items.start;
    size_t start = w->json->n + 1;
    if (!buf_add_char(w->json, '['))
        return full(w, slot);
    for (uint32_t i = 0; item < n->data.sequence.items.top; i++, item++) {
        size_t before = w->json->n;
        yaml_node_t *value = yaml_document_get_node(&w->r->yaml, *item);
        struct slot inner = *slot;
        if (before > start && !buf_add_char(w->json, ','))
            return full(w, slot);
        struct config_place place = {.parent = slot->place,
                                     .index = i,
                                     .field = slot->field,
                                     .line = (uint32_t)value->start_mark.line + 1};
        inner.depth++;
        if (!enter(w, place, &inner) || !put_value(w, *item, inner))
            return false;
        if (w->r->places->items[inner.place].left_out)
            w->json->n = before;
    }
    return buf_add_char(w->json, ']') || full(w, slot);
}

/* "name, endpoints, target" */
static struct str names_of(const struct config_reader *r, const struct tc_message *type)
{
    struct str all = STR("");
    for (uint16_t i = 0; i < type->nfields && all.p; i++)
        all = arena_printf(r->arena, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "",
                           STR_ARG(type->fields[i].name));
    return all;
}

/* The place and type of a member. */
static bool enter_member(struct walk *w, const yaml_node_t *key, const struct slot *map,
                         struct slot *slot)
{
    bool named = key->type == YAML_SCALAR_NODE;
    struct str name = named ? text_of(key) : STR("?");
    const struct tc_field *field = map->type ? tc_field_by_name(map->type, name) : NULL;
    *slot = (struct slot){.type = field ? field->message : NULL,
                          .field = field,
                          .depth = map->depth + 1,
                          .absent = map->absent};
    struct config_place place = {.parent = map->place,
                                 .key = field ? field->name : arena_copy(w->r->arena, name),
                                 .field = field,
                                 .line = (uint32_t)key->start_mark.line + 1};
    w->r->out_of_memory |= !place.key.p;
    if (!place.key.p || !enter(w, place, slot))
        return false;
    if (!w->first || (named && (field || !map->type)))
        return true;
    if (!named)
        config_fault_place(w->r, slot->place, "a key must be a plain word");
    else
        config_fault_place(w->r, slot->place, "there is no such key; known here: %.*s",
                           STR_ARG(names_of(w->r, map->type)));
    leave_out(w, slot);
    return true;
}

static bool put_map(struct walk *w, const yaml_node_t *n, const struct slot *slot)
{
    const yaml_node_pair_t *pair = n->data.mapping.pairs.start;
    size_t start = w->json->n + 1;
    if (!buf_add_char(w->json, '{'))
        return full(w, slot);
    for (; pair < n->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&w->r->yaml, pair->key);
        size_t before = w->json->n;
        struct slot inner;
        if (before > start && !buf_add_char(w->json, ','))
            return full(w, slot);
        if (!enter_member(w, key, slot, &inner))
            return false;
        if (!tc_json_string(w->json, w->r->places->items[inner.place].key) ||
            !buf_add_char(w->json, ':'))
            return full(w, slot);
        if (!put_value(w, pair->value, inner))
            return false;
        if (w->r->places->items[inner.place].left_out)
            w->json->n = before;
    }
    return buf_add_char(w->json, '}') || full(w, slot);
}

static bool put_value(struct walk *w, int node, struct slot slot)
{
    const yaml_node_t *n = yaml_document_get_node(&w->r->yaml, node);
    if (slot.depth > CONFIG_DEPTH_MAX) {
        config_fault_place(w->r, slot.place, "nested deeper than %d levels", CONFIG_DEPTH_MAX);
        return false;
    }
    switch (n->type) {
    case YAML_SCALAR_NODE: return put_scalar(w, n, &slot);
    case YAML_SEQUENCE_NODE: return put_list(w, n, &slot);
    case YAML_MAPPING_NODE: return put_map(w, n, &slot);
    default: return buf_add(w->json, STR("null")) || full(w, &slot);
    }
}

/* "---" and no more */
static bool is_nothing(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0;
}

bool config_yaml_json(struct config_reader *r, const struct tc_message *type, struct buf *json)
{
    yaml_node_t *root = yaml_document_get_root_node(&r->yaml);
    struct walk w = {.r = r, .json = json, .first = r->places->n == 0};
    struct slot slot = {.type = type};
    json->n = 0;
    if (!enter(&w, (struct config_place){.line = 0}, &slot))
        return false;
    if (!root || is_nothing(root)) {
        buf_add(json, STR("{}"));
        return json->n > 0 || full(&w, &slot);
    }
    if (root->type != YAML_MAPPING_NODE) {
        config_fault_line(r, (uint32_t)root->start_mark.line + 1,
                          "expected a mapping like \"upstream: 127.0.0.1:9001\"");
        return false;
    }
    return put_value(&w, 1, slot);
}
