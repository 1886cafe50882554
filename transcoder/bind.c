#include "transcoder/bind.h"

#include "transcoder/bind_internal.h"
#include "transcoder/enum_name.h"
#include "transcoder/value_text.h"
#include "transcoder/wire.h"

enum { SHOWN_MAX = 80 };

/* A key that a map has already. */
struct map_key {
    struct map_key *next;
    uint32_t hash;
    struct str wire;
};

/* What only we see of a node. */
struct node {
    struct tc_bound bound; /* first: a tc_bound is the node it stands in */
    struct map_key *keys;
    bool set; /* a leaf that has its value: `wire` is empty for one that is not written */
};

struct str tc_bind_show(struct str s)
{
    if (s.n <= SHOWN_MAX)
        return s;
    s.n = SHOWN_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

void tc_binding_init(struct tc_binding *b, struct arena *arena, const struct tc_message *message,
                     struct tc_error *error)
{
    *b = (struct tc_binding){.arena = arena, .message = message, .error = error};
}

static void release_level(struct tc_bound *first)
{
    for (struct tc_bound *n = first; n; n = n->next) {
        buf_release(&n->wire);
        release_level(n->child); /* at most BIND_DEPTH_MAX levels */
    }
}

void tc_binding_release(struct tc_binding *b)
{
    release_level(b->root);
    b->root = NULL;
}

/* ---- errors ---- */

static char *put_text(char *to, const char *end, struct str s)
{
    size_t n = s.n < (size_t)(end - to) ? s.n : (size_t)(end - to);

    if (n)
        memcpy(to, s.p, n);
    return to + n;
}

/* filter.labels["kind"]: JSON names, as in the errors of a body. */
static void put_path(char out[TC_ERROR_PATH_MAX], const struct bind_target *t)
{
    const char *end = out + TC_ERROR_PATH_MAX - 1;
    char *to = out;

    for (size_t i = 0; i < t->n; i++) {
        to = put_text(to, end, i ? STR(".") : STR(""));
        to = put_text(to, end, t->fields[i]->json_name);
    }
    if (t->key.p) {
        const struct tc_message *entry = t->fields[t->n - 1]->message;
        bool quoted = entry && entry->is_map_entry && entry->fields[0].type == TC_STRING;
        to = put_text(to, end, quoted ? STR("[\"") : STR("["));
        to = put_text(to, end, tc_bind_show(t->key));
        to = put_text(to, end, quoted ? STR("\"]") : STR("]"));
    }
    *to = '\0';
}

/* `sentence` goes on behind the name: " is given twice", ": \"x\" is no number". */
static enum tc_status refuse(struct tc_binding *b, const struct bind_target *t,
                             const char *sentence)
{
    char path[TC_ERROR_PATH_MAX];

    put_path(path, t);
    if (b->error->status == TC_OK)
        b->error->in_target = t->in_target;
    tc_fail(b->error, TC_INVALID, t->offset, path, "%s \"%.*s\"%s", t->what,
            STR_ARG(tc_bind_show(t->name)), sentence);
    return TC_INVALID;
}

enum tc_status tc_bind_unknown(struct tc_binding *b, const struct bind_target *t, const char *why,
                               struct str detail)
{
    char path[TC_ERROR_PATH_MAX] = "";
    struct str shown = tc_bind_show(t->name);

    memcpy(path, shown.p, shown.n);
    if (b->error->status == TC_OK)
        b->error->in_target = t->in_target;
    return tc_fail(b->error, TC_INVALID, t->offset, path, "%s \"%.*s\" %s%.*s", t->what,
                   STR_ARG(shown), why, STR_ARG(detail));
}

enum tc_status tc_bind_too_deep(struct tc_binding *b, const struct bind_target *t, size_t max_depth)
{
    return tc_bind_unknown(b, t, "is nested too deep: the most names that may stand in it are ",
                           arena_printf(b->arena, "%zu", max_depth));
}

static enum tc_status no_memory(struct tc_binding *b)
{
    tc_fail(b->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
    return TC_NOMEM;
}

/* ---- the tree ---- */

bool tc_bind_may_enter(const struct tc_field *f)
{
    return f->message && !(f->flags & TC_REPEATED) &&
           (f->message->wkt == TC_WKT_NONE || f->message->wkt == TC_WKT_HTTP_BODY);
}

/* A message that one text stands for. */
static bool has_text_form(const struct tc_message *m)
{
    return m->wkt == TC_WKT_TIMESTAMP || m->wkt == TC_WKT_DURATION || m->wkt == TC_WKT_FIELD_MASK ||
           m->wkt == TC_WKT_WRAPPER;
}

/* Moves *level, the first node of a level, to where the node of `f` hangs, made at the end when
 * there is none. */
static enum tc_status enter(struct tc_binding *b, const struct bind_target *t,
                            struct tc_bound ***level, const struct tc_field *f)
{
    const struct tc_field *rival = NULL;
    struct tc_bound **at = *level;

    for (; *at && (*at)->field != f; at = &(*at)->next)
        if (f->oneof >= 0 && (*at)->field->oneof == f->oneof)
            rival = (*at)->field;
    *level = at;
    if (*at)
        return TC_OK;
    if (rival) {
        struct str why = arena_printf(
            b->arena, " cannot be set together with \"%.*s\": both belong to one oneof",
            STR_ARG(rival->json_name));
        return why.p ? refuse(b, t, why.p) : no_memory(b);
    }
    struct node *node = arena_alloc(b->arena, sizeof *node);
    if (!node)
        return no_memory(b);
    node->bound.field = f;
    *at = &node->bound;
    return TC_OK;
}

/* ---- values ---- */

const struct tc_field *tc_bind_bytes_of(const struct tc_field *f)
{
    if (f->flags & TC_MAP)
        f = tc_field_by_number(f->message, 2);
    if (f->message && f->message->wkt == TC_WKT_WRAPPER)
        f = &f->message->fields[0];
    return f->type == TC_BYTES ? f : NULL;
}

/* Bytes as they are, behind their length; of a BytesValue that of the message comes first. */
static bool put_raw(struct buf *out, const struct tc_field *f, struct str bytes)
{
    if (!f->message)
        return tc_put_varint(out, bytes.n) && buf_add(out, bytes);
    if (!bytes.n)
        return tc_put_varint(out, 0);
    return tc_put_varint(out, 1 + tc_varint_size(bytes.n) + bytes.n) && tc_put_bytes(out, 1, bytes);
}

/* Appends the value of `f` without its key. */
static enum tc_status put_value(struct tc_binding *b, const struct bind_target *t, struct buf *out,
                                const struct tc_field *f, struct str value)
{
    char why[TC_ERROR_TEXT_MAX + 2] = ": ";

    if (t->raw && tc_bind_bytes_of(f))
        return put_raw(out, f, value) ? TC_OK : no_memory(b);
    if (f->type == TC_ENUM)
        value = tc_enum_full_name(f->enumeration, value, b->enum_names);
    enum tc_status status = tc_value_text(out, f, value, TC_TEXT_PARAMETER, why + 2);
    if (status == TC_INVALID)
        return refuse(b, t, why);
    return status == TC_OK ? TC_OK : no_memory(b);
}

/* An upper-case letter of a FieldMask becomes two bytes, each path gets a key and a length: at most
 * four bytes for one. The rest is for keys, lengths and numbers. */
static void raise_ceiling(struct buf *out, struct str value)
{
    out->max = out->n + 4 * value.n + 64;
}

static enum tc_status put_field(struct tc_binding *b, const struct bind_target *t, struct buf *out,
                                const struct tc_field *f, struct str value)
{
    raise_ceiling(out, value);
    if (!tc_put_key(out, f->number, tc_wire_type_of((enum tc_type)f->type)))
        return no_memory(b);
    return put_value(b, t, out, f, value);
}

/* Packed elements stand behind one key and one length, which grows with them. */
static enum tc_status put_packed(struct tc_binding *b, const struct bind_target *t, struct buf *out,
                                 const struct tc_field *f, struct str value)
{
    size_t head = f->tag_len, size = 0;

    raise_ceiling(out, value);
    if (out->n == 0 && !(buf_add(out, str_of(f->tag, head)) && buf_add_char(out, '\0')))
        return no_memory(b);
    while ((unsigned char)out->p[head + size] >= 0x80)
        size++;
    size++;
    enum tc_status status = put_value(b, t, out, f, value);
    size_t content = out->n - head - size, grown = tc_varint_size(content);
    if (status != TC_OK)
        return status;
    if (!buf_reserve(out, grown - size))
        return no_memory(b);
    memmove(out->p + head + grown, out->p + head + size, content);
    out->n += grown - size;
    tc_varint_put(out->p + head, content);
    return TC_OK;
}

/* Without explicit presence a default value is not written, just as in a message that was set
 * field by field. */
static enum tc_status put_singular(struct tc_binding *b, const struct bind_target *t,
                                   struct buf *out, const struct tc_field *f, struct str value)
{
    enum tc_status status = put_field(b, t, out, f, value);

    if (status != TC_OK || f->flags & (TC_PRESENCE | TC_REQUIRED) || f->oneof >= 0 || f->message)
        return status;
    size_t i = tc_varint_size((uint64_t)f->number << 3);
    while (i < out->n && out->p[i] == '\0')
        i++;
    if (i == out->n)
        out->n = 0;
    return TC_OK;
}

/* A map takes each key once. */
static enum tc_status note_key(struct tc_binding *b, const struct bind_target *t, struct node *map,
                               struct str wire)
{
    uint32_t hash = str_hash(wire);

    for (const struct map_key *k = map->keys; k; k = k->next)
        if (k->hash == hash && str_eq(k->wire, wire))
            return refuse(b, t, " is given twice");
    struct map_key *key = arena_alloc(b->arena, sizeof *key);
    if (!key)
        return no_memory(b);
    *key = (struct map_key){map->keys, hash, arena_copy(b->arena, wire)};
    map->keys = key;
    return key->wire.p ? TC_OK : no_memory(b);
}

/* An entry of a map is a message of its key (field 1) and its value (field 2). */
static enum tc_status put_entry(struct tc_binding *b, const struct bind_target *t, struct node *map,
                                struct str value)
{
    const struct tc_field *field = map->bound.field;
    const struct tc_field *key = tc_field_by_number(field->message, 1);
    const struct tc_field *val = tc_field_by_number(field->message, 2);
    struct buf entry = BUF_NONE;

    enum tc_status status = put_field(b, t, &entry, key, t->key);
    if (status == TC_OK)
        status = note_key(b, t, map, buf_str(&entry));
    if (status == TC_OK)
        status = put_field(b, t, &entry, val, value);
    map->bound.wire.max = map->bound.wire.n + entry.n + 16;
    if (status == TC_OK && !tc_put_bytes(&map->bound.wire, field->number, buf_str(&entry)))
        status = no_memory(b);
    buf_release(&entry);
    return status;
}

/* The path has the last word: a query may only repeat what it said. */
static enum tc_status compare(struct tc_binding *b, const struct bind_target *t,
                              const struct tc_bound *leaf, struct str value)
{
    struct buf again = BUF_NONE;
    enum tc_status status = put_singular(b, t, &again, leaf->field, value);

    if (status == TC_OK && !str_eq(buf_str(&again), buf_str(&leaf->wire)))
        status = refuse(b, t, " differs from the value in the path, which decides");
    buf_release(&again);
    return status;
}

static enum tc_status set_leaf(struct tc_binding *b, const struct bind_target *t,
                               struct tc_bound *leaf, struct str value)
{
    struct node *node = (struct node *)leaf;
    const struct tc_field *f = leaf->field;

    if (f->flags & TC_MAP)
        return put_entry(b, t, node, value);
    if (f->flags & TC_PACKED)
        return put_packed(b, t, &leaf->wire, f, value);
    if (f->flags & TC_REPEATED)
        return put_field(b, t, &leaf->wire, f, value);
    if (node->set && leaf->from_path) {
        leaf->repeated = true;
        return compare(b, t, leaf, value);
    }
    if (node->set)
        return refuse(b, t, " is given twice, but its field is not repeated");
    node->set = true;
    leaf->from_path = t->from_path;
    return put_singular(b, t, &leaf->wire, f, value);
}

/* Whether the target can be set by one text at all. */
static enum tc_status judge(struct tc_binding *b, const struct bind_target *t)
{
    const struct tc_field *f = t->fields[t->n - 1];
    const struct tc_field *value = f->flags & TC_MAP ? tc_field_by_number(f->message, 2) : f;

    if (f->flags & TC_MAP && !t->key.p)
        return refuse(b, t, " is a map: write name[key]=value");
    if (!(f->flags & TC_MAP) && t->key.p)
        return refuse(b, t, " is no map: it takes no [key]");
    if (value->message && !has_text_form(value->message))
        return refuse(
            b, t,
            " is a message and cannot be set by one value; set its fields (name.field=value) "
            "or send it in a body");
    return TC_OK;
}

/* Makes the nodes down to the leaf. */
static enum tc_status reach(struct tc_binding *b, const struct bind_target *t,
                            struct tc_bound **leaf)
{
    struct tc_bound **level = &b->root;

    for (size_t i = 0;; level = &(*level)->child) {
        enum tc_status status = enter(b, t, &level, t->fields[i]);
        if (status != TC_OK)
            return status;
        *leaf = *level;
        if (++i == t->n)
            return TC_OK;
        if (((struct node *)*leaf)->set)
            return refuse(b, t, " is part of a field that is set as a whole");
    }
}

enum tc_status tc_bind_value(struct tc_binding *b, const struct bind_target *t, struct str value)
{
    struct tc_bound *leaf;
    enum tc_status status = judge(b, t);

    if (status == TC_OK)
        status = reach(b, t, &leaf);
    return status == TC_OK ? set_leaf(b, t, leaf, value) : status;
}

enum tc_status tc_bind_raw(struct tc_binding *b, const struct bind_target *t, struct buf **wire)
{
    struct tc_bound *leaf;
    enum tc_status status = reach(b, t, &leaf);

    if (status != TC_OK)
        return status;
    struct node *node = (struct node *)leaf;
    if (leaf->child)
        return refuse(b, t, " is set in part already");
    if (node->set)
        return refuse(b, t,
                      leaf->from_path ? " is set by the path, which decides"
                                      : " is given twice, but its field is not repeated");
    node->set = !(leaf->field->flags & TC_REPEATED);
    leaf->wire.max = SIZE_MAX / 2;
    *wire = &leaf->wire;
    return TC_OK;
}

static struct str path_name(struct tc_binding *b, const struct tc_field_path *path)
{
    struct str name = STR("");

    for (uint16_t i = 0; i < path->n && name.p; i++)
        name = arena_printf(b->arena, "%.*s%s%.*s", STR_ARG(name), i ? "." : "",
                            STR_ARG(path->fields[i]->name));
    return name;
}

enum tc_status tc_bind_path(struct tc_binding *b, const struct tc_field_path *path,
                            struct str value)
{
    struct bind_target t = {.fields = path->fields,
                            .n = path->n,
                            .what = "path variable",
                            .name = path_name(b, path),
                            .offset = TC_NO_OFFSET,
                            .from_path = true};

    if (!t.name.p)
        return no_memory(b);
    return tc_bind_value(b, &t, value);
}

/* ---- writing ---- */

static size_t level_size(const struct tc_bound *first);

static size_t node_size(const struct tc_bound *n, size_t content)
{
    if (!n->child)
        return n->wire.n;
    size_t tag = n->field->tag_len;
    return n->field->type == TC_GROUP ? content + 2 * tag : content + tag + tc_varint_size(content);
}

static size_t level_size(const struct tc_bound *first)
{
    size_t size = 0;

    for (const struct tc_bound *n = first; n; n = n->next)
        size += node_size(n, level_size(n->child));
    return size;
}

static bool write_level(const struct tc_bound *first, struct buf *out)
{
    bool ok = true;

    for (const struct tc_bound *n = first; n && ok; n = n->next) {
        bool group = n->field->type == TC_GROUP;
        if (!n->child) {
            ok = buf_add(out, buf_str(&n->wire));
            continue;
        }
        ok = buf_add(out, str_of(n->field->tag, n->field->tag_len)) &&
             (group || tc_put_varint(out, level_size(n->child))) && write_level(n->child, out) &&
             (!group || tc_put_key(out, n->field->number, TC_EGROUP));
    }
    return ok;
}

enum tc_status tc_binding_write(const struct tc_binding *b, struct buf *out)
{
    size_t size = level_size(b->root), before = out->n;

    if (size > buf_room(out))
        return TC_LIMIT;
    if (buf_reserve(out, size) && write_level(b->root, out))
        return TC_OK;
    out->n = before;
    return TC_NOMEM;
}

/* ---- paths ---- */

bool tc_field_path_resolve(const struct tc_message *m, struct str text, struct arena *arena,
                           struct tc_field_path *out, size_t *n_ok)
{
    size_t parts = 1;

    for (size_t i = 0; i < text.n; i++)
        parts += text.p[i] == '.';
    const struct tc_field **fields = parts <= BIND_DEPTH_MAX
                                         ? arena_array(arena, parts, sizeof(struct tc_field *))
                                         : NULL;
    *n_ok = 0;
    while (fields && text.p) {
        const struct tc_field *f = m ? tc_field_by_name(m, str_cut(&text, '.')) : NULL;
        if (!f || (text.p && (!f->message || f->flags & TC_REPEATED)))
            return false;
        fields[(*n_ok)++] = f;
        m = f->message;
    }
    *out = (struct tc_field_path){fields, (uint16_t)*n_ok};
    return fields && *n_ok == parts;
}
