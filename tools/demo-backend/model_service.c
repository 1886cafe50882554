#include "tools/demo-backend/fields.h"
#include "tools/demo-backend/text_generation.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 1000, PERCENT = 100 };

static void no_model(struct server_call *c, const char *name)
{
    reply_reason(c, TC_CODE_NOT_FOUND, "MODEL_NOT_FOUND", "model", name, "no model '%s' here",
                 name);
}

void get_model(struct server_call *c, const Demo__V1__GetModelRequest *request)
{
    Demo__V1__Model *m = models_get(demo_of(c)->models, request->name, server_call_arena(c));
    if (m)
        demo__v1__text_generation__get_model__reply(c, m);
    else
        no_model(c, request->name);
}

/* --- ListModels --- */

static const char *label_of(const Demo__V1__Model *m, const char *key)
{
    for (size_t i = 0; i < m->n_labels; i++)
        if (str_eq(str_c(m->labels[i]->key), str_c(key)))
            return m->labels[i]->value;
    return "";
}

static bool in_family(const Demo__V1__ListModelsRequest *r, const Demo__V1__Model *m)
{
    for (size_t i = 0; i < r->n_family; i++)
        if (str_eq(str_c(r->family[i]), str_c(m->family)))
            return true;
    return r->n_family == 0;
}

/* A model costs one cent per 100 million parameters and million tokens. */
static double price_of(const Demo__V1__Model *m)
{
    return (double)m->parameter_count / 1e8 / PERCENT;
}

static bool passes(const Demo__V1__ModelFilter *f, const Demo__V1__Model *m)
{
    return !f || (m->context_length >= f->min_context_length &&
                  m->parameter_count >= f->min_parameter_count &&
                  (f->max_price == 0 || price_of(m) <= f->max_price) &&
                  str_starts(str_c(m->name), str_c(f->name_prefix)));
}

static bool is_after(const Google__Protobuf__Timestamp *t, const Google__Protobuf__Timestamp *least)
{
    if (!least || !t)
        return !least;
    return t->seconds != least->seconds ? t->seconds > least->seconds : t->nanos > least->nanos;
}

static bool is_wanted(const Demo__V1__ListModelsRequest *r, const Demo__V1__Model *m)
{
    if (r->state != DEMO__V1__MODEL__STATE__STATE_UNSPECIFIED && r->state != m->state)
        return false;
    bool quantized = str_eq(str_c(label_of(m, "quantized")), STR("true"));
    if (r->_quantized_case == DEMO__V1__LIST_MODELS_REQUEST___QUANTIZED_QUANTIZED &&
        (bool)r->quantized != quantized)
        return false;
    return in_family(r, m) && passes(r->filter, m) && is_after(m->create_time, r->created_after);
}

/* Leaves the fields that the mask names. */
static void apply_read_mask(Demo__V1__Model *m, const Google__Protobuf__FieldMask *mask)
{
    const ProtobufCMessageDescriptor *d = &demo__v1__model__descriptor;
    for (unsigned i = 0; i < d->n_fields; i++) {
        bool named = false;
        for (size_t k = 0; k < mask->n_paths; k++)
            named |= field_of_path(d, str_c(mask->paths[k])) == &d->fields[i];
        if (!named)
            field_clear(&m->base, &d->fields[i]);
    }
}

/* NULL when all paths are fields of a model. */
static const char *unknown_path(const Google__Protobuf__FieldMask *mask)
{
    for (size_t i = 0; mask && i < mask->n_paths; i++)
        if (!field_of_path(&demo__v1__model__descriptor, str_c(mask->paths[i])))
            return mask->paths[i];
    return NULL;
}

static bool check_list(struct server_call *c, const Demo__V1__ListModelsRequest *r, uint64_t *first)
{
    const char *unknown = unknown_path(r->read_mask);
    if (r->page_size < 0)
        reply_bad_field(c, "pageSize", "must not be negative");
    else if (r->page_token[0] && !str_to_u64(str_c(r->page_token), UINT32_MAX, first))
        reply_bad_field(c, "pageToken", "is not one that this server gave");
    else if (unknown)
        reply_bad_field(c, "readMask", "a model has no field '%s'", unknown);
    else
        return true;
    return false;
}

void list_models(struct server_call *c, const Demo__V1__ListModelsRequest *request)
{
    struct arena *a = server_call_arena(c);
    uint64_t first = 0;
    Demo__V1__Model **all = NULL;
    if (!check_list(c, request, &first))
        return;
    size_t n = models_all(demo_of(c)->models, a, &all), wanted = 0;
    for (size_t i = 0; i < n; i++)
        if (is_wanted(request, all[i]))
            all[wanted++] = all[i];
    size_t size = request->page_size ? (size_t)request->page_size : PAGE_DEFAULT;
    if (size > PAGE_MAX)
        size = PAGE_MAX;
    if (first > wanted)
        first = wanted;
    Demo__V1__ListModelsResponse r = DEMO__V1__LIST_MODELS_RESPONSE__INIT;
    r.total_size = (int32_t)wanted;
    r.n_models = wanted - first < size ? wanted - first : size;
    r.models = all ? all + first : NULL;
    if (first + r.n_models < wanted)
        r.next_page_token = text_in(a, "%zu", (size_t)first + r.n_models);
    for (size_t i = 0; request->read_mask && i < r.n_models; i++)
        apply_read_mask(r.models[i], request->read_mask);
    demo__v1__text_generation__list_models__reply(c, &r);
}

/* --- UpdateModel --- */

static bool may_change(struct server_call *c, struct str path)
{
    static const char *const fixed[] = {"name", "create_time", "checksum", "parameter_count"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (str_eq(path, str_c(fixed[i]))) {
            reply_bad_field(c, "updateMask", "'%s' cannot be changed", fixed[i]);
            return false;
        }
    return true;
}

void update_model(struct server_call *c, const Demo__V1__UpdateModelRequest *request)
{
    const ProtobufCMessageDescriptor *d = &demo__v1__model__descriptor;
    const Google__Protobuf__FieldMask *mask = request->update_mask;
    const Demo__V1__Model *given = request->model;
    const char *name = given ? given->name : "";
    Demo__V1__Model *m = models_get(demo_of(c)->models, name, server_call_arena(c));
    const char *unknown = unknown_path(mask);
    if (!m || unknown) {
        if (m)
            reply_bad_field(c, "updateMask", "a model has no field '%s'", unknown);
        else
            no_model(c, name);
        return;
    }
    for (size_t i = 0; mask && i < mask->n_paths; i++) {
        if (!may_change(c, str_c(mask->paths[i])))
            return;
        field_copy(&m->base, &given->base, field_of_path(d, str_c(mask->paths[i])));
    }
    /* without a mask, whatever is there */
    for (unsigned i = 0; !mask && i < d->n_fields; i++)
        if (field_is_set(&given->base, &d->fields[i]))
            field_copy(&m->base, &given->base, &d->fields[i]);
    models_put(demo_of(c)->models, m);
    demo__v1__text_generation__update_model__reply(c, m);
}

void delete_model(struct server_call *c, const Demo__V1__DeleteModelRequest *request)
{
    struct models *models = demo_of(c)->models;
    const Demo__V1__Model *m = models_get(models, request->name, server_call_arena(c));
    if (m && m->state == DEMO__V1__MODEL__STATE__READY && !request->force) {
        reply_reason(c, TC_CODE_FAILED_PRECONDITION, "MODEL_IN_USE", "model", request->name,
                     "model '%s' is answering; force deletes it nevertheless", request->name);
    } else if (!models_delete(models, request->name)) {
        no_model(c, request->name);
    } else {
        Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
        demo__v1__text_generation__delete_model__reply(c, &empty);
    }
}
