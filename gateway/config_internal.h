/* The steps from a YAML text to a checked configuration:
 *
 *     YAML --config_yaml_load--> nodes --config_yaml_json--> JSON + places --encoder--> message
 *          --config_check--> the same with every default filled in, or faults
 *
 * A fault is one line of text and the place it belongs to. They are collected here and handed on in
 * the order of the file's lines. All memory is the arena's but the nodes (config_yaml_release). */
#pragma once

#include <yaml.h>

#include "gateway/config.h"

enum {
    CONFIG_FILE_MAX = 1 << 20,   /* bytes of YAML */
    CONFIG_JSON_MAX = 2 << 20,   /* bytes of JSON, aliases expanded */
    CONFIG_DEPTH_MAX = 32,       /* lists and mappings inside one another */
    CONFIG_VALUES_MAX = 1 << 16, /* members and elements, aliases expanded */
    CONFIG_ANCHORS_MAX = 1000,
    CONFIG_FAULTS_MAX = 100,
};

/* A member of a mapping or an element of a list. The whole document is number 0. */
struct config_place {
    uint32_t parent;
    uint32_t index; /* in a list */
    struct str key; /* as in the .proto, when there is such a field; p == NULL in a list */
    const struct tc_field *field; /* what it is, or is an element of; NULL: not known */
    uint32_t line;                /* of the key; counted from 1 */
    size_t offset;                /* of the member in the JSON text; SIZE_MAX: it is not there */
    bool left_out;                /* it is faulty and was reported: the rest goes on without it */
};

struct config_places {
    struct config_place *items;
    uint32_t n, cap;
};

struct config_fault {
    uint32_t line; /* 0: of the whole file */
    struct str text;
    struct config_fault *next;
};

struct config_reader {
    struct arena *arena;
    struct str name;
    struct config_places *places;
    struct config_fault *faults; /* ascending by line */
    uint32_t nfaults;
    bool out_of_memory;
    yaml_document_t yaml;
    bool loaded; /* `yaml` holds nodes */
};

/* Notes a fault at a line, at a place known by number, or by path (or what it stands in). */
__attribute__((format(printf, 3, 4))) void config_fault_line(struct config_reader *r, uint32_t line,
                                                             const char *format, ...);
__attribute__((format(printf, 3, 4))) void config_fault_place(struct config_reader *r,
                                                              uint32_t place, const char *format,
                                                              ...);
__attribute__((format(printf, 3, 4))) void config_fault_path(struct config_reader *r,
                                                             const char *path, const char *format,
                                                             ...);
/* Hands all faults on. */
void config_faults_pass(const struct config_reader *r, struct tc_faults *faults);

/* Appends a place; false when there are too many or memory is short. */
bool config_place_add(struct config_reader *r, struct config_place place);
/* "clusters[1].endpoints[0]"; empty for the document. */
struct str config_place_path(const struct config_reader *r, uint32_t place);
/* The last place that begins at or before byte `offset` of the JSON text. */
uint32_t config_place_at(const struct config_places *places, size_t offset);

/* False (with a fault) when `text` is no YAML document. */
bool config_yaml_load(struct config_reader *r, struct str text);
void config_yaml_release(struct config_reader *r);
/* Writes the document as JSON text of `type`, without what is left out. The first time it fills
 * r->places and reports what can be seen without the types of values. False: a ceiling was reached,
 * a fault says so. */
bool config_yaml_json(struct config_reader *r, const struct tc_message *type, struct buf *json);
/* One YAML scalar as JSON. A `plain` (unquoted) one is what it looks like by YAML's core schema;
 * where a text is wanted a number is taken as its text. False when `json` is full. */
bool config_scalar_json(struct buf *json, struct str text, bool plain, bool text_wanted);

/* Fills in every default of c->message and sets what is derived from it. Without `complete` parts
 * of the file were left out: then nothing is reported as missing. */
void config_check(struct config *c, struct config_reader *r, bool complete);
