/* multipart/form-data (RFC 7578, RFC 2046 5.1), read in pieces of any size, cut at any byte.
 *
 *     struct tc_multipart m;
 *     st = tc_multipart_init(&m, content_type, &arena, &error);
 *     for (each piece)
 *         while ((event = tc_multipart_next(&m, &piece, &data)) != TC_PART_MORE)
 *             ... TC_PART_BEGIN: m.part; TC_PART_DATA: data; TC_PART_END; TC_PART_BAD: error says
 * where st = tc_multipart_finish(&m);                     // the closing delimiter must have come
 *
 * Strict: a delimiter is CRLF, two hyphens and the boundary; what stands behind it on its line is
 * white space or "--". Each part has one Content-Disposition: form-data with a name, at most one
 * Content-Type, and no Content-Transfer-Encoding that would change bytes; headers are not folded,
 * lines end with CRLF. Preamble and epilogue are passed over, as RFC 2046 asks. Data is never
 * copied: slices are of the piece, or of the boundary where a delimiter had only begun. Memory: a
 * part's head. */
#pragma once

#include "transcoder/arena.h"
#include "transcoder/error.h"

enum {
    TC_MULTIPART_BOUNDARY_MAX = 70,  /* RFC 2046 5.1.1 */
    TC_MULTIPART_HEAD_MAX = 4 << 10, /* bytes of one part's header lines */
    TC_MULTIPART_PARTS_MAX = 1000,
};

struct tc_part {
    struct str name;         /* UTF-8, without control characters, not empty */
    struct str content_type; /* as sent, printable ASCII; empty when there was none */
    bool is_file;            /* it has a filename */
    size_t offset;           /* byte of the body where its head begins */
    size_t data_offset;      /* and where its data begin */
};

struct tc_multipart {
    struct tc_error *error;
    struct tc_part part; /* valid from BEGIN to END; slices of `head` */
    size_t offset;       /* bytes of the body consumed */
    uint32_t parts;
    uint8_t state;
    bool after_cr;                    /* of the line behind a delimiter */
    size_t matched, assumed;          /* bytes of the delimiter; how many of them are not data */
    size_t delimiter_n, head_n, line; /* line: where the header line being read begins */
    char *head;
    char delimiter[4 + TC_MULTIPART_BOUNDARY_MAX];
};

/* True for "multipart/form-data", whatever its parameters. */
bool tc_multipart_is(struct str content_type);
/* TC_INVALID when the boundary is missing or not one by RFC 2046; TC_NOMEM. */
enum tc_status tc_multipart_init(struct tc_multipart *m, struct str content_type,
                                 struct arena *arena, struct tc_error *error);

enum tc_part_event { TC_PART_MORE, TC_PART_BEGIN, TC_PART_DATA, TC_PART_END, TC_PART_BAD };

/* Consumes from *in up to the next event. MORE: all of it. BAD is final. */
enum tc_part_event tc_multipart_next(struct tc_multipart *m, struct str *in, struct str *data);
/* TC_OK behind the closing delimiter; else TC_INVALID. */
enum tc_status tc_multipart_finish(struct tc_multipart *m);
