#include "gateway/upstream/redis_wire.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "transcoder/number.h"

enum { COUNT_MAX = TC_NUMBER_TEXT_MAX + 3 };

/* "*12\r\n", "$12\r\n"; COUNT_MAX bytes are there. Behind it. */
static char *print_count(char *to, char kind, uint64_t n)
{
    *to++ = kind;
    if (n < 10)
        *to++ = (char)('0' + n);
    else
        to += tc_print_uint64(to, n);
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

bool redis_put_command(struct buf *out, uint32_t arguments)
{
    char *at = buf_reserve(out, COUNT_MAX);
    if (!at)
        return false;
    out->n += (size_t)(print_count(at, '*', arguments) - at);
    return true;
}

bool redis_put(struct buf *out, struct str argument)
{
    char *at = argument.n < SIZE_MAX / 2 ? buf_reserve(out, COUNT_MAX + argument.n + 2) : NULL;
    if (!at)
        return false;
    char *to = print_count(at, '$', argument.n);
    if (argument.n)
        memcpy(to, argument.p, argument.n);
    memcpy(to + argument.n, "\r\n", 2);
    out->n += (size_t)(to - at) + argument.n + 2;
    return true;
}

bool redis_put_number(struct buf *out, uint64_t argument)
{
    char text[TC_NUMBER_TEXT_MAX];
    return redis_put(out, str_of(text, tc_print_uint64(text, argument)));
}

struct redis_parser {
    redisReader *reader;
    struct redis_reply reply; /* being filled */
    char text[REDIS_TEXT_MAX];
};

/* hiredis wants an object for everything it reads. Ours is the one flat reply; whatever does not
 * fit there is no object, which hiredis takes for want of memory and gives up. */
static struct redis_reply *target(const redisReadTask *task)
{
    struct redis_parser *p = task->privdata;
    return &p->reply;
}

static bool fits(const redisReadTask *task)
{
    return task->parent == NULL || (task->parent->parent == NULL && task->idx < REDIS_VALUES_MAX);
}

static void *put_value(const redisReadTask *task, int64_t value)
{
    struct redis_reply *r = target(task);
    if (!fits(task))
        return NULL;
    r->values[task->parent ? task->idx : 0] = value;
    r->n = task->parent ? (uint32_t)task->idx + 1 : 1;
    return r;
}

static void *put_error(struct redis_reply *r, const char *text, size_t n)
{
    if (n >= sizeof r->error)
        n = sizeof r->error - 1;
    memcpy(r->error, text, n);
    r->error[n] = '\0';
    r->status = REDIS_FAILED;
    return r;
}

/* hiredis gives what it has read away before it returns. */
static void *put_text(struct redis_parser *p, const char *text, size_t n)
{
    if (n > sizeof p->text)
        n = sizeof p->text;
    memcpy(p->text, text, n);
    p->reply.text = str_of(p->text, n);
    return &p->reply;
}

static void *on_string(const redisReadTask *task, char *text, size_t n)
{
    if (task->parent)
        return put_value(task, 0); /* no script of ours answers with texts inside */
    if (task->type == REDIS_REPLY_ERROR)
        return put_error(target(task), text, n);
    return put_text(task->privdata, text, n);
}

static void *on_array(const redisReadTask *task, int elements)
{
    return task->parent || elements > REDIS_VALUES_MAX ? NULL : target(task);
}

static void *on_integer(const redisReadTask *task, long long value)
{
    return put_value(task, value);
}

static void *on_nil(const redisReadTask *task)
{
    return put_value(task, 0);
}

static void on_free(void *object)
{
    (void)object;
}

static bool open_reader(struct redis_parser *p)
{
    static const redisReplyObjectFunctions functions = {on_string, on_array, on_integer, on_nil,
                                                        on_free};
    /* It is only read, though hiredis does not say so. */
    p->reader = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)(uintptr_t)&functions);
    if (p->reader)
        p->reader->privdata = p;
    return p->reader != NULL;
}

struct redis_parser *redis_parser_new(void)
{
    struct redis_parser *p = calloc(1, sizeof *p); /* breach: one per client, at its start */
    if (p && !open_reader(p)) {
        free(p);
        return NULL;
    }
    return p;
}

void redis_parser_free(struct redis_parser *p)
{
    if (!p)
        return;
    if (p->reader)
        redisReaderFree(p->reader);
    free(p);
}

bool redis_parser_reset(struct redis_parser *p)
{
    if (p->reader)
        redisReaderFree(p->reader);
    memset(&p->reply, 0, sizeof p->reply);
    return open_reader(p);
}

bool redis_parser_feed(struct redis_parser *p, struct str bytes)
{
    return p->reader && p->reader->len - p->reader->pos + bytes.n <= REDIS_UNREAD_MAX &&
           redisReaderFeed(p->reader, bytes.p, bytes.n) == REDIS_OK;
}

/* Replies are small and the room for them is not: only what was said is copied. */
static void hand_out(struct redis_parser *p, struct redis_reply *out)
{
    struct redis_reply *r = &p->reply;
    out->status = r->status;
    out->n = r->n;
    out->text = r->text;
    memcpy(out->values, r->values, r->n * sizeof *r->values);
    memcpy(out->error, r->error, strnlen(r->error, sizeof r->error - 1) + 1);
    r->status = REDIS_REPLIED;
    r->n = 0;
    r->text = STR_NONE;
    r->error[0] = '\0';
}

enum redis_parsed redis_parser_next(struct redis_parser *p, struct redis_reply *out)
{
    void *object = NULL;
    if (!p->reader || redisReaderGetReply(p->reader, &object) != REDIS_OK)
        return REDIS_GARBAGE;
    if (!object)
        return REDIS_MORE;
    hand_out(p, out);
    return REDIS_PARSED;
}
