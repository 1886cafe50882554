#include "transcoder/form.h"

#include "transcoder/bind_internal.h"
#include "transcoder/http_body.h"
#include "transcoder/mime.h"

enum { SEARCH_MAX = 64, DEPTH = 32 };

/* What becomes of the part at hand. */
enum fate { FATE_TEXT, FATE_RAW, FATE_SKIP };

struct tc_form {
    struct tc_multipart parts;
    struct tc_binding *binding;
    struct tc_form_spec spec;
    struct bind_name name;
    struct bind_target target;
    enum fate fate;
    struct buf text;
    struct tc_raw raw;
    size_t max_depth;
};

/* ---- where files can go ---- */

/* Whose bytes are put where they belong as they come. */
static bool is_file_field(const struct tc_field *f)
{
    return tc_raw_takes(f) && !(f->flags & TC_MAP);
}

static bool noted(const struct tc_message *const *seen, size_t n, const struct tc_message *m)
{
    while (n > 0 && seen[n - 1] != m)
        n--;
    return n > 0;
}

bool tc_form_takes_files(const struct tc_message *m)
{
    const struct tc_message *seen[SEARCH_MAX] = {m};
    size_t n = 1;

    for (size_t i = 0; i < n; i++)
        for (uint16_t j = 0; j < seen[i]->nfields; j++) {
            const struct tc_field *f = &seen[i]->fields[j];
            if (is_file_field(f) || tc_bind_bytes_of(f))
                return true;
            if (tc_bind_may_enter(f) && n < SEARCH_MAX && !noted(seen, n, f->message))
                seen[n++] = f->message;
        }
    return false;
}

/* ---- a part begins ---- */

struct tc_form *tc_form_new(const struct tc_form_spec *spec, struct tc_binding *binding,
                            struct str content_type)
{
    struct tc_form *f = arena_alloc(binding->arena, sizeof *f);

    if (!f) {
        tc_fail(binding->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
        return NULL;
    }
    f->binding = binding;
    f->spec = *spec;
    f->max_depth = spec->max_depth ? spec->max_depth : DEPTH;
    if (f->max_depth > BIND_DEPTH_MAX)
        f->max_depth = BIND_DEPTH_MAX;
    buf_init(&f->text, SIZE_MAX / 2);
    enum tc_status st = tc_multipart_init(&f->parts, content_type, binding->arena, binding->error);
    return st == TC_OK ? f : NULL;
}

void tc_form_release(struct tc_form *f)
{
    if (f)
        buf_release(&f->text);
}

/* Finds the field; *known says whether there is one. */
static const struct tc_field *find_field(struct tc_form *f)
{
    struct bind_name *n = &f->name;
    const struct tc_message *m = f->binding->message;

    n->name = n->rest = f->parts.part.name;
    n->key = STR_NONE;
    n->n = 0;
    if (f->spec.field) {
        n->fields[n->n++] = f->spec.field;
        m = f->spec.field->message;
    }
    bool known = tc_bind_resolve(n, m, f->max_depth);
    f->target = (struct bind_target){.fields = n->fields,
                                     .n = n->n,
                                     .key = n->key,
                                     .what = "form part",
                                     .name = n->name,
                                     .offset = f->parts.part.offset};
    return known ? n->fields[n->n - 1] : NULL;
}

static bool is_text(struct str type)
{
    struct str rest = type;

    type = tc_mime_type(&rest);
    type.n = type.n < 5 ? type.n : 5;
    return type.n == 0 || str_eq_nocase(type, STR("text/"));
}

/* RFC 7578 4.6: text that says it is something else than UTF-8 would be taken for what it is not.
 */
static bool is_utf8(struct str type)
{
    struct tc_mime_param p;
    enum tc_status st;

    tc_mime_type(&type);
    while ((st = tc_mime_param(&type, &p)) == TC_OK)
        if (str_eq_nocase(p.name, STR("charset")) && !str_eq_nocase(p.value, STR("utf-8")) &&
            !str_eq_nocase(p.value, STR("us-ascii")))
            return false;
    return st == TC_MORE;
}

static enum tc_status refuse(struct tc_form *f, const char *why)
{
    return tc_bind_unknown(f->binding, &f->target, why, STR(""));
}

static enum tc_status begin_text(struct tc_form *f, const struct tc_field *field)
{
    const struct tc_part *part = &f->parts.part;

    f->target.raw = tc_bind_bytes_of(field) != NULL;
    if (field->message && !f->target.raw && (part->is_file || !is_text(part->content_type)))
        return refuse(f, "is a file: only bytes and google.api.HttpBody fields take one");
    if (!f->target.raw && !is_utf8(part->content_type))
        return refuse(f, "is text of another charset than UTF-8");
    f->fate = FATE_TEXT;
    f->text.n = 0;
    return TC_OK;
}

static enum tc_status begin_raw(struct tc_form *f, const struct tc_field *field)
{
    struct str type = f->parts.part.content_type;

    f->fate = FATE_RAW;
    f->raw = (struct tc_raw){.field = field};
    if (field->type != TC_BYTES)
        f->raw.content_type = type.n ? type : STR("text/plain");
    enum tc_status st = tc_bind_raw(f->binding, &f->target, &f->raw.out);
    return st == TC_OK ? tc_raw_begin(&f->raw, 0) : st;
}

static enum tc_status on_begin(struct tc_form *f)
{
    const struct tc_field *field = find_field(f);

    f->fate = FATE_SKIP;
    if (f->name.too_deep)
        return tc_bind_too_deep(f->binding, &f->target, f->max_depth);
    if (!field && f->spec.ignore_unknown)
        return TC_OK;
    if (!field)
        return tc_bind_unknown(
            f->binding, &f->target, "is unknown: there is no such field in ",
            (f->spec.field ? f->spec.field->message : f->binding->message)->full_name);
    bool raw = is_file_field(field) && !f->target.key.p;
    return raw ? begin_raw(f, field) : begin_text(f, field);
}

/* ---- its bytes and its end ---- */

static enum tc_status on_data(struct tc_form *f, struct str data)
{
    struct buf *to = f->fate == FATE_RAW ? f->raw.out : &f->text;

    if (f->fate == FATE_SKIP || buf_add(to, data))
        return TC_OK;
    return tc_fail(f->binding->error, TC_NOMEM, TC_NO_OFFSET, "", "out of memory");
}

static enum tc_status on_end(struct tc_form *f)
{
    enum tc_status st = TC_OK;

    f->target.offset = f->parts.part.data_offset;
    if (f->fate == FATE_TEXT)
        return tc_bind_value(f->binding, &f->target, buf_str(&f->text));
    if (f->fate == FATE_RAW)
        st = tc_raw_end(&f->raw);
    if (st != TC_OK)
        tc_fail(f->binding->error, st, TC_NO_OFFSET, "", "out of memory");
    return st;
}

enum tc_status tc_form_feed(struct tc_form *f, struct str bytes)
{
    enum tc_status st = TC_OK;
    struct str data;

    while (st == TC_OK) {
        switch (tc_multipart_next(&f->parts, &bytes, &data)) {
        case TC_PART_MORE: return TC_MORE;
        case TC_PART_BEGIN: st = on_begin(f); break;
        case TC_PART_DATA: st = on_data(f, data); break;
        case TC_PART_END: st = on_end(f); break;
        case TC_PART_BAD: st = TC_INVALID; break;
        }
    }
    return st;
}

enum tc_status tc_form_finish(struct tc_form *f)
{
    return tc_multipart_finish(&f->parts);
}
