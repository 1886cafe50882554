/* Handlers of demo.v1.TextGeneration that stand in files of their own. */
#pragma once

#include "tools/demo-backend/demo.h"
#include "tools/demo-backend/models.h"

/* The model `name` when it can answer; else NULL, and the call has been ended with a status that
 * says why. */
Demo__V1__Model *ready_model(struct server_call *c, const char *name);

void chat(struct server_call *c, const Demo__V1__ChatRequest *request);
void get_model(struct server_call *c, const Demo__V1__GetModelRequest *request);
void list_models(struct server_call *c, const Demo__V1__ListModelsRequest *request);
void update_model(struct server_call *c, const Demo__V1__UpdateModelRequest *request);
void delete_model(struct server_call *c, const Demo__V1__DeleteModelRequest *request);
