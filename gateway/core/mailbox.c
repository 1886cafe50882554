#include "gateway/core/mailbox.h"

#include <stdlib.h>

/* One at a time: what is read may close the mailbox, and the rest is dropped then. */
static struct mail *take(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    struct mail *mail = m->first;
    if (mail)
        m->first = mail->next;
    if (!m->first)
        m->tail = &m->first;
    pthread_mutex_unlock(&m->lock);
    return mail;
}

static void on_async(uv_async_t *async)
{
    struct mailbox *m = async->data;
    struct mail *mail;
    while ((mail = take(m))) {
        m->read(m->ctx, mail->kind, mail->body);
        free(mail);
    }
}

bool mailbox_init(struct mailbox *m, uv_loop_t *loop, void (*read)(void *ctx, int kind, void *body),
                  void *ctx)
{
    *m = (struct mailbox){.read = read, .ctx = ctx};
    pthread_mutex_init(&m->lock, NULL);
    m->tail = &m->first;
    m->async.data = m;
    return uv_async_init(loop, &m->async, on_async) == 0;
}

bool mailbox_post(struct mailbox *m, int kind, void *body)
{
    struct mail *mail = malloc(sizeof *mail);
    if (!mail)
        return false;
    *mail = (struct mail){.kind = kind, .body = body};
    pthread_mutex_lock(&m->lock);
    bool open = !m->closed;
    if (open) {
        *m->tail = mail;
        m->tail = &mail->next;
        uv_async_send(&m->async);
    }
    pthread_mutex_unlock(&m->lock);
    if (!open)
        free(mail);
    return open;
}

void mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_mutex_unlock(&m->lock);
    struct mail *mail;
    while ((mail = take(m)))
        free(mail);
    uv_close((uv_handle_t *)&m->async, NULL);
}
