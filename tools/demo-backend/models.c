#include "tools/demo-backend/models.h"

#include <pthread.h>
#include <stdlib.h>

#include "gen/demo/v1/text_generation.postern.h"
#include "stubs/message.h"

enum { MODELS_MAX = 16, MODEL_MAX = 1 << 20, SHA256 = 32, CREATED = 1700000000, DAY = 86400 };

/* Models are kept as bytes: every reader has a copy of its own, whatever others change. */
struct models {
    pthread_mutex_t lock; /* guards all below: handlers run on several threads and a message between
                             them would be more to read */
    struct entry {
        char name[64];
        struct buf bytes;
    } list[MODELS_MAX];
    size_t n;
};

struct seed {
    const char *name, *display, *family, *size;
    Demo__V1__Model__State state;
    int32_t context;
    int64_t parameters;
    const char *quantized;
};

#define STATE(s) DEMO__V1__MODEL__STATE__##s
/* In order of their names. */
static const struct seed seeds[] = {
    {"base", "Base", "base", "1.3B", STATE(READY), 4096, 1300000000, "false"},
    {"broken", "Broken", "base", "1.3B", STATE(FAILED), 4096, 1300000000, "false"},
    {"large", "Large", "base", "70B", STATE(LOADING), 131072, 70000000000, "false"},
    {"llama:7b", "Llama 7B", "llama", "7B", STATE(READY), 8192, 7000000000, "true"},
    {"tiny", "Tiny", "tiny", "15M", STATE(READY), 512, 15000000, "true"},
};
enum { SEEDS = sizeof seeds / sizeof *seeds };

static struct entry *find(struct models *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(str_c(m->list[i].name), str_c(name)))
            return &m->list[i];
    return NULL;
}

static bool store(struct entry *e, const Demo__V1__Model *model)
{
    e->bytes.n = 0;
    return message_pack(&e->bytes, &model->base);
}

static bool plant(struct entry *e, const struct seed *s, size_t i)
{
    uint8_t checksum[SHA256];
    for (size_t k = 0; k < SHA256; k++)
        checksum[k] = (uint8_t)(k * 7 + i * 31 + 0x80);
    Google__Protobuf__Timestamp created = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    created.seconds = CREATED + (int64_t)i * DAY;
    created.nanos = (int32_t)(i % 4) * 250000000;
    Google__Protobuf__Duration timeout = GOOGLE__PROTOBUF__DURATION__INIT;
    timeout.seconds = 30;
    Demo__V1__Model__Limits limits = DEMO__V1__MODEL__LIMITS__INIT;
    limits.max_tokens = s->context / 4;
    limits.requests_per_minute = 600;
    limits.timeout = &timeout;
    Demo__V1__Model__LabelsEntry labels[2], *list[2] = {&labels[0], &labels[1]};
    const char *texts[2][2] = {{"quantized", s->quantized}, {"size", s->size}};
    for (size_t k = 0; k < 2; k++) {
        demo__v1__model__labels_entry__init(&labels[k]);
        labels[k].key = (char *)(uintptr_t)texts[k][0];
        labels[k].value = (char *)(uintptr_t)texts[k][1];
    }
    Demo__V1__Model m = DEMO__V1__MODEL__INIT;
    m.name = (char *)(uintptr_t)s->name;
    m.display_name = (char *)(uintptr_t)s->display;
    m.family = (char *)(uintptr_t)s->family;
    m.state = s->state;
    m.context_length = s->context;
    m.parameter_count = s->parameters;
    m.checksum = (ProtobufCBinaryData){SHA256, checksum};
    m.create_time = &created;
    m.labels = list;
    m.n_labels = 2;
    m.limits = &limits;
    struct str name = str_c(s->name);
    memcpy(e->name, name.p, name.n < sizeof e->name ? name.n : sizeof e->name - 1);
    buf_init(&e->bytes, MODEL_MAX);
    return store(e, &m);
}

struct models *models_new(void)
{
    struct models *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    pthread_mutex_init(&m->lock, NULL);
    for (; m->n < SEEDS; m->n++)
        if (!plant(&m->list[m->n], &seeds[m->n], m->n)) {
            models_free(m);
            return NULL;
        }
    return m;
}

void models_free(struct models *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < MODELS_MAX; i++)
        buf_release(&m->list[i].bytes);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static Demo__V1__Model *copy(const struct entry *e, struct arena *arena)
{
    static const struct str type = STR_INIT("demo.v1.Model");
    return (Demo__V1__Model *)message_unpack(
        tc_schema_message(&postern_schema_demo_v1_text_generation, type),
        &demo__v1__model__descriptor, str_of(e->bytes.p, e->bytes.n), arena, NULL);
}

Demo__V1__Model *models_get(struct models *m, const char *name, struct arena *arena)
{
    pthread_mutex_lock(&m->lock);
    const struct entry *e = find(m, name);
    Demo__V1__Model *model = e ? copy(e, arena) : NULL;
    pthread_mutex_unlock(&m->lock);
    return model;
}

size_t models_all(struct models *m, struct arena *arena, Demo__V1__Model ***list)
{
    pthread_mutex_lock(&m->lock);
    size_t n = 0;
    *list = arena_array(arena, m->n, sizeof(void *));
    for (size_t i = 0; *list && i < m->n; i++) {
        (*list)[n] = copy(&m->list[i], arena);
        n += (*list)[n] != NULL;
    }
    pthread_mutex_unlock(&m->lock);
    return n;
}

bool models_put(struct models *m, const Demo__V1__Model *model)
{
    pthread_mutex_lock(&m->lock);
    struct entry *e = find(m, model->name);
    bool ok = e && store(e, model);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

bool models_delete(struct models *m, const char *name)
{
    pthread_mutex_lock(&m->lock);
    struct entry *e = find(m, name);
    if (e) {
        buf_release(&e->bytes);
        for (struct entry *next = e + 1; next < m->list + m->n; next++)
            next[-1] = *next;
        m->list[--m->n] = (struct entry){0};
    }
    pthread_mutex_unlock(&m->lock);
    return e != NULL;
}
