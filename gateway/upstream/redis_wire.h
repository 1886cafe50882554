/* Redis' protocol (RESP2), as much of it as scripts need: commands out, flat replies in. hiredis
 * reads; what it makes of a reply is bounded here, because a server may send anything: an array has
 * at most REDIS_VALUES_MAX elements and no array inside, a text is cut at REDIS_TEXT_MAX, nothing
 * is allocated for a reply, and no more than REDIS_UNREAD_MAX bytes wait for their end. */
#pragma once

#include "gateway/core/redis.h"
#include "transcoder/buf.h"

enum { REDIS_UNREAD_MAX = 64 << 10 };

/* "*n" and then n arguments. False: out of memory, or the buffer's ceiling. */
bool redis_put_command(struct buf *out, uint32_t arguments);
bool redis_put(struct buf *out, struct str argument);
bool redis_put_number(struct buf *out, uint64_t argument);

struct redis_parser;

enum redis_parsed { REDIS_PARSED, REDIS_MORE, REDIS_GARBAGE };

/* NULL: out of memory. */
struct redis_parser *redis_parser_new(void);
void redis_parser_free(struct redis_parser *p);
/* Forgets what was fed: a new connection begins. False: out of memory. */
bool redis_parser_reset(struct redis_parser *p);
bool redis_parser_feed(struct redis_parser *p, struct str bytes);
/* The next reply. REDIS_PARSED: *out has status REDIS_REPLIED or REDIS_FAILED; its text ("OK", a
 * script's sha) is the parser's and lives until the next call. REDIS_GARBAGE: not the protocol, or
 * past a bound; nothing more can be read. */
enum redis_parsed redis_parser_next(struct redis_parser *p, struct redis_reply *out);
