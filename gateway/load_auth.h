/* Providers of authentication while a snapshot is loaded: their files are read, so that a wrong one
 * is a load error with its place, and each gets its source. */
#pragma once

#include "gateway/core/snapshot.h"
#include "transcoder/schema_compile.h"

struct auth_source;
struct auth_data;

/* What the source's file says now. NULL: a fault says why not, or memory is short. */
struct auth_data *load_auth_file(const struct auth_source *s, struct tc_faults *faults);
/* Gives back the sources of a plan's providers. */
void load_auth_release(const struct plan *plan);
/* Reads the files of s->plan's providers; `config` is the path that theirs are relative to, or
 * NULL. */
void load_auth(struct snapshot *s, const char *config, struct tc_faults *faults);
