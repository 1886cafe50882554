/* The list of models: changes by UpdateModel and DeleteModel last as long as the process. Safe to
 * use from any thread. */
#pragma once

#include "gen/demo/v1/text_generation.pb-c.h"
#include "transcoder/arena.h"

struct models;

/* The models that the demo starts with. NULL: out of memory. */
struct models *models_new(void);
void models_free(struct models *m);
/* A copy in `arena`; NULL when there is none of that name or memory is short. */
Demo__V1__Model *models_get(struct models *m, const char *name, struct arena *arena);
/* Copies of all, in order of their names. Returns how many. */
size_t models_all(struct models *m, struct arena *arena, Demo__V1__Model ***list);
/* Stores `model` under its name, which must be known. False when it is not. */
bool models_put(struct models *m, const Demo__V1__Model *model);
bool models_delete(struct models *m, const char *name);
