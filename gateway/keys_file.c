#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/keys_internal.h"
#include "gateway/load_file.h"
#include "gateway/policy/auth_keys.h"

/* Keys in a file: it is locked beside itself, read whole, and replaced whole. */

enum { FILE_MAX = 64 << 20 };

/* The list as it stands in the file. */
struct file {
    struct keys_command *c;
    int lock;
    const struct expr_array *keys;
};

/* Behind links the file itself is meant: gateways that know it by another name read it too. */
static bool resolve(struct keys_command *c)
{
    char real[PATH_MAX];
    struct stat link;
    if (realpath(c->file, real)) {
        c->file = arena_copy(&c->arena, str_c(real)).p;
        return c->file != NULL;
    }
    if (errno == ENOENT && lstat(c->file, &link) != 0)
        return true; /* not there yet */
    KEYS_COMPLAIN("%s: %s%s\n", c->file, strerror(errno),
                  errno == ENOENT ? "; it is a link: make the file that it points to first" : "");
    return false;
}

static bool lock_file(struct file *f)
{
    if (!resolve(f->c))
        return false;
    struct str path = arena_printf(&f->c->arena, "%s.lock", f->c->file);
    f->lock = path.p ? open(path.p, O_CREAT | O_RDWR | O_CLOEXEC, 0600) : -1;
    if (f->lock >= 0 && flock(f->lock, LOCK_EX) == 0)
        return true;
    KEYS_COMPLAIN("%s.lock: %s\n", f->c->file, strerror(errno));
    return false;
}

static int unlock(struct file *f, int status)
{
    if (f->lock >= 0)
        close(f->lock);
    return status;
}

static const struct expr_array no_keys = {0};

static bool parse(struct file *f, struct str text)
{
    struct auth_keys checked;
    struct expr_value root;
    struct tc_error e = {0};
    if (!auth_keys_parse(text, STR("keys"), &checked, &e) ||
        !json_value_parse(text, &f->c->arena, &root, &e)) {
        KEYS_COMPLAIN("%s: %s%s%s\n", f->c->file, e.path, e.path[0] ? ": " : "", e.text);
        return false;
    }
    auth_keys_release(&checked);
    f->keys = (const struct expr_array *)json_member(&root, "keys").list;
    return true;
}

/* A file that is not there has no keys yet. */
static bool read_keys(struct file *f, bool must_exist)
{
    struct tc_faults faults;
    struct buf text;
    const char *path = f->c->file;
    f->keys = &no_keys;
    if (!must_exist && access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    tc_faults_init(&faults, &f->c->arena);
    bool ok = load_regular_file(path, FILE_MAX, &text, &faults);
    if (!ok && faults.first)
        KEYS_COMPLAIN("%s: %.*s\n", path, STR_ARG(faults.first->text));
    ok = ok && parse(f, buf_str(&text));
    buf_release(&text);
    return ok;
}

static bool write_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0)
            return false;
        s = str_skip(s, (size_t)n);
    }
    return fsync(fd) == 0;
}

/* Whoever could read the file that is replaced, as a gateway under its own user, still can. */
static bool keep_access(const char *path, int fd)
{
    struct stat before;
    if (stat(path, &before) != 0)
        return errno == ENOENT;
    return (fchown(fd, before.st_uid, before.st_gid) == 0 || errno == EPERM) &&
           fchmod(fd, before.st_mode & 0777) == 0;
}

static bool replace_file(struct keys_command *c, struct str text)
{
    struct str part = arena_printf(&c->arena, "%s.new", c->file);
    int fd = part.p ? open(part.p, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600) : -1;
    bool ok = fd >= 0 && keep_access(c->file, fd) && write_all(fd, text);
    if (fd >= 0)
        close(fd);
    if (ok && rename(part.p, c->file) == 0)
        return true;
    KEYS_COMPLAIN("%s: %s\n", c->file, strerror(errno));
    return false;
}

/* What a gateway would refuse must not take the place of what it reads. */
static bool is_read_back(const struct keys_command *c, struct str text)
{
    struct auth_keys keys;
    struct tc_error e = {0};
    if (auth_keys_parse(text, STR("keys"), &keys, &e)) {
        auth_keys_release(&keys);
        return true;
    }
    KEYS_COMPLAIN("%s is left as it is: gateways would not take it with this key: %s%s%s\n",
                  c->file, e.path, e.path[0] ? ": " : "", e.text);
    return false;
}

static int write_keys(struct keys_command *c, const struct expr_value *items, uint32_t n)
{
    struct buf out;
    buf_init(&out, FILE_MAX);
    bool ok = buf_add(&out, STR("{\"keys\": ["));
    for (uint32_t i = 0; i < n && ok; i++)
        ok = buf_add(&out, i ? STR(",\n  ") : STR("\n  ")) && json_value_print(&out, &items[i], 2);
    ok = ok && buf_add(&out, STR("\n]}\n"));
    ok = ok && is_read_back(c, buf_str(&out)) && replace_file(c, buf_str(&out));
    buf_release(&out);
    return ok ? KEYS_DONE : KEYS_FAILED;
}

static const struct expr_value *find(const struct file *f, struct str id)
{
    for (uint32_t i = 0; i < f->keys->n; i++)
        if (str_eq(json_text(&f->keys->items[i], "id"), id))
            return &f->keys->items[i];
    return NULL;
}

/* `fresh` in the place of `old`; old == NULL: behind all. */
static int change(struct file *f, const struct expr_value *old, const struct expr_value *fresh)
{
    uint32_t n = f->keys->n;
    struct expr_value *items = arena_array(&f->c->arena, (size_t)n + 1, sizeof *items);
    for (uint32_t i = 0; items && i < n; i++)
        items[i] = &f->keys->items[i] == old ? *fresh : f->keys->items[i];
    if (!items)
        return KEYS_FAILED;
    if (!old)
        items[n++] = *fresh;
    return write_keys(f->c, items, n);
}

static int add_key(struct keys_command *c, const struct expr_value *key)
{
    struct file f = {c, -1, NULL};
    int status = KEYS_FAILED;
    if (lock_file(&f) && read_keys(&f, false)) {
        if (find(&f, str_c(c->id)))
            KEYS_COMPLAIN("%s: there is a key \"%s\" already\n", c->file, c->id);
        else
            status = change(&f, NULL, key);
    }
    return unlock(&f, status);
}

static int list_keys(struct keys_command *c, void (*show)(const struct expr_value *key))
{
    struct file f = {c, -1, NULL};
    if (!read_keys(&f, true))
        return KEYS_FAILED;
    for (uint32_t i = 0; i < f.keys->n; i++)
        show(&f.keys->items[i]);
    return KEYS_DONE;
}

static int revoke_key(struct keys_command *c)
{
    struct file f = {c, -1, NULL};
    struct keys_object revoked;
    int status = KEYS_FAILED;
    if (lock_file(&f) && read_keys(&f, true)) {
        const struct expr_value *key = find(&f, str_c(c->id));
        struct expr_value fresh = key ? keys_object_revoked(&revoked, key) : expr_absent();
        if (key)
            status = change(&f, key, &fresh);
        else
            KEYS_COMPLAIN("%s: there is no key \"%s\"\n", c->file, c->id);
    }
    return unlock(&f, status);
}

const struct keys_store keys_file = {add_key, list_keys, revoke_key};
